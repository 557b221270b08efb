"""What providers report of a mail later: in any order, more than once, and sometimes of mail that is not ours."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from mailing.addresses import hash_address, unnamed
from mailing.bounces import Fault, enhanced_code, fault_of
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.services.pacing import domain_of, pause_domain
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
    `is_for_good`: the provider says that the address will never work.
    """

    source: str
    event_id: str
    mail: str
    kind: str
    occurred_at: datetime
    detail: str = ""
    reject_reason: str = ""
    is_for_good: bool = False


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
            "detail": unnamed(_storable(report.detail))[:200],
            "occurred_at": report.occurred_at,
        },
    )
    if not is_new:
        return None
    _settle(mail, report)
    _draw_consequences(mail, report, now=now)
    return event


def _mail_of(report: MailReport) -> OutgoingMail | None:
    # Locked: two events of one mail draw their consequences one after the other.
    return mails_named([report]).select_for_update(of=("self",)).select_related("brand").first()


def mails_named(reports: Iterable[MailReport]) -> QuerySet[OutgoingMail]:
    """Those of our mails that these reports speak of, whatever they say of them."""
    named = [_storable(report.mail).strip("<>") for report in reports]
    uuids = []
    for name in named:
        with contextlib.suppress(ValueError):
            uuids.append(UUID(name.partition("@")[0]))
    return OutgoingMail.objects.filter(Q(message_id__in=[f"<{name}>" for name in named]) | Q(uuid__in=uuids))


def _storable(text: str) -> str:
    """In one line, and nothing that the database would refuse: strangers write what they like."""
    return " ".join(text.encode(errors="replace").decode().replace("\0", "").split())


def _settle(mail: OutgoingMail, report: MailReport) -> None:
    """What was perhaps delivered was: it is neither uncertain any longer nor to be sent again."""
    if report.kind not in PROVES_ACCEPTED:
        return
    in_doubt = (
        Q(state=State.UNCERTAIN)
        | Q(state=State.QUEUED, reason__in=[MailReason.LOST, MailReason.WORKER_LOST])
        | Q(state=State.FAILED, reason=MailReason.NOT_ARRIVED)  # as staff thought
        | Q(state=State.CANCELLED, handed_over_at__isnull=False)  # between two tries
    )
    OutgoingMail.objects.filter(in_doubt, pk=mail.pk).update(
        state=State.SENT, reason="", sent_at=mail.handed_over_at or report.occurred_at, updated_at=Now()
    )


def _draw_consequences(mail: OutgoingMail, report: MailReport, *, now: datetime) -> None:
    match report.kind, report.reject_reason:
        case (Kind.COMPLAINED, _) | (Kind.REJECTED, "spam"):
            # Answers to what they themselves asked us still go out: the law wants claims answered.
            suppress(mail.brand, mail.to_address, scope=Suppression.UNASKED, reason=Reason.COMPLAINED, now=now)
        case (Kind.UNSUBSCRIBED, _) if mail.is_sample:
            pass  # whoever sent it to themselves only tried it
        case (Kind.UNSUBSCRIBED, _) | (Kind.REJECTED, "unsubscribed"):
            suppress(
                mail.brand, mail.to_address, scope=mail.stream or OutgoingMail.SURVEYS, reason=Reason.OPTED_OUT, now=now
            )
        case (Kind.BOUNCED | Kind.REJECTED, reason) if reason == "invalid" or _is_hard(report):
            suppress(mail.brand, mail.to_address, scope=Suppression.EVERYTHING, reason=Reason.BOUNCED, now=now)
        case (Kind.BOUNCED | Kind.REJECTED, _) if fault_of(report.detail) == Fault.SENDER:
            _leave_in_peace(mail, report, now=now)
        case ((Kind.BOUNCED | Kind.DELIVERED), _):
            rest_where_it_keeps_failing(mail, now=now)


def _is_hard(report: MailReport) -> bool:
    """What the receiving server said counts more than what the provider makes of it."""
    is_known = bool(enhanced_code(report.detail))
    return fault_of(report.detail) == Fault.ADDRESS or (report.is_for_good and not is_known)


def _leave_in_peace(mail: OutgoingMail, report: MailReport, *, now: datetime) -> None:
    """Policy speaks of us: the next mail would be refused alike, and each makes our name worse."""
    pause = report.occurred_at + timedelta(seconds=settings.MAIL_POLICY_PAUSE_SECONDS) - now
    if pause > timedelta(0):
        pause_domain(domain_of(mail), pause=pause, said=report.detail)


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
