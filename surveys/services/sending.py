"""From due to the mail ledger: claim, judge again, queue, in one short transaction a batch.

Any number of workers may do this at once. What one has locked the others skip, so nobody waits and nobody is asked
twice; whoever is skipped stays due, and the next run takes it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from accounts.in_turn import sum_in_turn
from accounts.models import Brand
from affiliates.models import Customer, Purchase
from mailing.models import OutgoingMail
from mailing.services import MailRequest, doubt_mails, lost_until, queue_mails
from surveys.asking import (
    PURCHASE_WAVES,
    Facts,
    Subject,
    Verdict,
    judge,
    may_have_been_asked,
    place,
    reason_never_to_ask,
    subject_of,
)
from surveys.invitation_mail import mail_contexts
from surveys.models import Invitation, InvitationMail, InvitationQuerySet, Response, Wave
from surveys.services.planning import change_invitations, gather_facts, purchase_scope, store

State = Invitation.State
Kind = InvitationMail.Kind
MailState = OutgoingMail.State

# An answer worth having is about something fresh: a mail that cannot be sent for so long is not sent at all.
MAIL_KEEPS_FOR = timedelta(hours=72)
# When to look again at a reminder whose first mail is not out yet, or whose brand is paused.
LOOK_AGAIN_AFTER = timedelta(hours=1)
TEMPLATES = {
    Wave.FIRST: "surveys/invitation",
    Wave.FOLLOW_UP: "surveys/follow_up",
    Wave.CLOSING: "surveys/closing",
}


@dataclass(frozen=True)
class Batch:
    claimed: int = 0
    settled: int = 0  # no longer due
    queued: int = 0

    @property
    def may_leave_more(self) -> bool:
        """Nothing settled of a full batch: all of it is in others' hands, so asking again now would spin."""
        return self.claimed == settings.PURCHASE_BATCH_SIZE and self.settled > 0


def send_due_invitations(*, now: datetime, at_any_hour: bool = False) -> int:
    """Hand everybody who is due to the mail ledger, once each; how many. Whoever may not be asked now is told why.

    `at_any_hour`: those too whose time came while the brand's window was open, which it is not any more.
    """
    return run_batches(partial(send_batch, at_any_hour=at_any_hour), now=now)


def send_due_reminders(*, now: datetime, at_any_hour: bool = False) -> int:
    """Remind, once, who was asked long enough ago and has not answered; how many."""
    return run_batches(partial(remind_batch, at_any_hour=at_any_hour), now=now)


def run_batches(work: Callable[..., Batch], *, now: datetime) -> int:
    """ExceptionGroup of the brands with whom it failed, once all have had their turn."""
    queued = 0
    while True:
        try:
            batch = work(now=now)
        except (OperationalError, InterfaceError):  # which will pass
            raise
        except Exception:  # whatever it is, it concerns one of them: the others need not wait for it
            return queued + sum_in_turn(Brand.objects.order_by("pk"), lambda brand: run_of(brand, work, now=now))
        queued += batch.queued
        if not batch.may_leave_more:
            return queued


def run_of(brand: Brand, work: Callable[..., Batch], *, now: datetime) -> int:
    queued = 0
    while (batch := work(now=now, brand=brand)).may_leave_more:
        queued += batch.queued
    return queued + batch.queued


def of_brand(brand: Brand | None) -> InvitationQuerySet:
    """About purchases from all brands, or this one."""
    asked = Invitation.objects.filter(wave__in=PURCHASE_WAVES)
    return asked.filter(brand=brand) if brand else asked


@transaction.atomic
def send_batch(*, now: datetime, at_any_hour: bool = False, brand: Brand | None = None) -> Batch:
    invitations = claim(of_brand(brand).due(now))
    claimed = len(invitations)
    # Two purchases of one customer may be in the hands of two workers, where neither sees what the other queues.
    invitations = with_customer_locked(invitations)
    queued = 0
    for each, wave, group in by_brand_and_wave(invitations):
        queued += send_group(each, wave, group, now=now, at_any_hour=at_any_hour)
    return Batch(claimed=claimed, settled=len(invitations), queued=queued)


def claim(due: InvitationQuerySet) -> list[Invitation]:
    """Lock a batch. The conditions are on the locked rows alone: a joined row would not be looked at again."""
    locked = due.select_for_update(skip_locked=True, no_key=True)[: settings.PURCHASE_BATCH_SIZE]
    return with_purchases(list(locked))


def with_purchases(invitations: list[Invitation]) -> list[Invitation]:
    """Read only after the lock: what was refunded while we waited is seen refunded."""
    purchases = Purchase.objects.select_related("customer", "product", "brand").in_bulk(
        [invitation.purchase_id for invitation in invitations]
    )
    for invitation in invitations:
        invitation.purchase = purchases[invitation.purchase_id]
    return invitations


def with_customer_locked(invitations: list[Invitation]) -> list[Invitation]:
    wanted = {purchase_of(invitation).customer_id for invitation in invitations}
    customers = Customer.objects.filter(pk__in=wanted).order_by("pk")
    locked = set(customers.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    return [invitation for invitation in invitations if purchase_of(invitation).customer_id in locked]


def by_brand_and_wave(invitations: Sequence[Invitation]) -> list[tuple[Brand, Wave, list[Invitation]]]:
    """First waves first: what they queue, the follow-ups see."""
    groups: dict[tuple[Brand, Wave], list[Invitation]] = defaultdict(list)
    for invitation in invitations:
        groups[purchase_of(invitation).brand, Wave(invitation.wave)].append(invitation)
    return sorted(
        ((brand, wave, group) for (brand, wave), group in groups.items()),
        key=lambda group: (PURCHASE_WAVES.index(group[1]), group[0].pk),
    )


def purchase_of(invitation: Invitation) -> Purchase:
    assert invitation.purchase is not None  # every invitation of these waves has one
    return invitation.purchase


def send_group(
    brand: Brand, wave: Wave, invitations: Sequence[Invitation], *, now: datetime, at_any_hour: bool = False
) -> int:
    # Of its own wave only who was really asked counts here: two that are both merely planned would wait for each other.
    purchases = [purchase_of(invitation) for invitation in invitations]
    facts = gather_facts(brand, purchases, planned=[Wave.FIRST] if wave == Wave.FOLLOW_UP else [])
    to_send: list[tuple[Invitation, Subject]] = []
    to_change: list[tuple[Invitation, Verdict]] = []
    for invitation in invitations:
        purchase = purchase_of(invitation)
        subject = subject_of(purchase, brand=brand, facts=facts)
        verdict = judge(subject, invitation, wave=wave, brand=brand, facts=facts, now=now)
        if verdict.is_now(now) or (at_any_hour and verdict.state == State.PLANNED):
            facts.count_as_asked(purchase, wave, now)
            # Asked with what is published today, not with what was when the purchase came in.
            invitation.survey_id = facts.surveys.get(wave, invitation.survey_id)
            to_send.append((invitation, subject))
        else:
            to_change.append((invitation, verdict))
    change_invitations(to_change, now=now)
    doubted = who_may_have_been_asked(to_send, wave=wave, brand=brand, facts=facts)
    queue_first_mails(brand, [invitation for invitation, _subject in to_send], now=now)
    doubt_mails(InvitationMail.objects.filter(invitation__in=doubted, kind=Kind.FIRST).values_list("mail", flat=True))
    return len(to_send)


def who_may_have_been_asked(
    to_send: Sequence[tuple[Invitation, Subject]], *, wave: Wave, brand: Brand, facts: Facts
) -> list[Invitation]:
    """Their mail is written down as one of which nobody knows whether they have it. Whoever does know sends it."""
    until = lost_until() if to_send else None
    if until is None:
        return []
    return [
        invitation
        for invitation, subject in to_send
        if may_have_been_asked(subject, invitation, wave=wave, brand=brand, facts=facts, lost_until=until)
    ]


def queue_first_mails(brand: Brand, invitations: Sequence[Invitation], *, now: datetime) -> None:
    if not invitations:
        return
    queue_invitation_mails(brand, invitations, kind=Kind.FIRST, now=now)
    for invitation in invitations:
        # From here on scheduled_for says when the customer was asked: fatigue counts from it.
        invitation.state, invitation.reason, invitation.scheduled_for = State.QUEUED, "", now
        if brand.reminder_after is not None:
            earliest = now + brand.reminder_after
            invitation.remind_at = place(purchase_of(invitation), brand=brand, earliest=earliest, now=now)
    store(invitations, now=now)


def queue_invitation_mails(brand: Brand, invitations: Sequence[Invitation], *, kind: str, now: datetime) -> None:
    # A mail taken back while its purchase was held is followed by another, with a key of its own.
    replaced = dict(
        InvitationMail.objects.filter(invitation__in=invitations, kind=kind).values_list("invitation", "mail")
    )
    contexts = mail_contexts(brand, invitations, now=now)
    mails = queue_mails(
        [
            MailRequest(
                brand=brand,
                template=template_of(invitation.wave, kind),
                to=purchase_of(invitation).customer.email or "",
                language=brand.language_for(purchase_of(invitation).customer.language),
                dedupe_key=dedupe_key(invitation, kind, replaced.get(invitation.pk)),
                context=contexts[invitation.pk],
                guarantee=OutgoingMail.Guarantee.AT_MOST_ONCE,
                scopes=(OutgoingMail.SURVEYS, purchase_scope(purchase_of(invitation).pk)),
                not_before=now,
                expires_at=now + MAIL_KEEPS_FOR,
            )
            for invitation in invitations
        ]
    )
    InvitationMail.objects.bulk_create(
        [
            InvitationMail(invitation=invitation, kind=kind, mail=mail)
            for invitation, mail in zip(invitations, mails, strict=True)
        ],
        update_conflicts=True,
        unique_fields=["invitation", "kind"],
        update_fields=["mail"],
    )


def template_of(wave: str, kind: str) -> str:
    return TEMPLATES[Wave(wave)] if kind == Kind.FIRST else "surveys/reminder"


def dedupe_key(invitation: Invitation, kind: str, replaced: int | None) -> str:
    return f"invitation:{invitation.pk}:{kind}" + (f":after-{replaced}" if replaced else "")


@transaction.atomic
def remind_batch(*, now: datetime, at_any_hour: bool = False, brand: Brand | None = None) -> Batch:
    invitations = claim(of_brand(brand).to_remind(now))
    queued = 0
    for each, _wave, group in by_brand_and_wave(invitations):
        queued += remind_group(each, group, now=now, at_any_hour=at_any_hour)
    return Batch(claimed=len(invitations), settled=len(invitations), queued=queued)


def remind_group(brand: Brand, invitations: Sequence[Invitation], *, now: datetime, at_any_hour: bool = False) -> int:
    ids = [invitation.pk for invitation in invitations]
    first_mails = {
        row.invitation_id: row.mail
        for row in InvitationMail.objects.filter(invitation__in=ids, kind=Kind.FIRST).select_related("mail")
    }
    answered = set(Response.objects.counted().filter(invitation__in=ids).values_list("invitation", flat=True))
    facts = gather_facts(brand, [purchase_of(invitation) for invitation in invitations], planned=[])
    to_send = []
    for invitation in invitations:
        mail = None if invitation.pk in answered else first_mails.get(invitation.pk)
        remind_at = judge_reminder(invitation, mail, brand=brand, facts=facts, now=now)
        if remind_at is not None and (at_any_hour or remind_at <= now):
            to_send.append(invitation)
            remind_at = None
        invitation.remind_at = remind_at
    if to_send:
        queue_invitation_mails(brand, to_send, kind=Kind.REMINDER, now=now)
    store(invitations, now=now)
    return len(to_send)


def judge_reminder(
    invitation: Invitation, mail: OutgoingMail | None, *, brand: Brand, facts: Facts, now: datetime
) -> datetime | None:
    """When to remind: now or earlier is now, None never. `mail`: the first one, None where it was answered."""
    purchase = purchase_of(invitation)
    if mail is None or brand.reminder_after is None or purchase.pk in facts.on_hold:
        return None
    if reason_never_to_ask(purchase, brand=brand, facts=facts):
        return None
    rests_until = facts.rests_until.get(purchase.pk)
    if rests_until and rests_until > now:
        return rests_until
    if brand.asking_paused_at or mail.state in (MailState.QUEUED, MailState.CLAIMED, MailState.HANDING_OVER):
        return now + LOOK_AGAIN_AFTER
    asked_at = mail.sent_at or mail.handed_over_at
    if asked_at is None or mail.state not in (MailState.SENT, MailState.UNCERTAIN):
        return None
    if now >= asked_at + timedelta(days=brand.link_days):
        return None
    return place(
        purchase, brand=brand, earliest=asked_at + brand.reminder_after, now=now, planned_for=invitation.remind_at
    )
