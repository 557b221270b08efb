"""django-post-office on the database named by PEER_DATABASE (a libpq address) and the SMTP server of PEER_PORT.

Run by the interpreter of the peer's environment, where nothing of ours can be imported. Lines in, numbers out:
`queue N`, `send PROCESSES`.
"""

import logging
import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="bench",  # noqa: S106
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "peer",
            "OPTIONS": {"dsn": os.environ["PEER_DATABASE"]},
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    EMAIL_BACKEND="post_office.EmailBackend",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=int(os.environ["PEER_PORT"]),
    # Batches so large that none waits for the next, no word in a log table.
    POST_OFFICE={"BATCH_SIZE": 1_000_000, "LOG_LEVEL": 0, "BATCH_DELIVERY_TIMEOUT": 600},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    LOGGING_CONFIG=None,
)
django.setup()

from django.core.management import call_command  # noqa: E402 - after the apps are there
from django.db import connection  # noqa: E402
from post_office import mail  # type: ignore[import-not-found]  # noqa: E402

TEXT = "A line of a letter.\n" * 100
HTML = "<p>A line of a letter.</p>\n" * 300


def queue(count: int) -> int:
    """Rendered already, which is more than our own are when they are queued."""
    letters = [
        {
            "recipients": [f"b{number}@bench{number}.example"],
            "sender": "a@bench.example",
            "subject": "Bench",
            "message": TEXT,
            "html_message": HTML,
        }
        for number in range(count)
    ]
    mail.send_many(letters)
    return count


def send(processes: int) -> int:
    sent, _failed, _requeued = mail.send_queued(processes=processes)
    connection.close()  # its processes are forks, which have ended the conversation for all
    return int(sent)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    call_command("migrate", verbosity=0)
    for line in sys.stdin:
        command, number = line.split()
        print({"queue": queue, "send": send}[command](int(number)), flush=True)  # noqa: T201  told to who asked
