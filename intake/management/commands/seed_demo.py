import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.clock import database_now
from accounts.models import Brand
from accounts.services import create_api_key
from intake.demo.cast import BRAND, PASSWORD, STAFF_EMAIL
from intake.demo.seeding import affiliates_of, seed


class Command(BaseCommand):
    help = (
        "Make up a brand with affiliates, purchases, answers and cases, all invented, with passwords that anybody can "
        "read here. Only for a demo that no other machine can reach."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", type=Path, metavar="PATH", help="write how to sign in there, as JSON")
        parser.add_argument("--seed", type=int, default=1, help="another number, another story (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=BRAND).first() or seed(seed=options["seed"], now=database_now())
        # A new key each time: of the earlier ones only hashes are kept.
        _key, text = create_api_key(brand, name="Demo")
        facts = {
            "api_key": text,
            "brand": brand.slug,
            "staff": {"email": STAFF_EMAIL, "password": PASSWORD},
            "affiliates": affiliates_of(brand),
        }
        written = json.dumps(facts, indent=2, ensure_ascii=False)
        if options["write"]:
            options["write"].write_text(written, encoding="utf-8")
        else:
            self.stdout.write(written)
