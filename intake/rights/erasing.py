"""Erasing a customer from every table, by steps that survive whatever stops them."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.append_only import ERASURE, open_door
from accounts.in_turn import sum_in_turn
from accounts.models import ApiKey, AuditEntry, Brand, User
from accounts.services import record_change
from affiliates.models import Customer
from affiliates.services.erasing import block_person, erase_person
from complaints.services.erasing import erase_cases, erase_stranger
from insights.services.erasing import shows_words_of, who_keeps
from intake.models import Erasure, IdempotencyKey, ImportRun, InboundEvent
from intake.rights.claims import block_for_claims
from intake.rights.holdings import HELD, cases_of, mails_about, occasions_of
from mailing.addresses import known_hashes
from mailing.models import WebhookEvent
from mailing.services.erasing import erase_mails, erase_told
from mailing.services.suppression import remember_erased
from surveys.models import Response
from surveys.services.erasing import invitations_of, unlink_answers

Step = Erasure.Step
STEPS = (Step.MESSAGES, Step.MAILS, Step.ANSWERS, Step.CASES, Step.PERSON, Step.SHOWN_WORDS, Step.DONE)


def customers_called(email: str, *, brand: Brand | None = None) -> list[Customer]:
    """The customers with this address: of one brand, or of all, each of which has one of its own."""
    found = Customer.objects.filter(email_hash__in=known_hashes(email), erased_at=None).select_related("brand")
    return list((found.filter(brand=brand) if brand else found).order_by("pk"))


@transaction.atomic
def request_erasure(customer: Customer, *, door: str, by: User | ApiKey | None, now: datetime) -> Erasure:
    """Note that it is to be done, and write to them no more from this moment. The one under way, where there is one.

    ValidationError: they are erased already.
    """
    locked = Customer.objects.select_for_update().get(pk=customer.pk)
    if standing := Erasure.objects.unfinished().filter(customer=locked).first():
        return standing
    if locked.erased_at:
        raise ValidationError(_("This customer is erased already."), "erased")
    block_person(locked.pk, now=now)
    person = by if isinstance(by, User) else None
    key = {"api_key": by.pk} if isinstance(by, ApiKey) else {}
    if by is not None:
        record_change(person, locked.brand_id, AuditEntry.Action.ERASURE, locked, **key)
    return Erasure.objects.create(
        brand_id=locked.brand_id, customer=locked, door=door, requested_by=person, requested_at=now
    )


@transaction.atomic
def erase_stranger_everywhere(address: str, *, brand: Brand | None = None, now: datetime) -> dict[str, int] | None:
    """What is held of an address that is no customer's: of who only wrote to us, or was written to by mistake.

    How many rows of which tables. None: a mail to it is being handed over, try again in a while.
    """
    counts: Counter[str] = Counter()
    with open_door(ERASURE):
        for each in [brand] if brand else list(Brand.objects.order_by("pk")):
            mails = erase_mails(each, address=address, also=[])
            if mails is None:
                return None
            counts += Counter(mails) + Counter(erase_stranger(each, address))
            counts[InboundEvent._meta.label] += _empty_bodies(each, address, [], now=now)
            counts[IdempotencyKey._meta.label] += _forget_answers(each, [address], address=address)
    return {name: count for name, count in counts.items() if count}


def work_erasures(*, now: datetime) -> int:
    """Go on with all that are under way; how many are done now.

    Raises ExceptionGroup of those where it failed, once all have had their turn.
    """
    return sum_in_turn(Erasure.objects.unfinished().order_by("pk"), lambda erasure: work_erasure(erasure, now=now))


def work_erasure(erasure: Erasure, *, now: datetime) -> bool:
    """Step after step as far as it goes; True: all done. False: something has to pass first, or another is at it."""
    while _take_step(erasure.pk, now=now):
        pass
    erasure.refresh_from_db()
    return erasure.is_done


@transaction.atomic
def _take_step(pk: int, *, now: datetime) -> bool:
    """The step that comes next and the note that it is done, all or nothing; whether to go on."""
    unfinished = Erasure.objects.unfinished().select_related("brand").select_for_update(skip_locked=True, of=("self",))
    erasure = unfinished.filter(pk=pk).first()
    if erasure is None:
        return False
    work = WORK[Step(erasure.step)]
    with open_door(ERASURE):
        counts = work(erasure, now)
    if counts is None:
        return False
    _note(erasure, counts, now=now)
    return not erasure.is_done


def _note(erasure: Erasure, counts: dict[str, int], *, now: datetime) -> None:
    for name, count in counts.items():
        erasure.counts[name] = erasure.counts.get(name, 0) + count
    erasure.step = STEPS[STEPS.index(Step(erasure.step)) + 1]
    if erasure.step == Step.SHOWN_WORDS and _came_meanwhile(erasure):
        erasure.step = STEPS[0]
    if erasure.step == Step.DONE:
        erasure.finished_at, erasure.responses = now, []
    erasure.save(update_fields=["counts", "step", "responses", "finished_at"])


def _came_meanwhile(erasure: Erasure) -> bool:
    """Something that was to go was written while we were at it: once more from the beginning."""
    gone = (held for held in HELD if held.left is None)
    return any(held.rows(erasure.customer_id).exists() for held in gone)


# --- Steps -----------------------------------------------------------------------------------------------------------
def _erase_messages(erasure: Erasure, now: datetime) -> dict[str, int] | None:
    customer = Customer.objects.get(pk=erasure.customer_id)
    if customer.email and _reports_are_unread(customer.email):
        return None
    block_for_claims(erasure, now=now)
    orders = list(customer.purchases.values_list("external_id", flat=True))
    numbers = list(cases_of(customer.pk).values_list("number", flat=True))
    names = [name for name in (customer.email, customer.external_id, *orders, *numbers) if name]
    counts = {
        InboundEvent._meta.label: _empty_bodies(erasure.brand, customer.email or "", orders, now=now),
        IdempotencyKey._meta.label: _forget_answers(erasure.brand, names, address=customer.email or ""),
        WebhookEvent._meta.label: erase_told(erasure.brand, names),
        LogEntry._meta.label: _unname_history(customer.pk),
    }
    if customer.email:
        ImportRun.objects.filter(brand=erasure.brand, file_name__icontains=customer.email).update(file_name="")
    return {name: count for name, count in counts.items() if count}


def _erase_mails(erasure: Erasure, now: datetime) -> dict[str, int] | None:
    customer = Customer.objects.get(pk=erasure.customer_id)
    return erase_mails(erasure.brand, address=customer.email or "", also=mails_about(customer.pk))


def _erase_answers(erasure: Erasure, now: datetime) -> dict[str, int]:
    occasions = occasions_of(erasure.customer_id)
    responses = list(
        Response.objects.filter(invitation__in=invitations_of(erasure.customer_id, occasions)).values_list(
            "pk", flat=True
        )
    )
    erasure.responses = [*erasure.responses, *responses]
    kept_for = who_keeps(erasure.brand, responses)
    return unlink_answers(erasure.customer_id, occasions=occasions, kept_for=kept_for)


def _erase_cases(erasure: Erasure, now: datetime) -> dict[str, int] | None:
    """With the mails that were written about them since the mails went: nothing leads to these without the case."""
    list(cases_of(erasure.customer_id).select_for_update(of=("self",)).order_by("pk"))  # no more are written
    mails = _erase_mails(erasure, now)
    if mails is None:
        return None
    address = Customer.objects.values_list("email", flat=True).get(pk=erasure.customer_id)
    return mails | erase_cases(erasure.customer_id, brand=erasure.brand, address=address or "")


def _erase_person(erasure: Erasure, now: datetime) -> dict[str, int]:
    address = Customer.objects.values_list("email", flat=True).get(pk=erasure.customer_id)
    if address:
        remember_erased(erasure.brand, address, now=erasure.requested_at)
    return erase_person(erasure.customer_id, now=now)


def _await_shown_words(erasure: Erasure, now: datetime) -> dict[str, int] | None:
    """Down with the affiliate's next block or the month (docs/blocks.md): no hour tells whose they were."""
    return None if shows_words_of(erasure.responses) else {}


# None: something has to pass first.
WORK: dict[Erasure.Step, Callable[[Erasure, datetime], dict[str, int] | None]] = {
    Step.MESSAGES: _erase_messages,
    Step.MAILS: _erase_mails,
    Step.ANSWERS: _erase_answers,
    Step.CASES: _erase_cases,
    Step.PERSON: _erase_person,
    Step.SHOWN_WORDS: _await_shown_words,
}


# --- What no key leads to ---------------------------------------------------------------------------------------------
EMPTY_BODIES = """
UPDATE intake_inboundevent SET body = '', error = '', order_id = '',
    state = CASE WHEN processed_at IS NULL THEN 'ignored' ELSE state END, processed_at = coalesce(processed_at, %(now)s)
WHERE (brand_id = %(brand)s OR brand_id IS NULL) AND body <> '' AND (
    (brand_id IS NOT NULL AND order_id = ANY(%(orders)s))
    OR (%(address)s <> '' AND position(%(address)s IN lower(encode(body, 'escape'))) > 0)
)
"""


UNREAD_REPORTS = """
SELECT EXISTS (
    SELECT FROM intake_inboundevent WHERE source = 'mail' AND processed_at IS NULL
    AND position(%(address)s IN lower(encode(body, 'escape'))) > 0
)
"""


def _reports_are_unread(address: str) -> bool:
    """One message of a mail provider tells of many recipients: what it says of the others must not go with this one.

    It is read within seconds, or given up after HOOK_MAX_ATTEMPTS.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNREAD_REPORTS, {"address": address})
        return bool(cursor.fetchone()[0])


def _empty_bodies(brand: Brand, address: str, orders: list[str], *, now: datetime) -> int:
    """What shops and mail providers sent about them. That it came stays known: nothing is taken in twice."""
    with connection.cursor() as cursor:
        cursor.execute(EMPTY_BODIES, {"brand": brand.pk, "orders": orders, "address": address, "now": now})
        return cursor.rowcount


# Of what they say texts alone: the order called «10» is not every 10.
FORGET_ANSWERS = """
DELETE FROM intake_idempotencykey WHERE brand_id = %(brand)s AND (
    (%(address)s <> '' AND position(%(address)s IN lower(key)) > 0)
    OR EXISTS (
        SELECT FROM jsonb_path_query(body, '$.** ? (@.type() == "string")') AS said WHERE said #>> '{}' = ANY(%(names)s)
    )
)
"""


def _forget_answers(brand: Brand, names: Iterable[str], *, address: str) -> int:
    """Answers kept for whoever repeats a request, where they name them, an order or a case of theirs."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_ANSWERS, {"brand": brand.pk, "names": list(names), "address": address})
        return cursor.rowcount


def _unname_history(customer_id: int) -> int:
    """The admin's history calls rows by their names."""
    count = 0
    for held in HELD:
        ids = [str(pk) for pk in held.rows(customer_id).values_list("pk", flat=True)]
        entries = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(held.model), object_id__in=ids
        ).exclude(object_repr="")
        count += entries.update(object_repr="")
    return count
