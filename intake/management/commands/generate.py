import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.clock import database_now
from accounts.models import Brand
from intake.generation import AlreadyGenerated, Volume, generate
from intake.services import create_brand


class Command(BaseCommand):
    help = (
        "Make up a brand of any size for measuring: affiliates, links, clicks, purchases, answers and their counts. "
        "The same seed makes the same brand. Not for a database with real customers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, metavar="SLUG", help="made where there is none")
        parser.add_argument("--affiliates", type=int, default=200, metavar="N", help="(%(default)s)")
        parser.add_argument("--purchases", type=int, default=100_000, metavar="N", help="(%(default)s)")
        parser.add_argument("--answers", type=int, default=30_000, metavar="N", help="(%(default)s)")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="(%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        volume = Volume(options["affiliates"], options["purchases"], options["answers"])
        if not 0 <= volume.answers <= volume.purchases or volume.affiliates < 1:
            raise CommandError("At least one affiliate, and no more answers than purchases.")
        slug = options["brand"]
        brand = Brand.objects.filter(slug=slug).first() or create_brand(slug, name=slug.capitalize())
        bar = tqdm(total=volume.purchases, unit=" purchases", file=sys.stderr, disable=None)
        try:
            generate(brand, volume, seed=options["seed"], now=database_now(), on_progress=bar.update)
        except AlreadyGenerated as error:
            raise CommandError(str(error)) from error
        finally:
            bar.close()
        self.stdout.write(
            f"{volume.affiliates} affiliates, {volume.purchases} purchases and {volume.answers} answers in {slug}."
        )
