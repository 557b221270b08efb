from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.clock import database_now
from accounts.models import Brand
from insights.services import rebuild_rollups
from surveys.services.words import suggest_anew


class Command(BaseCommand):
    help = (
        "Read all words of a brand's answers again, for what they are about, and count anew: after a version with "
        "other lexicons, or a change of the brand's aspects. What staff set stays. See docs/words.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        changed = suggest_anew(brand)
        # What is trusted may have changed without any suggestion doing so.
        rebuild_rollups(brand, now=database_now())
        self.stdout.write(f"{changed} answers are about something else than before.")
