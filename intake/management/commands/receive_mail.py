import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from complaints.services.receiving import take_in
from intake.hooks.mailbox import MailboxError, read_customers_mailbox


class Command(BaseCommand):
    help = (
        "Takes in mail of customers for their cases. Reads what is unread in the mailbox of INBOUND_MAILBOX_URL; with "
        "--stdin one mail, as a mail server's pipe gives it. See docs/operating.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stdin", action="store_true", help="one mail on standard input")
        parser.add_argument("--recipient", default="", help="to whom it was delivered, such as Postfix' ${recipient}")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["stdin"]:
            self.read_one(options["recipient"])
            return
        if not settings.INBOUND_MAILBOX_URL:
            raise CommandError("INBOUND_MAILBOX_URL is not set; or give one mail on standard input, with --stdin.")
        try:
            count = read_customers_mailbox(settings.INBOUND_MAILBOX_URL, now=timezone.now())
        except MailboxError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} read")

    def read_one(self, recipient: str) -> None:
        raw = sys.stdin.buffer.read(settings.INBOUND_MAX_BYTES + 1)
        try:
            take_in(raw, now=timezone.now(), recipient=recipient)
        except DatabaseError as error:
            # By which a mail server knows to try again later (sysexits.h).
            raise CommandError(str(error), returncode=os.EX_TEMPFAIL) from error
