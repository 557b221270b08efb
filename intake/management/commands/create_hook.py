import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Brand
from intake.hooks.keeping import set_hook_secret
from intake.models import Hook


class Command(BaseCommand):
    help = "Let a shop send its purchases in. Prints the secret that signs them, this once and alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", choices=[value for value, _label in Hook._meta.get_field("source").choices or []])
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument(
            "--secret-stdin",
            action="store_true",
            help="read the secret from standard input, where the shop gives it (Shopify, Stripe); else one is made up",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        given = sys.stdin.readline().strip() if options["secret_stdin"] else ""
        if options["secret_stdin"] and not given:
            raise CommandError("There is no secret on standard input.")
        try:
            _hook, secret = set_hook_secret(brand, options["source"], given, now=timezone.now())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(secret)
