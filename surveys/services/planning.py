"""Deciding who is asked when, and who is not and why. Sets, not rows: as many statements for 1,000 as for one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, prefetch_related_objects
from django.db.models.functions import Coalesce

from accounts.models import Brand
from affiliates.models import Purchase
from affiliates.services.copying import Sheet, insert
from mailing.addresses import normalize_address
from mailing.models import OutgoingMail
from mailing.selectors import Objection, standing_suppressions, strongest_objection
from mailing.services import cancel_mails
from surveys.asking import PURCHASE_WAVES, Facts, Subject, Verdict, judge, subject_of
from surveys.models import Hold, Invitation, InvitationMail, Reason, Wave
from surveys.standard import publish_standard_survey

State = Invitation.State
Occasion = tuple[str, int]  # a wave, and the purchase that it asks about
# What takes a mail back that the ledger has not handed over yet; other reasons it looks at by itself, last thing.
TAKES_BACK = {Reason.CANCELLED, Reason.REFUNDED, Reason.OPEN_COMPLAINT}
NEVER = datetime.max.replace(tzinfo=UTC)
NEVER_SENT = [OutgoingMail.State.FAILED, OutgoingMail.State.CANCELLED, OutgoingMail.State.EXPIRED]


def purchase_scope(purchase_id: int) -> str:
    return f"purchase:{purchase_id}"


@transaction.atomic(savepoint=False)  # nobody goes on after a failure in here
def plan_invitations(
    brand: Brand, purchases: Sequence[Purchase], *, now: datetime, just_made: Collection[int] = ()
) -> dict[int, Verdict]:
    """Decide on each purchase of the brand; what was decided before is decided again with what is known now.

    Both waves at once, so that "why not" has an answer for either from the first day, and a refund ends both. A mail on
    its way is taken back where the purchase was cancelled or refunded or has an open complaint; what has been handed
    over stays as it is. The verdicts on the first wave by purchase: of new purchases, all that there is to know.
    `just_made`: purchases of this transaction, on which nothing can have been decided; nobody else sees them yet.
    """
    if not purchases:
        return {}
    if not just_made:  # those have come with theirs
        prefetch_related_objects(list(purchases), "customer", "product")
    known = [purchase.pk for purchase in purchases if purchase.pk not in just_made]
    standing = standing_invitations(known) if known else {}
    facts = gather_facts(brand, purchases, planned=PURCHASE_WAVES, just_made=just_made)
    verdicts = judge_in_turn(brand, purchases, standing, facts, now=now)
    news = {occasion: verdict for occasion, verdict in verdicts.items() if occasion not in standing}
    create_invitations(brand, news, facts.surveys, just_made=just_made, now=now)
    change_invitations([(standing[key], verdict) for key, verdict in verdicts.items() if key in standing], now=now)
    return {purchase: verdict for (wave, purchase), verdict in verdicts.items() if wave == Wave.FIRST}


def standing_invitations(purchases: Collection[int]) -> dict[Occasion, Invitation]:
    """Locked in one order, so that two who plan the same wait for each other; senders skip what is locked."""
    locked = Invitation.objects.select_for_update(no_key=True).order_by("pk")
    return {
        (invitation.wave, invitation.purchase_id or 0): invitation
        for invitation in locked.filter(wave__in=PURCHASE_WAVES, purchase__in=purchases)
    }


def judge_in_turn(
    brand: Brand,
    purchases: Iterable[Purchase],
    standing: Mapping[Occasion, Invitation],
    facts: Facts,
    *,
    now: datetime,
) -> dict[Occasion, Verdict]:
    """One verdict a wave and purchase; of a wave that is not asked, only on what stands.

    First waves first. What is planned or asked already stands; then who received first is asked first.
    """

    subjects = [subject_of(purchase, brand=brand, facts=facts) for purchase in purchases]

    def turn(occasion: tuple[str, Subject]) -> tuple[bool, bool, datetime, int]:
        wave, (purchase, received_at, _never) = occasion
        invitation = standing.get((wave, purchase.id)) if standing else None
        is_settled = invitation is not None and invitation.state in (State.PLANNED, State.QUEUED)
        return wave != Wave.FIRST, not is_settled, received_at or NEVER, purchase.id

    occasions = [
        (wave, subject)
        for subject in subjects
        for wave in PURCHASE_WAVES
        if wave == Wave.FIRST
        or (wave in facts.surveys and not subject.purchase.is_test)
        or (wave, subject.purchase.id) in standing
    ]
    verdicts: dict[Occasion, Verdict] = {}
    for wave, subject in sorted(occasions, key=turn):
        purchase = subject.purchase
        invitation = standing.get((wave, purchase.id))
        verdict = judge(subject, invitation, wave=wave, brand=brand, facts=facts, now=now)
        if not (invitation and invitation.state == State.QUEUED and verdict.reason not in TAKES_BACK):
            asked_at = verdict.scheduled_for if verdict.state == State.PLANNED else None
            facts.count_as_asked(purchase, wave, asked_at)
        verdicts[wave, purchase.id] = verdict
    return verdicts


ASKED_WITH = "SELECT wave, id FROM surveys_survey WHERE brand_id = %s AND status = 'published' AND wave = ANY(%s)"


def surveys_of(brand: Brand) -> dict[str, int]:
    """What each wave is asked with now; a follow-up only where the brand wants one."""
    with connection.cursor() as cursor:
        cursor.execute(ASKED_WITH, [brand.pk, list(PURCHASE_WAVES)])
        surveys = dict(cursor.fetchall())
    if brand.follow_up_after is None:
        surveys.pop(Wave.FOLLOW_UP, None)
    return surveys


COLUMNS = (
    *("brand_id", "survey_id", "wave", "occasion", "purchase_id", "state", "reason", "scheduled_for"),
    *("created_at", "updated_at"),
)
# Who plans the same purchase at the same moment knows no more than we do: the first to commit stands, and whatever it
# decided is judged again before anything is sent.
CREATE = """
INSERT INTO surveys_invitation
    (brand_id, survey_id, wave, occasion, purchase_id, state, reason, scheduled_for, created_at, updated_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[],
    %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
ON CONFLICT DO NOTHING
"""


def create_invitations(
    brand: Brand,
    verdicts: Mapping[Occasion, Verdict],
    surveys: Mapping[str, int],
    *,
    just_made: Collection[int],
    now: datetime,
) -> None:
    if not verdicts:
        return
    asked_with = {Wave.FIRST: surveys.get(Wave.FIRST) or publish_standard_survey(brand).pk, **surveys}
    rows = [
        (brand.pk, asked_with[wave], wave, purchase_scope(purchase), purchase, *verdict, now, now)
        for (wave, purchase), verdict in verdicts.items()
    ]
    if all(purchase in just_made for _wave, purchase in verdicts):  # which nobody else can be planning
        insert([Sheet(Invitation, COLUMNS, rows)])
        return
    with connection.cursor() as cursor:
        cursor.execute(CREATE, [list(column) for column in zip(*rows, strict=True)])


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
        invitation.scheduled_for = verdict.scheduled_for
    decided_now = [invitation for invitation, _verdict in changed]
    store(decided_now, now=now)
    look_again_at_the_rested(freed, apart_from=decided_now, now=now)


STORE = """
UPDATE surveys_invitation AS invitation
SET survey_id = said.survey, state = said.state, reason = said.reason,
    scheduled_for = said.at, remind_at = said.remind_at, updated_at = %(now)s
FROM unnest(
    %(ids)s::bigint[], %(surveys)s::bigint[], %(states)s::text[], %(reasons)s::text[],
    %(times)s::timestamptz[], %(reminders)s::timestamptz[]
) AS said (id, survey, state, reason, at, remind_at)
WHERE invitation.id = said.id
"""


def store(invitations: Sequence[Invitation], *, now: datetime) -> None:
    """What was decided on invitations that the caller has locked. bulk_update() takes ten times as long for a batch."""
    if not invitations:
        return
    values: dict[str, Any] = {
        "now": now,
        "ids": [invitation.pk for invitation in invitations],
        "surveys": [invitation.survey_id for invitation in invitations],
        "states": [invitation.state for invitation in invitations],
        "reasons": [invitation.reason for invitation in invitations],
        "times": [invitation.scheduled_for for invitation in invitations],
        "reminders": [invitation.remind_at for invitation in invitations],
    }
    with connection.cursor() as cursor:
        cursor.execute(STORE, values)


def differs(invitation: Invitation, verdict: Verdict) -> bool:
    if invitation.state == State.QUEUED:
        return verdict.reason in TAKES_BACK
    return (invitation.state, invitation.reason, invitation.scheduled_for) != (
        verdict.state,
        verdict.reason,
        verdict.scheduled_for,
    )


def take_back(invitations: Collection[Invitation]) -> set[int]:
    """Cancel mails not handed over yet; the invitations that nobody has been sent.

    Without those that staff have stopped by hand: these are decided, and never asked again.
    """
    if not invitations:
        return set()
    mails = InvitationMail.objects.filter(invitation__in=[invitation.pk for invitation in invitations])
    cancel_mails(sorted(mails.values_list("mail", flat=True)), reason=OutgoingMail.Reason.TAKEN_BACK)
    cancelled = mails.filter(kind=InvitationMail.Kind.FIRST, mail__state=OutgoingMail.State.CANCELLED)
    return set(cancelled.exclude(mail__reason=OutgoingMail.Reason.MANUAL).values_list("invitation", flat=True))


def look_again_at_the_rested(
    purchase_ids: Collection[int], *, apart_from: Collection[Invitation], now: datetime
) -> None:
    """The customers of these purchases are not asked about them after all: about another they may be."""
    if not purchase_ids:
        return
    held = Invitation.objects.filter(
        state=State.HELD,
        reason=Reason.FATIGUE,
        purchase__customer__in=Purchase.objects.filter(pk__in=purchase_ids).values("customer"),
    ).exclude(pk__in=[invitation.pk for invitation in apart_from])
    # Rows that somebody else holds are being judged already; waiting for them could end in a deadlock.
    free = held.select_for_update(skip_locked=True, no_key=True, of=("self",)).values_list("pk", flat=True)
    Invitation.objects.filter(pk__in=list(free)).update(scheduled_for=now, updated_at=now)


def gather_facts(
    brand: Brand, purchases: Collection[Purchase], *, planned: Sequence[str], just_made: Collection[int] = ()
) -> Facts:
    """What the rule must know of these purchases. In the waves `planned` who is to be asked counts as asked."""
    known = [purchase.pk for purchase in purchases if purchase.pk not in just_made]
    objections = objections_to(brand, purchases)
    surveys = surveys_of(brand)
    rests = brand.fatigue_days or (Wave.FOLLOW_UP in surveys and brand.follow_up_rest_days)
    # Who came in with a purchase just made cannot have been asked about another.
    customers = {p.customer_id for p in purchases if p.id not in just_made or p.customer.created_at != p.created_at}
    return Facts(
        surveys=surveys,
        suppressed={pk: reason_of_suppression(o.reason) for pk, o in objections.items() if o.until is None},
        rests_until={pk: o.until for pk, o in objections.items() if o.until is not None},
        on_hold=set(Hold.objects.standing().filter(purchase__in=known).values_list("purchase", flat=True))
        if known
        else set(),
        asked=times_asked(customers, planned=planned) if rests and customers else {},
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


def times_asked(customers: Collection[int], *, planned: Sequence[str]) -> dict[int, dict[Occasion, datetime]]:
    """When these customers were asked, by us or by another tool, or in the waves `planned` will be."""
    never_sent = InvitationMail.objects.filter(
        invitation=OuterRef("pk"), kind=InvitationMail.Kind.FIRST, mail__state__in=NEVER_SENT
    )
    rows = (
        Invitation.objects.filter(Q(state=State.QUEUED) | Q(state=State.PLANNED, wave__in=planned))
        .filter(~Exists(never_sent), wave__in=PURCHASE_WAVES, purchase__customer__in=customers)
        .annotate(asked_at=Coalesce("sent_elsewhere_at", "scheduled_for"))
        .exclude(asked_at=None)
        .values_list("purchase__customer", "wave", "purchase", "asked_at")
    )
    times: dict[int, dict[Occasion, datetime]] = {}
    for customer, wave, purchase, asked_at in rows:
        times.setdefault(customer, {})[wave, purchase] = asked_at
    return times
