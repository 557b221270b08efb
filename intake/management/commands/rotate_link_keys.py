from typing import Any

from django.core.management.base import BaseCommand

from intake.rights.rotating import reseal_everything


class Command(BaseCommand):
    help = "After a higher version was added to LINK_KEYS: seal anew under it what is kept sealed."

    def handle(self, *args: Any, **options: Any) -> None:
        done = reseal_everything()
        self.stdout.write(f"{done.secrets} secrets are sealed under the newest key now.")
        if done.unreadable:
            text = f"{done.unreadable} cannot be read with any key: whoever set them up has to do it again."
            self.stdout.write(self.style.WARNING(text))
        if done.links_left:
            text = f"{done.links_left} mails and cases have links of older keys: keep these, or what is written about"
            self.stdout.write(f"{text} them later cannot carry a link.")
