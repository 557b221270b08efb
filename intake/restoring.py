"""A backup put back into the place of what there is, so that nobody gets twice what they had got by then."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.clock import database_now
from affiliates.models import Customer
from complaints.services.opening import skip_numbers
from mailing.addresses import known_hashes
from mailing.models import OutgoingMail
from mailing.services import doubt_mail, hold_mail, note_lost_time
from mailing.tokens import hash_token
from postventa.postgresql import copies
from surveys.services import send_due_invitations, send_due_reminders

# The numbers of cases that were perhaps opened since the backup was taken: their customers have them.
CASES_PERHAPS_LOST = 10_000
LEAVING_SECONDS = 1.0


class RestoreRefused(Exception):
    """Nothing has changed; why, and what to do."""


@dataclass(frozen=True)
class Restored:
    taken_at: datetime
    uncertain: int  # mails that were perhaps sent after that
    wrong_keys: tuple[str, ...]  # settings that are not those under which the backup was taken


def restore_backup(source: Path, *, replace: bool, jobs: int) -> Restored:
    """RestoreRefused; CopyError: it could not be read. Nothing has changed then.

    Nobody else works on it before all is ready and nothing goes out; of one that was killed nobody, until it is done
    again.
    """
    taken_at = copies.taken_at(source)
    refuse_newer(source)
    with copies.let_in_alone():
        refuse_others()
        if copies.is_set_aside():
            copies.put_back()
        if copies.is_in_use() and not replace:
            raise RestoreRefused(_("This database is in use: --replace throws away what it holds."))
        with copies.set_aside():
            refuse_others(since_before=database_now())  # who came in before the door was closed
            copies.load(source, jobs=jobs)
            call_command("migrate", interactive=False, verbosity=0)
            return mind_lost_time(taken_at)


def mind_lost_time(since: datetime) -> Restored:
    """Of what happened from then until now nothing is known here any more. Nobody else may be at work."""
    skip_numbers(CASES_PERHAPS_LOST)
    return Restored(since, hold_what_was_sent_since(since, now=database_now()), wrong_keys())


def refuse_newer(source: Path) -> None:
    known = {key for key in MigrationLoader(None).disk_migrations if isinstance(key, tuple)}
    if newer := copies.migrations_in(source) - known:
        app, name = min(newer)
        raise RestoreRefused(_("It is of a newer version, which has %(name)s.") % {"name": f"{app}.{name}"})


def refuse_others(since_before: datetime | None = None) -> None:
    """Whoever is about to leave is waited for: a server notices a moment later that somebody has hung up."""
    until = time.monotonic() + LEAVING_SECONDS
    while others := copies.others_connected(since_before):
        if time.monotonic() >= until:
            text = ngettext("%(n)d other is connected", "%(n)d others are connected", others) % {"n": others}
            raise RestoreRefused(f"{text}: {_('stop web, workers and beat.')}")
        time.sleep(0.05)


def hold_what_was_sent_since(taken_at: datetime, *, now: datetime) -> int:
    """Whoever was to be written to by now has perhaps been written to already; how many mails are uncertain.

    Who was due but not yet in the ledger is put there first, so that there is a mail to be uncertain of: also at night,
    when nobody would be asked, for their time came by day. Who was held then without a date, or whose purchase or
    delivery a shop tells again, is minded when their time comes (surveys.asking.may_have_been_asked).
    """
    hold_mail(now=now)  # first: whoever a supervisor starts meanwhile sends nothing
    send_due_reminders(now=now, at_any_hour=True)
    send_due_invitations(now=now, at_any_hour=True)
    uncertain = doubt_mail(now=now)
    note_lost_time(taken_at)
    return uncertain


def wrong_keys() -> tuple[str, ...]:
    mail = OutgoingMail.objects.order_by("-pk").first()
    customer = Customer.objects.exclude(email="").exclude(email=None).order_by("-pk").first()
    found = []
    if mail and not fits(mail):
        found.append("LINK_KEYS")
    if customer and bytes(customer.email_hash or b"") not in known_hashes(customer.email or ""):
        found.append("PSEUDONYM_KEYS")
    return tuple(found)


def fits(mail: OutgoingMail) -> bool:
    try:
        return hash_token(mail.token) == bytes(mail.token_hash)
    except KeyError:  # a version that is not among the keys
        return False
