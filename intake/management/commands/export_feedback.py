from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand
from intake.exports import span_of
from surveys.choosing import Suspects, Wanted
from surveys.models import Wave
from surveys.services.exporting import csv_of_responses


class Command(BaseCommand):
    help = "Write all answers as CSV to standard output, for staff: a row a response, a column a question."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument("--period", default="all", metavar="P", help="all, 2026, 2026-Q1 or 2026-03 (%(default)s)")
        parser.add_argument("--wave", default="", choices=Wave.values)
        parser.add_argument("--affiliate", default="", metavar="CODE", help="credited with the purchase")
        parser.add_argument("--product", default="", metavar="SKU")
        parser.add_argument("--no-suspects", action="store_true", help="only answers that count")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        try:
            start, end = span_of(brand, options["period"]) or (None, None)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        wanted = Wanted(
            brand,
            start=start,
            end=end,
            wave=options["wave"],
            affiliate=options["affiliate"],
            product=options["product"],
            suspects=Suspects.NONE if options["no_suspects"] else "",
        )
        for line in csv_of_responses(wanted):
            self.stdout.write(line, ending="")
