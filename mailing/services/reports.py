"""What providers report of a mail later: in any order, more than once, and sometimes of mail that is not ours."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from mailing.addresses import hash_address
from mailing.bounces import Fault, fault_of
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.services.suppression import suppress

Kind = MailEvent.Kind
State, MailReason, Reason = OutgoingMail.State, OutgoingMail.Reason, Suppression.Reason

# An address that failed so often in a row, and for so long, rests. A full mailbox of one evening does not.
SOFT_BOUNCES = 3
SOFT_BOUNCE_SPAN = timedelta(hours=72)
SOFT_BOUNCE_REST = timedelta(days=30)
# Whoever reports this of a mail has had it in hands.
PROVES_ACCEPTED = {Kind.DELIVERED, Kind.BOUNCED, Kind.COMPLAINED, Kind.UNSUBSCRIBED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class MailReport:
    """One event of a provider in the trade's words.

    `mail`: the uuid that went along as metadata, or our own Message-ID with or without its brackets.
    `kind`: a MailEvent.Kind. `detail`: what the receiving server said. `reject_reason`: django-anymail's word.
    """

    source: str
    event_id: str
    mail: str
    kind: str
    occurred_at: datetime
    detail: str = ""
    reject_reason: str = ""


@transaction.atomic
def record_mail_event(report: MailReport, *, now: datetime) -> MailEvent | None:
    """Write it into the mail's timeline and draw the consequences, once; None: known already, or no mail of ours."""
    mail = _mail_of(report)
    if mail is None:
        log.info("mail_report_of_unknown_mail", source=report.source, kind=report.kind)
        return None
    event, is_new = MailEvent.objects.get_or_create(
        source=report.source,
        event_id=report.event_id,
        defaults={
            "brand_id": mail.brand_id,
            "mail": mail,
            "kind": report.kind,
            "detail": " ".join(report.detail.replace("\0", "").split())[:200],
            "occurred_at": report.occurred_at,
        },
    )
    if not is_new:
        return None
    _settle(mail, report)
    _draw_consequences(mail, report, now=now)
    return event


def _mail_of(report: MailReport) -> OutgoingMail | None:
    said = report.mail.strip().strip("<>")
    wanted = Q(message_id=f"<{said}>")
    with contextlib.suppress(ValueError):
        wanted |= Q(uuid=UUID(said.partition("@")[0]))
    # Locked: two events of one mail draw their consequences one after the other.
    return OutgoingMail.objects.select_for_update(of=("self",)).select_related("brand").filter(wanted).first()


def _settle(mail: OutgoingMail, report: MailReport) -> None:
    """What was perhaps delivered was: it is neither uncertain any longer nor to be sent again."""
    if report.kind not in PROVES_ACCEPTED:
        return
    in_doubt = (
        Q(state=State.UNCERTAIN)
        | Q(state=State.QUEUED, reason__in=[MailReason.LOST, MailReason.WORKER_LOST])
        | Q(state=State.FAILED, reason=MailReason.NOT_ARRIVED)  # as staff thought
    )
    OutgoingMail.objects.filter(in_doubt, pk=mail.pk).update(
        state=State.SENT, reason="", sent_at=mail.handed_over_at or report.occurred_at, updated_at=Now()
    )


def _draw_consequences(mail: OutgoingMail, report: MailReport, *, now: datetime) -> None:
    match report.kind, report.reject_reason:
        case (Kind.COMPLAINED, _) | (Kind.REJECTED, "spam"):
            # Answers to what they themselves asked us still go out: the law wants claims answered.
            suppress(mail.brand, mail.to_address, scope=Suppression.UNASKED, reason=Reason.COMPLAINED, now=now)
        case (Kind.UNSUBSCRIBED, _) | (Kind.REJECTED, "unsubscribed"):
            suppress(mail.brand, mail.to_address, scope=OutgoingMail.SURVEYS, reason=Reason.OPTED_OUT, now=now)
        case (Kind.BOUNCED | Kind.REJECTED, reason) if reason == "invalid" or fault_of(report.detail) == Fault.ADDRESS:
            suppress(mail.brand, mail.to_address, scope=Suppression.EVERYTHING, reason=Reason.BOUNCED, now=now)
        case ((Kind.BOUNCED | Kind.DELIVERED), _):
            rest_where_it_keeps_failing(mail, now=now)


def rest_where_it_keeps_failing(mail: OutgoingMail, *, now: datetime) -> None:
    """Let an address rest after soft bounces in a row, or no longer, by all that is known of it by now.

    Judged anew at each report, so that the order in which they come does not matter.
    """
    latest = (
        MailEvent.objects.filter(
            mail__brand=mail.brand_id, mail__to_address=mail.to_address, kind__in=[Kind.BOUNCED, Kind.DELIVERED]
        )
        .order_by("-occurred_at", "-pk")
        .values_list("kind", "detail", "occurred_at")[:50]
    )
    failures: list[datetime] = []
    for kind, detail, occurred_at in latest:
        if kind == Kind.DELIVERED:
            break
        if fault_of(detail) == Fault.MOMENT:
            failures.append(occurred_at)
    if len(failures) >= SOFT_BOUNCES and failures[0] - failures[-1] >= SOFT_BOUNCE_SPAN:
        rest_until = failures[0] + SOFT_BOUNCE_REST
        suppress(
            mail.brand,
            mail.to_address,
            scope=Suppression.EVERYTHING,
            reason=Reason.BOUNCED,
            now=now,
            expires_at=rest_until,
        )
        return
    Suppression.objects.filter(
        brand=mail.brand_id, address_hash=hash_address(mail.to_address), expires_at__isnull=False
    ).delete()
