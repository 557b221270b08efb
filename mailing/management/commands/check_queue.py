import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from mailing.services.watching import watch

ALARM, UNKNOWN = 2, 3  # as monitoring systems of the Nagios family understand them; 0: all is well


class Command(BaseCommand):
    help = (
        "Does the mail go? For cron and monitoring: a line for each trouble, and an exit status of 0 (none), 2 (some) "
        "or 3 (the database cannot be asked). Writes to OPERATOR_EMAILS as every other process does."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = watch()
        except DatabaseError as error:
            self.stderr.write(_("The database cannot be asked: %(error)s") % {"error": error})
            sys.exit(UNKNOWN)
        for kind, since in found.items():
            moment = formats.date_format(timezone.localtime(since), "DATETIME_FORMAT")
            self.stdout.write(_("%(trouble)s, since %(moment)s (UTC)") % {"trouble": kind.label, "moment": moment})
        if found:
            sys.exit(ALARM)
        self.stdout.write(_("The mail goes."))
