"""Reasons not to ask now: written by apps above, by staff who pause, and ended with their cause."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import AuditEntry, Brand, User
from accounts.services import record_change
from affiliates.models import Purchase
from mailing.models import OutgoingMail, Suppression
from mailing.services import settle_called_back, take_back_put_aside
from surveys.asking import PURCHASE_WAVES
from surveys.models import Hold, Invitation, InvitationMail, Reason, Survey, Wave
from surveys.selectors import PASSING
from surveys.services.planning import look_again_at_the_rested, plan_invitations, take_back

State, Kind = Invitation.State, InvitationMail.Kind
# An invitation with the word of which mail it is asked by: whoever held it a moment ago may have asked by another.
LOCKED = ("invitation", "self")
ON_ITS_WAY = [OutgoingMail.State.QUEUED, OutgoingMail.State.CLAIMED]


@transaction.atomic
def hold_purchase(purchase: Purchase, *, cause: str, now: datetime) -> Hold:
    """Do not ask about this purchase while the cause ("complaint:5") stands; a mail on its way is taken back."""
    hold, _created = Hold.objects.get_or_create(purchase=purchase, cause=cause, lifted_at=None)
    plan_again(purchase, now=now)
    return hold


@transaction.atomic
def lift_hold(purchase: Purchase, *, cause: str, now: datetime) -> bool:
    """The cause is over: ask when nothing else stands against it. False: it was not held for this cause."""
    is_lifted = bool(Hold.objects.standing().filter(purchase=purchase, cause=cause).update(lifted_at=now))
    if is_lifted:
        plan_again(purchase, now=now)
    return is_lifted


def plan_again(purchase: Purchase, *, now: datetime) -> None:
    """A purchase of which no invitation was ever decided (imported history) stays without one."""
    if Invitation.objects.filter(wave=Wave.FIRST, purchase=purchase).exists():
        fresh = Purchase.objects.select_related("brand").get(pk=purchase.pk)
        plan_invitations(fresh.brand, [fresh], now=now)


@transaction.atomic
def pause_asking(brand: Brand, *, now: datetime, by: User | None = None) -> bool:
    """Ask nobody until resumed; what is in the mail ledger already is taken back. False: it was paused before."""
    paused = Brand.objects.filter(pk=brand.pk, asking_paused_at=None).update(asking_paused_at=now)
    if not paused:
        return False
    ours = Invitation.objects.filter(brand=brand, wave__in=PURCHASE_WAVES)
    # Follow-ups are planned for two months ahead: they keep their dates, and are held if the pause lasts until then.
    hold_for_pause(ours.filter(state=State.PLANNED, wave=Wave.FIRST), now=now)
    reminded = ours.filter(state=State.QUEUED, mails__kind=Kind.REMINDER, mails__mail__state__in=ON_ITS_WAY)
    to_remind = list(reminded.values_list("pk", flat=True))
    taken_back = take_back(ours.filter(state=State.QUEUED, mails__mail__state__in=ON_ITS_WAY).distinct())
    hold_for_pause(ours.filter(pk__in=taken_back), now=now)
    remind_again(to_remind, now=now)
    record_change(by, brand, AuditEntry.Action.CHANGED, brand, asking=["goes on", "paused"])
    brand.refresh_from_db(fields=["asking_paused_at"])
    return True


def hold_for_pause(invitations: QuerySet[Invitation], *, now: datetime) -> None:
    invitations.update(state=State.HELD, reason=Reason.PAUSED, scheduled_for=None, remind_at=None, updated_at=now)


def remind_again(invitation_ids: list[int], *, now: datetime) -> None:
    """Those of them whose reminder did not go out, when nothing stands against it any more."""
    cancelled = InvitationMail.objects.filter(
        invitation__in=invitation_ids, kind=Kind.REMINDER, mail__state=OutgoingMail.State.CANCELLED
    )
    Invitation.objects.filter(pk__in=list(cancelled.values_list("invitation", flat=True)), state=State.QUEUED).update(
        remind_at=now, updated_at=now
    )


@transaction.atomic
def resume_asking(brand: Brand, *, now: datetime, by: User | None = None) -> bool:
    """Ask again; whoever waited is judged anew and spread over the next hour. False: it was not paused.

    The first of them at once, more than a batch of them by wake_held within the minute.
    """
    resumed = Brand.objects.filter(pk=brand.pk, asking_paused_at__isnull=False).update(asking_paused_at=None)
    wake_page(after=0, now=now)
    if resumed:
        record_change(by, brand, AuditEntry.Action.CHANGED, brand, asking=["paused", "goes on"])
    brand.refresh_from_db(fields=["asking_paused_at"])
    return bool(resumed)


def wake_held(*, now: datetime) -> int:
    """Make due what is held for a cause that has ended, whoever ended it; how many.

    Whoever ends a cause wakes its purchases at once. This finds those that a crash or a race left behind.
    """
    woken, last = 0, 0
    while page := wake_page(after=last, now=now):
        woken, last = woken + len(page), page[-1]
    return woken


def wake_page(*, after: int, now: datetime) -> list[int]:
    """A batch of those whose cause has ended, by id from `after` on, in a transaction of its own."""
    has_hold = Exists(Hold.objects.standing().filter(purchase=OuterRef("purchase")))
    published = Survey.objects.filter(brand=OuterRef("brand"), wave=OuterRef("wave"), status=Survey.Status.PUBLISHED)
    is_asked = Q(wave=Wave.FIRST) | (Q(brand__follow_up_after__isnull=False) & Exists(published))
    is_over = Q(reason=Reason.PAUSED, brand__asking_paused_at=None) & is_asked
    causeless = is_over | (Q(reason=Reason.OPEN_COMPLAINT) & ~has_hold)
    sleeping = Invitation.objects.filter(causeless, pk__gt=after, state=State.HELD, scheduled_for=None).order_by("pk")
    with transaction.atomic():
        locked = sleeping.select_for_update(skip_locked=True, no_key=True, of=("self",))
        page = list(locked.values_list("pk", flat=True)[: settings.PURCHASE_BATCH_SIZE])
        Invitation.objects.filter(pk__in=page).update(scheduled_for=now, updated_at=now)
    return page


def wake_rested(*, now: datetime) -> int:
    """Make due whose address need not rest any longer, since a later report said that it works; how many.

    A rest that lasts until its end needs nobody: it is in the date they are held until.
    """
    rests = Suppression.objects.standing().filter(
        brand=OuterRef("brand"), address_hash=OuterRef("purchase__customer__email_hash"), expires_at__isnull=False
    )
    resting = Invitation.objects.filter(~Exists(rests), state=State.HELD, reason=Reason.BOUNCED, scheduled_for__gt=now)
    woken = 0
    while page := list(resting.values_list("pk", flat=True)[: settings.PURCHASE_BATCH_SIZE]):
        still_held = Invitation.objects.filter(pk__in=page, state=State.HELD, reason=Reason.BOUNCED)
        woken += still_held.update(scheduled_for=now, updated_at=now)
    return woken


@transaction.atomic
def plan_put_aside(*, now: datetime) -> int:
    """Decide anew on whose mail the ledger put aside at its last look for a cause that will pass; how many."""
    rows = InvitationMail.objects.filter(mail__in=OutgoingMail.objects.put_aside(), invitation__state=State.QUEUED)
    # Locked as planning locks them. What somebody else holds the next run finds.
    locked = rows.select_for_update(skip_locked=True, no_key=True, of=LOCKED).select_related("invitation", "mail")
    put_aside = list(locked[: settings.PURCHASE_BATCH_SIZE])
    for mail_reason, reason in PASSING.items():
        firsts = [r.invitation_id for r in put_aside if r.kind == Kind.FIRST and r.mail.reason == mail_reason]
        judge_anew(firsts, reason=reason, now=now)
    remind_again([row.invitation_id for row in put_aside if row.kind == Kind.REMINDER], now=now)
    return take_back_put_aside([row.mail_id for row in put_aside])


@transaction.atomic
def plan_called_back(*, now: datetime) -> int:
    """Decide anew on whose mail was taken back while a server had it, which then did not take it; how many mails.

    Whether its cause still stands is judged as for anybody: a case may have been closed since.
    """
    rows = InvitationMail.objects.filter(mail__in=OutgoingMail.objects.called_back())
    locked = rows.select_for_update(skip_locked=True, no_key=True, of=LOCKED).select_related("invitation", "mail")
    called_back = list(locked[: settings.PURCHASE_BATCH_SIZE])
    asked = [row.invitation for row in called_back if row.kind == Kind.FIRST and row.invitation.state == State.QUEUED]
    # Who has answered, or was stopped by hand, is not asked again.
    taken_back = {row.invitation_id for row in called_back if row.mail.reason == OutgoingMail.Reason.TAKEN_BACK}
    again = [invitation for invitation in asked if invitation.pk in taken_back]
    judge_anew([invitation.pk for invitation in again], reason=Reason.OPEN_COMPLAINT, now=now)
    purchases = [invitation.purchase_id for invitation in again if invitation.purchase_id]
    look_again_at_the_rested(purchases, apart_from=again, now=now)
    return settle_called_back([row.mail_id for row in called_back])


def judge_anew(invitation_ids: list[int], *, reason: str, now: datetime) -> None:
    """Of whom the first mail was not sent."""
    # A closed case is asked about while it is fresh, or not at all.
    Invitation.objects.filter(pk__in=invitation_ids, wave=Wave.CLOSING).update(
        state=State.CANCELLED, reason=reason, scheduled_for=None, updated_at=now
    )
    # Due at once: whether they are held, and until when, is judged as for anybody who is due.
    Invitation.objects.filter(pk__in=invitation_ids, wave__in=PURCHASE_WAVES).update(
        state=State.HELD, reason=reason, scheduled_for=now, remind_at=None, updated_at=now
    )
