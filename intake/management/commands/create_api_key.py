from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand, Scope
from accounts.services import create_api_key


class Command(BaseCommand):
    help = "Create an API key and print it, this once and alone, so that a script can read it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument(
            "--scopes", nargs="+", metavar="SCOPE", help=f"all unless named: {', '.join(Scope.values)}; commas do too"
        )
        parser.add_argument("--name", default="API", help="to tell keys apart (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        named = options["scopes"]
        scopes = None if named is None else [scope for text in named for scope in text.split(",") if scope]
        try:
            _key, text = create_api_key(brand, name=options["name"], scopes=scopes)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(text)
