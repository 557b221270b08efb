from typing import Any

from django.core.management.base import BaseCommand

from intake.rights.rotating import rotate_pseudonyms


class Command(BaseCommand):
    help = "After a higher version was added to PSEUDONYM_KEYS: put fingerprints of known addresses under it."

    def handle(self, *args: Any, **options: Any) -> None:
        rotated = rotate_pseudonyms()
        moved = f"{rotated.customers} customers and {rotated.objections} objections are under the newest key now."
        self.stdout.write(moved)
        if rotated.identities_left:
            left = f"{rotated.identities_left} purchases stay under older keys: without them a repeat is no longer"
            self.stdout.write(f"{left} compared by who bought.")
        if rotated.needs_old_keys:
            left = f"{rotated.objections_left} objections of unknown addresses need the older keys: keep them."
            self.stdout.write(left)
