"""Taking over the answers that customers gave in another tool: a set at a time, each once, however often it is sent."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Purchase
from affiliates.services import FieldError
from mailing.addresses import known_hashes
from surveys.models import Answer, Invitation, Question, Response, ResponseChange, ResponseRevision, Survey, Wave
from surveys.services.answering import (
    LONGEST_TEXT,
    FollowUp,
    Given,
    Said,
    answer_for,
    cancel_mails_of,
    follow_up_for,
    revision_of,
    said_in,
    without_controls,
)
from surveys.services.words import Known, keep_what_staff_set, known_of, known_with
from surveys.standard import publish_standard_survey

Status = Literal["created", "updated", "duplicate", "rejected"]
SCALES = {"csat": (1, 5), "nps": (0, 10)}
RESPONSE_FIELDS = (
    "external_id",
    "source",
    "language",
    "answered_at",
    "updated_at",
    "is_suspect",
    "suspect_reasons",
    "publishes",
    "is_quotable",
    "follow_up",
    "followed_up_at",
)


@dataclass(frozen=True)
class ImportedResponse:
    """What a customer answered in the other tool. Ids are that tool's and the shop's.

    Tools that know no orders say who answered: an `email` without a purchase stands for the last one before the answer.
    """

    external_id: str
    purchase_external_id: str
    answered_at: datetime
    sent_at: datetime | None = None
    csat: int | None = None
    nps: int | None = None
    comment: str = ""
    title: str = ""
    language: str = ""
    email: str = ""  # normalised

    @property
    def said(self) -> Said:
        given = {
            "csat": Given(number=self.csat),
            "nps": Given(number=self.nps),
            "title": Given(text=without_controls(self.title).strip()),
            "comment": Given(text=without_controls(self.comment).strip()),
        }
        return Said({key: one for key, one in given.items() if one != Given()})


@dataclass(frozen=True)
class Imported:
    """What became of a row: «updated» when its purchase had an answer already."""

    status: Status
    errors: tuple[FieldError, ...] = ()


@dataclass
class History:
    """What is known of one purchase's answers while a set of rows is taken in."""

    invitation: Invitation
    purchase: Purchase
    standing: Response | None = None
    rows: list[ImportedResponse] = field(default_factory=list)

    @property
    def latest(self) -> ImportedResponse:
        return sorted(self.rows, key=lambda row: row.answered_at)[-1]

    @property
    def is_replaced(self) -> bool:
        """The latest of the rows is what the customer says now."""
        standing = self.standing
        return standing is None or standing.is_suspect or self.latest.answered_at >= standing.answered_at


@transaction.atomic
def import_responses(
    brand: Brand,
    rows: Sequence[ImportedResponse],
    *,
    now: datetime,
    quotable: bool = False,
    open_follow_up: bool = False,
) -> list[Imported]:
    """Store rows of history; one result a row, in order. The number of statements does not grow with the rows.

    A known id is a duplicate, whatever else its row says, and so is what is nobody's any more: of somebody who is
    erased, or answered so long ago that it counts on by itself. Of several
    answers to one purchase the latest counts, by its own date, and the others are kept in its history. Nobody is
    mailed, and who answered elsewhere is not asked again. Affiliates may read the words only if `quotable`; bad answers
    are followed up only if `open_follow_up`.
    """
    survey: Survey = Survey.objects.published(brand, Wave.FIRST).first() or publish_standard_survey(brand)
    questions = {question.key: question for question in survey.questions.all()}
    rows = with_purchases_found(brand, rows)
    ids = {row.purchase_external_id for row in rows}
    purchases = Purchase.objects.filter(brand=brand, external_id__in=ids).select_related("customer")
    by_id = {purchase.external_id: purchase for purchase in purchases}
    faults = [tuple(faults_of(row, by_id, questions, now=now)) for row in rows]
    known = known_ids(brand, rows) | ids_of_forgotten(rows, by_id)
    new = [row for row, found in zip(rows, faults, strict=True) if not found and row.external_id not in known]
    histories = lock_histories(brand, survey, {by_id[row.purchase_external_id] for row in new})
    known |= known_ids(brand, new)  # what another import of the same rows has stored while this one waited for it
    results = [_sort_in(row, found, known, histories) for row, found in zip(rows, faults, strict=True)]
    touched = [history for history in histories.values() if history.rows]
    _mark_as_asked_elsewhere(touched, now=now)
    _store(brand, touched, questions, now=now, quotable=quotable, open_follow_up=open_follow_up)
    return results


def faults_of(
    row: ImportedResponse, purchases: Mapping[str, Purchase], questions: Mapping[str, Question], *, now: datetime
) -> Iterator[FieldError]:
    if not row.external_id:
        yield FieldError("external_id", "required", _("Every answer needs an id, so that it is not stored twice."))
    if not row.purchase_external_id and row.email:
        yield FieldError("email", "unknown", _("Whoever has this address had bought nothing before this answer."))
    elif row.purchase_external_id not in purchases:
        yield FieldError("purchase", "unknown", _("There is no purchase with this id."))
    if row.answered_at > now:
        yield FieldError("answered_at", "in_the_future", _("This date is in the future."))
    for key, (low, high) in SCALES.items():
        number: int | None = getattr(row, key)
        if number is not None and not low <= number <= high:
            message = _("It goes from %(low)s to %(high)s.") % {"low": low, "high": high}
            yield FieldError(key, "out_of_range", message)
    given = row.said.given
    if not given:
        yield FieldError("csat", "empty", _("There is no answer in this row."))
    for key, one in given.items():
        if len(one.text) > LONGEST_TEXT:
            yield FieldError(key, "too_long", _("Longer than %(room)s characters.") % {"room": LONGEST_TEXT})
        if key not in questions:
            yield FieldError(key, "no_question", _("The brand's survey has no question for this."))


def with_purchases_found(brand: Brand, rows: Sequence[ImportedResponse]) -> list[ImportedResponse]:
    """Rows that only say who answered, with the purchase that this customer made last before."""
    addresses = {row.email for row in rows if row.email and not row.purchase_external_id}
    if not addresses:
        return list(rows)
    bought = purchases_by_address(brand, addresses)
    return [
        replace(row, purchase_external_id=_last_before(row.answered_at, bought[row.email]))
        if row.email in addresses and not row.purchase_external_id
        else row
        for row in rows
    ]


def purchases_by_address(brand: Brand, addresses: Collection[str]) -> Mapping[str, Sequence[tuple[datetime, str]]]:
    """When and what each of these addresses bought. By the hash, which is indexed under every key in use."""
    address_of = {digest: address for address in addresses for digest in known_hashes(address)}
    purchases = Purchase.objects.filter(brand=brand, customer__email_hash__in=list(address_of))
    bought: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for digest, at, external_id in purchases.values_list("customer__email_hash", "purchased_at", "external_id"):
        if digest:
            bought[address_of[bytes(digest)]].append((at, external_id))
    return bought


def _last_before(answered_at: datetime, bought: Sequence[tuple[datetime, str]]) -> str:
    return max((each for each in bought if each[0] <= answered_at), default=(answered_at, ""))[1]


def ids_of_forgotten(rows: Sequence[ImportedResponse], purchases: Mapping[str, Purchase]) -> set[str]:
    """Orders stay as numbers; an old file must neither bring words back nor count an answer a second time."""
    answered = Invitation.objects.filter(wave=Wave.FIRST, purchase__in=purchases.values(), was_answered=True)
    gone = set(answered.values_list("purchase__external_id", flat=True))
    gone |= {number for number, purchase in purchases.items() if purchase.customer.erased_at}
    return {row.external_id for row in rows if row.purchase_external_id in gone}


def known_ids(brand: Brand, rows: Sequence[ImportedResponse]) -> set[str]:
    ids = {row.external_id for row in rows}
    standing = Response.objects.filter(brand=brand, external_id__in=ids).values_list("external_id", flat=True)
    replaced = ResponseRevision.objects.filter(external_id__in=ids, response__brand=brand)
    return {*filter(None, standing), *replaced.values_list("external_id", flat=True)}


def lock_histories(brand: Brand, survey: Survey, purchases: Collection[Purchase]) -> dict[str, History]:
    """By the purchase's id, each with its invitation, made where there was none and ours until the end."""
    by_pk = {purchase.pk: purchase for purchase in purchases}
    Invitation.objects.bulk_create(
        [
            Invitation(
                brand=brand,
                survey=survey,
                wave=Wave.FIRST,
                occasion=f"purchase:{pk}",
                purchase_id=pk,
                state=Invitation.State.QUEUED,
            )
            for pk in by_pk
        ],
        ignore_conflicts=True,
    )
    # In one order, as whoever plans does; what two imports both bring, the second finds stored.
    invitations = Invitation.objects.select_for_update(no_key=True).filter(wave=Wave.FIRST, purchase__in=by_pk)
    histories = {i.pk: History(i, by_pk[i.purchase_id]) for i in invitations.order_by("pk") if i.purchase_id}
    for response in Response.objects.filter(invitation__in=histories).prefetch_related("answers__question"):
        histories[response.invitation_id].standing = response
    return {history.purchase.external_id: history for history in histories.values()}


def _sort_in(
    row: ImportedResponse, found: tuple[FieldError, ...], known: set[str], histories: Mapping[str, History]
) -> Imported:
    if found:
        return Imported("rejected", found)
    if row.external_id in known:
        return Imported("duplicate")
    known.add(row.external_id)
    history = histories[row.purchase_external_id]
    status: Status = "updated" if history.standing or history.rows else "created"
    history.rows.append(row)
    return Imported(status)


def _mark_as_asked_elsewhere(histories: Sequence[History], *, now: datetime) -> None:
    for history in histories:
        invitation, asked_at = history.invitation, history.latest.sent_at or history.latest.answered_at
        invitation.state, invitation.reason = Invitation.State.QUEUED, ""
        invitation.sent_elsewhere_at = invitation.sent_elsewhere_at or asked_at
        invitation.scheduled_for, invitation.updated_at = invitation.scheduled_for or asked_at, now
    # An upsert of rows that are there: much faster than bulk_update, which says each value in a CASE of its own.
    Invitation.objects.bulk_create(
        [history.invitation for history in histories],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["state", "reason", "sent_elsewhere_at", "scheduled_for", "updated_at"],
    )
    cancel_mails_of([history.invitation.pk for history in histories])


def _store(
    brand: Brand,
    histories: Sequence[History],
    questions: Mapping[str, Question],
    *,
    now: datetime,
    quotable: bool,
    open_follow_up: bool,
) -> None:
    new, replaced = [h for h in histories if not h.standing], [h for h in histories if h.standing and h.is_replaced]
    # What stood goes into the history as it was prefetched, before it is overwritten.
    revisions = [revision_of(h.standing, said_in(h.standing, h.standing.answers.all())) for h in replaced if h.standing]
    written = {}
    for history in [*new, *replaced]:
        response = history.standing or Response(brand=brand, invitation=history.invitation)
        _overwrite(response, history.latest, now=now, quotable=quotable, open_follow_up=open_follow_up)
        history.standing = written[history.invitation.pk] = response
    Response.objects.bulk_create([written[history.invitation.pk] for history in new])
    Response.objects.bulk_update([written[history.invitation.pk] for history in replaced], RESPONSE_FIELDS)
    everybody = known_of(brand)
    answers = [
        answer_for(written[h.invitation.pk], questions[key], given, _known(everybody, h.purchase))
        for h in [*new, *replaced]
        for key, given in h.latest.said.given.items()
    ]
    keep_what_staff_set(answers)
    Answer.objects.filter(response__in=[written[history.invitation.pk] for history in replaced]).delete()
    Answer.objects.bulk_create(answers)
    revisions += [fields for history in histories for fields in _outlived(history)]
    ResponseRevision.objects.bulk_create(ResponseRevision(**fields) for fields in revisions)
    ResponseChange.objects.bulk_create(ResponseChange(response=response) for response in written.values())


def _overwrite(
    response: Response, row: ImportedResponse, *, now: datetime, quotable: bool, open_follow_up: bool
) -> None:
    response.external_id, response.source = row.external_id, Response.Source.IMPORT
    response.language, response.answered_at, response.updated_at = row.language, row.answered_at, now
    response.is_suspect, response.suspect_reasons = False, []
    response.publishes, response.is_quotable = row.said.publishes and quotable, quotable
    response.follow_up = follow_up_for(row.said.given) if open_follow_up else FollowUp.NONE
    response.followed_up_at = None


def _known(everybody: Known, purchase: Purchase) -> Known:
    return known_with(everybody, purchase, orders=[purchase.external_id])


def _outlived(history: History) -> Iterator[dict[str, Any]]:
    """Rows whose purchase has a later answer."""
    for row in history.rows:
        if history.standing and row.external_id != history.standing.external_id:
            fields = revision_of(history.standing, row.said, language=row.language)
            yield fields | {"external_id": row.external_id, "answered_at": row.answered_at}
