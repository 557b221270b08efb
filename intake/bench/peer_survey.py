"""django-survey-and-report as its own site, on the database named by PEER_DATABASE (a libpq address).

Run by the interpreter of the peer's environment, where nothing of ours can be imported: as a program it makes the
tables and a survey of the length of ours and says where that is; gunicorn imports `application`.
"""

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
        "django.contrib.staticfiles",
        "survey",
    ],
    **WHOLE_SITE,
)
django.setup()

from django.core.management import call_command  # noqa: E402 - after the apps are there
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402
from survey.models import Question, Survey  # type: ignore[import-not-found]  # noqa: E402

urlpatterns = [path("survey/", include("survey.urls"))]
ASPECTS = "Envío, Embalaje, Precio, Soporte, Información, Producto, Pago, Otro"
QUESTIONS = [
    ("radio", "Overall", "1, 2, 3, 4, 5", True),
    ("radio", "Recommend", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10", False),
    ("radio", "Against the promise", "-2, -1, 0, 1, 2, none", False),
    ("radio", "Anything missing", "yes, no", False),
    ("select-multiple", "What was missing", ASPECTS, False),
    ("select-multiple", "Keep", ASPECTS, False),
    ("text", "Keep, in words", "", False),
    ("select-multiple", "Improve", ASPECTS, False),
    ("text", "Improve, in words", "", False),
    ("text", "Expectation", "", False),
    ("radio", "The affiliate", "1, 2, 3, 4, 5, none", False),
    ("radio", "Contact me", "yes, no", False),
]


def make_survey() -> str:
    """Where it stands."""
    call_command("migrate", verbosity=0)
    survey = Survey.objects.create(
        name="Bench",
        description="Bench",
        is_published=True,
        need_logged_user=False,
        display_method=Survey.ALL_IN_ONE_PAGE,
    )
    for order, (kind, text, choices, is_required) in enumerate(QUESTIONS):
        Question.objects.create(survey=survey, order=order, type=kind, text=text, choices=choices, required=is_required)
    return f"/survey/{survey.pk}/"


if __name__ == "__main__":
    sys.stdout.write(make_survey())
else:
    application = get_wsgi_application()
