import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from intake.hooks.mailbox import MailboxError, read_mailbox, take_in


class Command(BaseCommand):
    help = (
        "Takes in mail that came back: bounces, complaints, and wishes for no more mail. Reads what is unread in the "
        "mailbox of BOUNCE_MAILBOX_URL; with --stdin one mail, as a mail server's pipe gives it. See docs/operating.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stdin", action="store_true", help="one mail on standard input")
        parser.add_argument("--recipient", default="", help="to whom it was delivered, such as Postfix' ${recipient}")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["stdin"]:
            self.read_one(options["recipient"])
            return
        if not settings.BOUNCE_MAILBOX_URL:
            raise CommandError("BOUNCE_MAILBOX_URL is not set; or give one mail on standard input, with --stdin.")
        try:
            count = read_mailbox(settings.BOUNCE_MAILBOX_URL, now=timezone.now())
        except MailboxError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} read")

    def read_one(self, recipient: str) -> None:
        raw = sys.stdin.buffer.read(settings.HOOK_MAX_BYTES)
        try:
            take_in(raw, now=timezone.now(), recipient=recipient)
        except DatabaseError as error:
            # By which a mail server knows to try again later (sysexits.h).
            raise CommandError(str(error), returncode=os.EX_TEMPFAIL) from error
