import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand, Membership
from accounts.services import add_staff


class Command(BaseCommand):
    help = "Give a person a role among a brand's staff, with an account where they have none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument("--role", required=True, choices=Membership.Role.values)
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password of a new account from standard input; else it is set by “forgot password”",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else None
        try:
            user = add_staff(brand, options["email"], role=options["role"], password=password, name=options["name"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{user.email} is {options['role']} of {brand.slug}.")
        if not user.has_usable_password():
            self.stdout.write("No password yet: they set one by “forgot password” at the sign-in.")
