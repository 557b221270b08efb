from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.clock import database_now
from accounts.models import Brand
from intake.models import Erasure
from intake.rights.erasing import customers_called, erase_stranger_everywhere, request_erasure, work_erasure
from mailing.addresses import normalize_address


class Command(BaseCommand):
    help = "Erase a customer: who they are, what they wrote and what was written to them. Sums stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--brand", metavar="SLUG", help="only there; else wherever they bought")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = None
        if options["brand"] and (brand := Brand.objects.filter(slug=options["brand"]).first()) is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        customers = customers_called(options["email"], brand=brand)
        if not customers:
            self.erase_stranger(options["email"], brand)
        for customer in customers:
            now = database_now()
            erasure = request_erasure(customer, door=Erasure.Door.COMMAND, by=None, now=now)
            is_done = work_erasure(erasure, now=now)
            self.stdout.write(f"{customer.brand.slug}: {erasure.uuid}, {sum(erasure.counts.values())} rows.")
            if not is_done:
                self.stdout.write(f"Still to come, by the workers: {erasure.get_step_display()}.")

    def erase_stranger(self, email: str, brand: Brand | None) -> None:
        counts = erase_stranger_everywhere(normalize_address(email), brand=brand, now=database_now())
        if counts is None:
            raise CommandError("A mail to this address is being handed over just now: try again in a minute.")
        if not counts:
            raise CommandError("There is no customer with this address, and nothing else is held of it.")
        rows = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        self.stdout.write(f"No customer has this address. Of whoever wrote from it: {rows}.")
