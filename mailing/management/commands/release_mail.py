from typing import Any

from django.core.management.base import BaseCommand

from mailing.services import release_mail


class Command(BaseCommand):
    help = "Let mail and webhooks go out again that are held since a backup was restored."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Mail goes out again." if release_mail() else "No mail is held.")
