"""What a purchase leaves on disk with all that follows it, and whether that stays the same as there are more."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from accounts.clock import database_now
from accounts.models import Brand
from accounts.storage import tables
from affiliates.models import Affiliate
from affiliates.services import create_link
from insights.services import fold_changes, measure_brand
from intake.bench.mails import AT_ONCE, PROCESSES, ask_all, queue_mails, running_sink, workers
from intake.bench.measuring import Reading
from intake.bench.world import make_brand
from mailing.models import MailEvent, OutgoingMail
from mailing.services import MailReport, record_mail_event
from surveys.models import Invitation
from surveys.services.answering import AnswerData, Given, submit_response

CLICKS = 20  # a purchase: one visitor in twenty buys
ANSWERED = 5  # of so many that are asked, one
CLICK_DAYS = 300
WORDS = Given(text="Llegó bien y antes de lo que decían, aunque la caja venía algo golpeada.")
# By whom each customer is asked and what they say are many: all affiliates, scores and chips.
COPY_CLICKS = """
INSERT INTO affiliates_click (public_id, kind, visitor, occurred_at, created_at, link_id)
SELECT substr(encode(sha256(('click' || n)::bytea), 'base64'), 1, 22), 'visit',
    encode(sha256(('visitor' || n %% 1000003)::bytea), 'hex'),
    %(now)s - n * (%(days)s * interval '1 day') / %(count)s, %(now)s, (%(links)s::bigint[])[1 + n %% %(many)s]
FROM generate_series(1, %(count)s) AS n
"""
# What is told apart in the report; all else is «the rest».
KINDS: Mapping[str, Sequence[str]] = {
    "purchases, customers, credit": (
        "affiliates_purchase",
        "affiliates_customer",
        "affiliates_attribution",
        "affiliates_purchasechange",
    ),
    "invitations": ("surveys_invitation", "surveys_invitationmail"),
    "mails and what became of them": ("mailing_outgoingmail", "mailing_mailevent"),
    "answers": ("surveys_response", "surveys_answer", "surveys_responsechange"),
    f"clicks, {CLICKS} a purchase": ("affiliates_click",),
}


def storage(size: int) -> Iterator[Reading]:
    """The whole way by the services themselves, for a tenth of `size` and for all of it."""
    small, large = size // 10, size - size // 10
    brand, before = make_brand(), sizes()
    live(brand, small)
    few = {kind: (bytes_ - before[kind]) / small for kind, bytes_ in sizes().items()}
    live(brand, large)
    many = {kind: (bytes_ - before[kind]) / size for kind, bytes_ in sizes().items()}
    for kind, bytes_ in many.items():
        yield Reading(f"disk a purchase of {size:,}: {kind}", bytes_, "bytes", 12_000, 10_000)
    total = sum(many.values())
    yield Reading(f"disk a purchase of {size:,}", total, "bytes", 20_000, 16_000)
    yield Reading(f"disk a purchase of {size:,}, against {small:,}", total / sum(few.values()), "×", 1.3, 1.1)
    hot = next(table for table in tables() if table.name == "mailing_outgoingmail")
    yield Reading("updates of a mail that an index heard of", 100 * (1 - (hot.hot_share or 0)), "%", 100, 70)


def sizes() -> dict[str, float]:
    """Bytes by kind, after tables and indexes have been tidied as they would be in the night."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    found = {table.name: table.total for table in tables()}
    told = {kind: float(sum(found.pop(name) for name in names)) for kind, names in KINDS.items()}
    return {**told, "the rest": float(sum(found.values()))}


def live(brand: Brand, purchases: int) -> None:
    """So many more customers bought, were asked, and some have answered."""
    last = Invitation.objects.aggregate(last=Max("pk"))["last"] or 0
    click(brand, CLICKS * purchases)
    with running_sink() as port, workers(port, count=PROCESSES) as ours:
        for begun in range(0, purchases, AT_ONCE):
            queue_mails(brand, min(AT_ONCE, purchases - begun))
            ask_all(ours, "send")
    now = database_now()
    with transaction.atomic():  # waiting for the disk each time would measure something else
        report(brand, now=now)
        answer(brand, after=last, now=now)
    while fold_changes(now=now):
        pass
    measure_brand(brand, now=now)


def click(brand: Brand, count: int) -> None:
    affiliates = Affiliate.objects.filter(brand=brand)
    links = [create_link(each, "https://bench.example/").pk for each in affiliates]
    told: dict[str, Any] = {"links": links, "many": len(links), "count": count, "days": CLICK_DAYS}
    with connection.cursor() as cursor:
        cursor.execute(COPY_CLICKS, {**told, "now": database_now()})


def report(brand: Brand, *, now: datetime) -> None:
    """A provider says of each mail that it has arrived."""
    untold = OutgoingMail.objects.filter(brand=brand, state=OutgoingMail.State.SENT, events=None)
    for mail in untold.iterator():
        name = str(mail.uuid)
        told = MailReport(source="bench", event_id=name, mail=name, kind=MailEvent.Kind.DELIVERED, occurred_at=now)
        record_mail_event(told, now=now)


def answer(brand: Brand, *, after: int, now: datetime) -> None:
    """One in so many of those asked after that invitation, with all scores, two chips and some words."""
    aspects = list(brand.aspects.values_list("code", flat=True))
    asked = Invitation.objects.filter(brand=brand, mails__isnull=False, pk__gt=after).order_by("pk")
    for number, invitation in enumerate(asked.select_related("brand", "survey", "purchase__customer")):
        if number % ANSWERED:
            continue
        score, chip = 1 + number // ANSWERED % 5, Given(codes=(aspects[number % len(aspects)],))
        given = {"csat": Given(score), "nps": Given(2 * score), "missing": Given(codes=("no",)), "improve": chip}
        given |= {"keep": chip, "keep_text": WORDS} if score > 3 else {}
        submit_response(invitation, AnswerData(given), language="es", suspicions=[], now=now)
