from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand
from intake.services import create_brand


class Command(BaseCommand):
    help = "Create a brand, with the standard survey published."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its short name in addresses and commands, such as lumbre")
        parser.add_argument("--name", default="", help="as customers know it; the slug unless named")
        parser.add_argument("--country", default="ES", help="two letters (%(default)s)")
        parser.add_argument("--timezone", default="Europe/Madrid", help="such as %(default)s")
        parser.add_argument(
            "--allowed-host",
            nargs="+",
            action="extend",
            default=[],
            metavar="HOST",
            dest="allowed_hosts",
            help="a host of the shop; tracking links may lead to these only",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        if Brand.objects.filter(slug=slug).exists():
            raise CommandError(f"There is a brand “{slug}” already.")
        fields = {name: options[name] for name in ("timezone", "allowed_hosts")}
        fields |= {"name": options["name"] or slug.capitalize(), "country": options["country"].upper()}
        try:
            create_brand(slug, **fields)
        except ValidationError as error:
            problems = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
            raise CommandError("\n".join(problems)) from error
        self.stdout.write(f"Brand “{slug}” created, with the standard survey published.")
