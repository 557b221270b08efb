from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand
from intake.exports import write_affiliates


class Command(BaseCommand):
    help = "Write what affiliates brought and what their customers said as CSV to standard output, for staff."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument("--period", default="all", metavar="P", help="all, 2026, 2026-Q1 or 2026-03 (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        try:
            write_affiliates(brand, self.stdout, period=options["period"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
