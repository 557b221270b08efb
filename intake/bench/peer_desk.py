"""django-helpdesk as its own site, on the database named by PEER_DATABASE (a libpq address).

Run by the interpreter of the peer's environment, where nothing of ours can be imported: as a program, told how many
tickets and which words, it makes both and says how to come in; gunicorn imports `application`.
"""

import json
import sys

import django
from django.conf import settings
from peer_settings import WHOLE_SITE  # type: ignore[import-not-found]

settings.configure(
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.sites",
        "django.contrib.humanize",
        "django.contrib.staticfiles",
        "rest_framework",
        "rest_framework.authtoken",
        "helpdesk",
    ],
    # A key in the header, as ours; a password would be hashed anew for each request.
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework.authentication.TokenAuthentication",
            "rest_framework.authentication.SessionAuthentication",
        ]
    },
    # It sends its mail while the customer waits. Here it is rendered and goes nowhere, as ours does not yet.
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    HELPDESK_TEAMS_MODE_ENABLED=False,  # they are another package's
    LOGIN_URL="helpdesk:login",
    SITE_ID=1,
    **WHOLE_SITE,
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - after the apps are there
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402
from helpdesk.models import Queue  # type: ignore[import-not-found]  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

urlpatterns = [path("", include("helpdesk.urls"))]
# As many are open, and as many words are said, as of our own cases (desk.py).
TICKETS = """
INSERT INTO helpdesk_ticket (id, queue_id, title, description, submitter_email, status, priority, on_hold, secret_key,
    created, modified)
SELECT n, %(queue)s, words[1 + n * 7 %% 43] || ' ' || words[1 + n * 11 %% 43] || ' ' || n,
    words[1 + n * 13 %% 43] || ' no funciona y nadie contesta desde el lunes ' || words[1 + n * 17 %% 43],
    'cliente' || n * 3 / 10 || '@bench.example', CASE WHEN n %% 25 > 0 THEN 4 ELSE 1 END, 1 + n %% 5, false,
    md5(n::text), now() - (%(count)s - n) * interval '1 minute', now()
FROM generate_series(1, %(count)s) AS n, (SELECT %(words)s::text[] AS words) AS vocabulary
"""
FOLLOW_UPS = """
INSERT INTO helpdesk_followup (ticket_id, date, title, comment, public, email_recipients)
SELECT id, created, 'Ticket Opened Via Web', description, true, '[]'::jsonb FROM helpdesk_ticket
UNION ALL
SELECT id, created + interval '1 day', 'Comment', 'Lo sentimos. Te enviamos otra pieza mañana.', true, '[]'::jsonb
FROM helpdesk_ticket
ORDER BY 1
"""


def make_desk(tickets: int, words: list[str]) -> dict[str, str]:
    """The queue to write to, and what opens the API and the pages of staff: a header each."""
    call_command("migrate", verbosity=0)
    queue = Queue.objects.create(
        title="Bench", slug="bench", email_address="desk@bench.example", allow_public_submission=True
    )
    staff = get_user_model().objects.create_superuser("staff", "staff@bench.example")
    with connection.cursor() as cursor:
        cursor.execute(TICKETS, {"queue": queue.pk, "count": tickets, "words": words})
        cursor.execute("SELECT setval(pg_get_serial_sequence('helpdesk_ticket', 'id'), %s)", [tickets])
        cursor.execute(FOLLOW_UPS)
        cursor.execute("VACUUM ANALYZE")
    visitor = Client()
    visitor.force_login(staff)
    return {
        "queue": str(queue.pk),
        "key": f"Authorization: Token {Token.objects.create(user=staff).key}\r\n",
        "session": f"Cookie: sessionid={visitor.cookies['sessionid'].value}\r\n",
    }


if __name__ == "__main__":
    count, *words = sys.argv[1:]
    sys.stdout.write(json.dumps(make_desk(int(count), words)))
else:
    application = get_wsgi_application()
