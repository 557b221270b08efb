"""Deciding who is asked when, and who is not and why. Sets, not rows: as many statements for 1,000 as for one."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import prefetch_related_objects
from django.db.models.functions import Coalesce

from accounts.models import Brand
from affiliates.models import Purchase
from mailing.addresses import normalize_address
from mailing.models import OutgoingMail
from mailing.selectors import Objection, standing_suppressions, strongest_objection
from mailing.services import cancel_mails
from surveys.asking import Facts, Verdict, judge
from surveys.models import Hold, Invitation, InvitationMail, Reason, Survey, Wave
from surveys.standard import publish_standard_survey

State = Invitation.State
# What takes a mail back that the ledger has not handed over yet; other reasons it looks at by itself, last thing.
TAKES_BACK = {Reason.CANCELLED, Reason.REFUNDED, Reason.OPEN_COMPLAINT}
NEVER_SENT = [OutgoingMail.State.FAILED, OutgoingMail.State.CANCELLED, OutgoingMail.State.EXPIRED]


def purchase_scope(purchase_id: int) -> str:
    return f"purchase:{purchase_id}"


@transaction.atomic
def plan_invitations(brand: Brand, purchases: Sequence[Purchase], *, now: datetime) -> dict[int, Verdict]:
    """Decide on each purchase of the brand; what was decided before is decided again with what is known now.

    A mail on its way is taken back where the purchase was cancelled or refunded or has an open complaint; what has
    been handed over stays as it is. The verdicts by purchase: of new purchases, all that there is to know.
    """
    if not purchases:
        return {}
    prefetch_related_objects(list(purchases), "customer", "product")
    # Locked in one order, so that two who plan the same wait for each other; senders skip what is locked.
    standing = {
        invitation.purchase_id: invitation
        for invitation in Invitation.objects.select_for_update(no_key=True)
        .filter(wave=Wave.FIRST, purchase__in=[purchase.pk for purchase in purchases])
        .order_by("pk")
    }
    facts = gather_facts(brand, purchases, counting=[State.PLANNED, State.QUEUED])
    verdicts = judge_in_turn(brand, purchases, standing, facts, now=now)
    create_invitations(brand, {pk: verdict for pk, verdict in verdicts.items() if pk not in standing}, now=now)
    change_invitations([(standing[pk], verdict) for pk, verdict in verdicts.items() if pk in standing], now=now)
    return verdicts


def judge_in_turn(
    brand: Brand,
    purchases: Iterable[Purchase],
    standing: dict[int | None, Invitation],
    facts: Facts,
    *,
    now: datetime,
) -> dict[int, Verdict]:
    """One verdict a purchase. What is planned or asked already stands; then who received first is asked first."""

    def turn(purchase: Purchase) -> tuple[bool, datetime, int]:
        invitation = standing.get(purchase.pk)
        is_settled = invitation is not None and invitation.state in (State.PLANNED, State.QUEUED)
        return not is_settled, purchase.received_at or datetime.max.replace(tzinfo=UTC), purchase.pk

    verdicts = {}
    for purchase in sorted(purchases, key=turn):
        invitation = standing.get(purchase.pk)
        planned_for = invitation.scheduled_for if invitation and invitation.state == State.PLANNED else None
        verdict = judge(purchase, brand=brand, facts=facts, now=now, planned_for=planned_for)
        if not (invitation and invitation.state == State.QUEUED and verdict.reason not in TAKES_BACK):
            facts.count_as_asked(purchase, verdict.scheduled_for if verdict.state == State.PLANNED else None)
        verdicts[purchase.pk] = verdict
    return verdicts


# Who plans the same purchase at the same moment knows no more than we do: the first to commit stands, and whatever it
# decided is judged again before anything is sent.
CREATE = """
INSERT INTO surveys_invitation
    (brand_id, survey_id, wave, occasion, purchase_id, state, reason, scheduled_for, created_at, updated_at)
SELECT %(brand)s, %(survey)s, %(wave)s, 'purchase:' || purchase, purchase, state, reason, at, %(now)s, %(now)s
FROM unnest(%(purchases)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(times)s::timestamptz[])
    AS planned (purchase, state, reason, at)
ON CONFLICT DO NOTHING
"""


def create_invitations(brand: Brand, verdicts: dict[int, Verdict], *, now: datetime) -> None:
    if not verdicts:
        return
    survey = Survey.objects.published(brand, Wave.FIRST).first() or publish_standard_survey(brand)
    values: dict[str, Any] = {
        "brand": brand.pk,
        "survey": survey.pk,
        "wave": Wave.FIRST,
        "now": now,
        "purchases": list(verdicts),
        "states": [verdict.state for verdict in verdicts.values()],
        "reasons": [verdict.reason for verdict in verdicts.values()],
        "times": [verdict.scheduled_for for verdict in verdicts.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(CREATE, values)


def change_invitations(decided: Iterable[tuple[Invitation, Verdict]], *, now: datetime) -> None:
    """Store new verdicts on invitations that the caller has locked."""
    changed = [(invitation, verdict) for invitation, verdict in decided if differs(invitation, verdict)]
    queued = [invitation for invitation, _verdict in changed if invitation.state == State.QUEUED]
    taken_back = take_back(queued)
    changed = [
        (invitation, verdict)
        for invitation, verdict in changed
        if invitation.state != State.QUEUED or invitation.pk in taken_back
    ]
    freed = [i.purchase_id for i, _verdict in changed if i.purchase_id and i.state in (State.PLANNED, State.QUEUED)]
    for invitation, verdict in changed:
        invitation.state, invitation.reason = verdict.state, verdict.reason
        invitation.scheduled_for, invitation.updated_at = verdict.scheduled_for, now
    Invitation.objects.bulk_update(
        [invitation for invitation, _verdict in changed], ["state", "reason", "scheduled_for", "updated_at"]
    )
    look_again_at_the_rested(freed, now=now)


def differs(invitation: Invitation, verdict: Verdict) -> bool:
    if invitation.state == State.QUEUED:
        return verdict.reason in TAKES_BACK
    return (invitation.state, invitation.reason, invitation.scheduled_for) != (
        verdict.state,
        verdict.reason,
        verdict.scheduled_for,
    )


def take_back(invitations: Collection[Invitation]) -> set[int]:
    """Cancel mails not handed over yet; the invitations that nobody has been sent."""
    if not invitations:
        return set()
    mails = InvitationMail.objects.filter(invitation__in=[invitation.pk for invitation in invitations])
    cancel_mails(sorted(mails.values_list("mail", flat=True)), reason=OutgoingMail.Reason.TAKEN_BACK)
    cancelled = mails.filter(kind=InvitationMail.Kind.FIRST, mail__state=OutgoingMail.State.CANCELLED)
    return set(cancelled.values_list("invitation", flat=True))


def look_again_at_the_rested(purchase_ids: Collection[int], *, now: datetime) -> None:
    """The customers of these purchases are not asked about them after all: about another they may be."""
    if not purchase_ids:
        return
    held = Invitation.objects.filter(
        state=State.HELD,
        reason=Reason.FATIGUE,
        purchase__customer__in=Purchase.objects.filter(pk__in=purchase_ids).values("customer"),
    )
    # Rows that somebody else holds are being judged already; waiting for them could end in a deadlock.
    free = held.select_for_update(skip_locked=True, no_key=True, of=("self",)).values_list("pk", flat=True)
    Invitation.objects.filter(pk__in=list(free)).update(scheduled_for=now, updated_at=now)


def gather_facts(brand: Brand, purchases: Collection[Purchase], *, counting: Sequence[str]) -> Facts:
    """What the rule must know of these purchases; `counting`: the states in which somebody counts as asked."""
    ids = [purchase.pk for purchase in purchases]
    objections = objections_to(brand, purchases)
    return Facts(
        suppressed={pk: reason_of_suppression(o.reason) for pk, o in objections.items() if o.until is None},
        rests_until={pk: o.until for pk, o in objections.items() if o.until is not None},
        on_hold=set(Hold.objects.standing().filter(purchase__in=ids).values_list("purchase", flat=True)),
        asked=times_asked({purchase.customer_id for purchase in purchases}, counting) if brand.fatigue_days else {},
    )


def objections_to(brand: Brand, purchases: Collection[Purchase]) -> dict[int, Objection]:
    """The purchases whose customer must not be asked: by their wish, about all surveys or this purchase alone, or
    because their address does not work."""
    addresses = {
        purchase.pk: normalize_address(purchase.customer.email) for purchase in purchases if purchase.customer.email
    }
    standing = standing_suppressions(brand, set(addresses.values()))
    objections = {
        pk: strongest_objection(standing[address], [OutgoingMail.SURVEYS, purchase_scope(pk)])
        for pk, address in addresses.items()
        if address in standing
    }
    return {pk: objection for pk, objection in objections.items() if objection}


def reason_of_suppression(reason: str) -> Reason:
    return Reason(reason) if reason in (Reason.OPTED_OUT, Reason.BOUNCED) else Reason.SUPPRESSED


def times_asked(customers: Collection[int], states: Sequence[str]) -> dict[int, dict[int, datetime]]:
    """When these customers are or were asked for the first time about each purchase, by us or by another tool."""
    rows = (
        Invitation.objects.filter(wave=Wave.FIRST, purchase__customer__in=customers, state__in=states)
        .exclude(mails__in=InvitationMail.objects.filter(kind=InvitationMail.Kind.FIRST, mail__state__in=NEVER_SENT))
        .annotate(asked_at=Coalesce("sent_elsewhere_at", "scheduled_for"))
        .exclude(asked_at=None)
        .values_list("purchase__customer", "purchase", "asked_at")
    )
    times: dict[int, dict[int, datetime]] = {}
    for customer, purchase, asked_at in rows:
        times.setdefault(customer, {})[purchase] = asked_at
    return times
