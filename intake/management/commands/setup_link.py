from typing import Any

from django.core.management.base import BaseCommand, CommandError

from intake.setting_up import is_new, set_up_url


class Command(BaseCommand):
    help = "Print the link by which the first brand and its administrator are made. It works for a day, and once."

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_new():
            raise CommandError("Somebody can sign in already: further brands and people are made by create_brand.")
        self.stdout.write(set_up_url())
