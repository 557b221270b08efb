"""How fast mail may go: in all, and to each recipient domain; and domains that want to be left alone for a while.

In the database, so that any number of workers and hosts keep to it together. A domain gives each mail a time of its
own, which the mail keeps: a backlog is looked at once, not again and again, and holds up no other domain's mail.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection

from mailing.addresses import unnamed
from mailing.models import MailDomain, OutgoingMail

# Unused allowance of so many seconds may be used at once. More than the pause between two runs of the workers.
BURST_SECONDS = 5
# A mail that comes later than this after the time it was given has to ask again: else all of a backlog that nobody
# sent while the workers were away would go out together.
SLOT_KEEPS_FOR = timedelta(seconds=60)

log = structlog.get_logger(__name__)


def allowance(*, limit: int, now: datetime) -> int:
    """How many mails may go now at most, `limit` or fewer, in the caller's transaction, which `spend` ends."""
    if not settings.MAIL_RATE:
        return limit
    everything = locked([MailDomain.EVERYTHING], now=now)[MailDomain.EVERYTHING]
    since = max(everything.free_at, now - timedelta(seconds=BURST_SECONDS))
    return max(0, min(limit, int((now - since).total_seconds() * settings.MAIL_RATE)))


def spend(count: int, *, now: datetime) -> None:
    if not settings.MAIL_RATE:
        return
    everything = MailDomain.objects.get(name=MailDomain.EVERYTHING)
    since = max(everything.free_at, now - timedelta(seconds=BURST_SECONDS))
    MailDomain.objects.filter(name=MailDomain.EVERYTHING).update(
        free_at=since + timedelta(seconds=count / settings.MAIL_RATE)
    )


def give_times(mails: Sequence[OutgoingMail], *, now: datetime) -> list[OutgoingMail]:
    """The mails that have to wait, each with its `slot_at`, in the caller's transaction; the others may go."""
    names = {domain_of(mail) for mail in mails}
    rate = settings.MAIL_RATE_PER_DOMAIN
    domains = locked(names, now=now) if rate else MailDomain.objects.in_bulk(names)
    waiting = []
    for mail in mails:
        domain = domains.get(domain_of(mail))
        if domain and (slot := _slot_for(mail, domain, now=now)) > now:
            mail.slot_at = slot
            waiting.append(mail)
    if rate:
        MailDomain.objects.bulk_update(domains.values(), ["free_at"])
    return waiting


def _slot_for(mail: OutgoingMail, domain: MailDomain, *, now: datetime) -> datetime:
    """`now` or earlier: at once."""
    resting_until = domain.paused_until if domain.paused_until and domain.paused_until > now else None
    rate = settings.MAIL_RATE_PER_DOMAIN
    if not rate:
        return resting_until or now
    if mail.slot_at and mail.slot_at <= now < mail.slot_at + SLOT_KEEPS_FOR and not resting_until:
        return now
    earliest = resting_until or now - timedelta(seconds=BURST_SECONDS)
    slot = max(domain.free_at, earliest)
    domain.free_at = slot + timedelta(seconds=1 / rate)
    return slot


def locked(names: Collection[str], *, now: datetime) -> dict[str, MailDomain]:
    """Their rows, made where they are missing, locked in one order for all."""
    rested = now - timedelta(seconds=BURST_SECONDS)
    new = [MailDomain(name=name, free_at=rested) for name in sorted(names)]
    MailDomain.objects.bulk_create(new, ignore_conflicts=True)
    rows = MailDomain.objects.select_for_update(no_key=True).filter(name__in=names).order_by("name")
    return {row.name: row for row in rows}


def domain_of(mail: OutgoingMail) -> str:
    return mail.to_address.rpartition("@")[2]


_PAUSE = """
INSERT INTO mailing_maildomain (name, free_at, paused_until, said)
SELECT %(name)s, until, until, %(said)s
  FROM (SELECT statement_timestamp() + make_interval(secs => %(seconds)s) AS until) AS pause
ON CONFLICT (name) DO UPDATE
   SET paused_until = greatest(mailing_maildomain.paused_until, excluded.paused_until), said = excluded.said
"""


def pause_domain(name: str, *, pause: timedelta, said: str) -> None:
    """Send nothing there for a while, whatever was claimed already. The server's words are kept for staff."""
    if not pause:
        return
    said = unnamed(said)
    log.error("mail_domain_paused", domain=name, seconds=pause.total_seconds(), said=said)
    with connection.cursor() as cursor:
        cursor.execute(_PAUSE, {"name": name, "seconds": pause.total_seconds(), "said": said})
