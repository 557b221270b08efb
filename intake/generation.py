"""A brand of any size, made up for measuring and trying out: the same seed, the same rows but for their ids.

Rows go in by COPY, past the services that real data comes by; the database checks its constraints all the same.
Addresses end in `.example`, where nobody can be written to.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Click, Customer, LinkPromise, Product, Purchase, TrackingLink
from affiliates.services.copying import copy_rows, copy_values, new_ids
from insights.services import rebuild_rollups
from mailing.addresses import hash_address
from surveys.models import Answer, Aspect, Fact, Invitation, Reason, Response, Survey, Wave
from surveys.services.answering import Given, follow_up_for
from surveys.standard import publish_standard_survey

SOURCE = "generated"
DAYS = 540
CHUNK = 20_000  # purchases a transaction
LINKS = 3  # of each affiliate
PRODUCTS = 60
RETURNING = 0.15  # share of purchases by somebody who has bought before
CLICKED, DECLARED = 0.6, 0.25  # share of purchases with a click; with the affiliate's code alone; the rest say nothing
LONGEST_DELIVERY = timedelta(days=5)
LONGEST_SILENCE = timedelta(days=10)  # between the question and the answer
PROMISES = ["Envío en 24 horas", "Devolución gratis durante 30 días", "Garantía de dos años"]
WORDS = {
    "keep_text": ["Llegó antes de lo que esperaba.", "El trato fue estupendo.", "Todo tal como me lo contaron."],
    "improve_text": ["El paquete venía golpeado.", "Tardaron mucho en contestar.", "El precio final era otro."],
    "expectation": [
        "Esperaba que incluyera el montaje.",
        "Me dijeron que llegaría en un día.",
        "Creía que era de piel.",
    ],
}
RATINGS = range(1, 6)

Method, Confidence, Why = Attribution.Method, Attribution.Confidence, Attribution.Reason
Values = tuple[Any, ...]
Rows = dict[type[models.Model], list[Values]]

# In the order in which they refer to each other.
COLUMNS: dict[type[models.Model], list[str]] = {
    Customer: [
        *("id", "brand_id", "uuid", "email", "email_hash", "name", "language", "timezone"),
        *("created_at", "updated_at"),
    ],
    Click: ["public_id", "link_id", "kind", "visitor", "occurred_at", "created_at"],
    Purchase: [
        *("id", "brand_id", "external_id", "customer_id", "product_id", "purchased_at", "delivered_at"),
        *("amount", "currency", "state", "click_ids", "coupon_code", "declared_affiliate", "referral_code"),
        *("metadata", "source", "created_at", "updated_at"),
    ],
    Attribution: [
        *("purchase_id", "is_current", "affiliate_id", "method", "confidence", "reason", "link_id"),
        *("acquiring_affiliate_id", "touches", "decided_at", "note"),
    ],
    Invitation: [
        *("id", "brand_id", "survey_id", "wave", "occasion", "purchase_id"),
        *("state", "reason", "scheduled_for", "sent_elsewhere_at", "created_at", "updated_at"),
    ],
    Response: [
        *("id", "brand_id", "invitation_id", "source", "language", "answered_at", "updated_at", "is_suspect"),
        *("suspect_reasons", "hides_comment", "publishes", "is_quotable", "follow_up", "followed_up_at"),
    ],
    Answer: ["response_id", "question_id", "number", "codes", "text", "redacted_text"],
}


class AlreadyGenerated(Exception):
    """Once is enough for a brand."""


@dataclass(frozen=True)
class Volume:
    """How much of everything; no more answers than purchases."""

    affiliates: int
    purchases: int
    answers: int


@dataclass(frozen=True)
class Seller:
    """An affiliate, with the ids of their links and how likely each rating is."""

    pk: int
    code: str
    links: Sequence[int]
    ratings: Sequence[float]  # cumulative, as random.choices takes them


@dataclass(frozen=True)
class Sale:
    purchase: int
    seller: Seller
    purchased_at: datetime
    delivered_at: datetime  # may lie ahead
    ask_at: datetime


def generate(
    brand: Brand, volume: Volume, *, seed: int, now: datetime, on_progress: Callable[[int], object] = lambda count: None
) -> None:
    """`on_progress` is told how many more purchases have come in. AlreadyGenerated: the brand has some."""
    if Purchase.objects.filter(brand=brand, source=SOURCE).exists():
        raise AlreadyGenerated(f"The brand “{brand.slug}” has generated purchases already.")
    generator = Generator(brand, volume, seed=seed, now=now)
    generator.prepare()
    for start in range(0, volume.purchases, CHUNK):
        count = min(CHUNK, volume.purchases - start)
        generator.add_purchases(start, count)
        on_progress(count)
    with connection.cursor() as cursor:  # or the first questions are planned for the empty tables of before
        cursor.execute("ANALYZE")
    rebuild_rollups(brand, now=now)


class Generator:
    def __init__(self, brand: Brand, volume: Volume, *, seed: int, now: datetime) -> None:
        self.brand = brand
        self.volume = volume
        self.now = now
        self.rng = random.Random(f"{seed}:{brand.slug}")  # noqa: S311  made up, not secret
        self.answers_left = volume.answers

    @transaction.atomic
    def prepare(self) -> None:
        """Who sells what by which links, and what is asked."""
        self.survey = Survey.objects.published(self.brand, Wave.FIRST).first() or publish_standard_survey(self.brand)
        self.questions = dict(self.survey.questions.values_list("key", "pk"))
        self.products = [
            Product(brand=self.brand, sku=f"gen-{number}", name=f"Producto {number}", category=f"Gama {number % 7}")
            for number in range(PRODUCTS)
        ]
        copy_rows(self.products)
        started_at = self.now - timedelta(days=DAYS + 30)
        affiliates = [
            Affiliate(brand=self.brand, code=f"gen-{number}", name=f"Afiliado {number}", joined_at=started_at)
            for number in range(self.volume.affiliates)
        ]
        copy_rows(affiliates)
        links = [self._link(affiliate, number) for affiliate in affiliates for number in range(LINKS)]
        copy_rows(links)
        copy_rows([LinkPromise(link=link, text=self.rng.choice(PROMISES)) for link in links])
        links_of = [[link.pk for link in links[start : start + LINKS]] for start in range(0, len(links), LINKS)]
        self.sellers = [
            Seller(affiliate.pk, affiliate.code, of_theirs, self._ratings())
            for affiliate, of_theirs in zip(affiliates, links_of, strict=True)
        ]

    def _link(self, affiliate: Affiliate, number: int) -> TrackingLink:
        host = self.brand.allowed_hosts[0] if self.brand.allowed_hosts else f"{self.brand.slug}.example"
        code = f"{self.brand.slug}-{affiliate.code}-{number}"
        return TrackingLink(
            affiliate=affiliate, code=code, destination=f"https://{host}/", campaign=f"Campaña {number + 1}"
        )

    def _ratings(self) -> list[float]:
        """Some affiliates' customers are happier than others'."""
        happiness = self.rng.betavariate(8, 3)
        return list(accumulate(happiness**rating * (1 - happiness) ** (5 - rating) + 0.01 for rating in RATINGS))

    @cached_property
    def _sizes(self) -> list[float]:
        """Most affiliates are small."""
        return list(accumulate(1 / (rank + 1) ** 0.8 for rank in range(len(self.sellers))))

    @cached_property
    def _codes(self) -> dict[str, list[str]]:
        facts = list(Fact.objects.filter(brand=self.brand).order_by("pk").values_list("code", flat=True))
        aspects = list(Aspect.objects.filter(brand=self.brand).order_by("pk").values_list("code", flat=True))
        return {"missing_facts": facts, "keep": aspects, "improve": aspects}

    @transaction.atomic
    def add_purchases(self, start: int, count: int) -> None:
        """Purchases with all that hangs on them: who bought, why somebody is credited, who was asked, who answered."""
        rows: Rows = defaultdict(list)
        [customers] = new_ids({Customer: max(1, round(count * (1 - RETURNING)))})
        rows[Customer] = [self._customer(pk, start + place) for place, pk in enumerate(customers)]
        ids = zip(*new_ids({Purchase: count, Invitation: count, Response: count}), strict=True)
        for number, (purchase, invitation, response) in enumerate(ids, start):
            # Everybody buys once, then some of them again.
            place = number - start
            customer = customers[place] if place < len(customers) else self.rng.choice(customers)
            is_answered = self._is_answered(number)
            sale = self._sale(purchase, is_answered=is_answered)
            self._add_sale(rows, sale, customer, number)
            rows[Invitation].append(self._invitation(invitation, sale))
            if is_answered:
                self._add_response(rows, response, invitation, sale)
        for model, columns in COLUMNS.items():
            copy_values(model, columns, rows[model])

    def _customer(self, pk: int, number: int) -> Values:
        email = f"cliente{number}@{self.brand.slug}.example"
        uuid = UUID(int=self.rng.getrandbits(128), version=4)
        return pk, self.brand.pk, uuid, email, hash_address(email), f"Cliente {number}", "es", "", self.now, self.now

    def _is_answered(self, number: int) -> bool:
        """So that in the end there are exactly as many answers as asked for."""
        is_answered = self.rng.random() * (self.volume.purchases - number) < self.answers_left
        self.answers_left -= is_answered
        return is_answered

    def _sale(self, purchase: int, *, is_answered: bool) -> Sale:
        delay = self.brand.delay_goods
        youngest = LONGEST_DELIVERY + delay + LONGEST_SILENCE if is_answered else timedelta(0)
        purchased_at = self.now - youngest - self.rng.random() * (timedelta(days=DAYS) - youngest)
        delivered_at = purchased_at + self.rng.uniform(0.2, 1) * LONGEST_DELIVERY
        [seller] = self.rng.choices(self.sellers, cum_weights=self._sizes)
        return Sale(purchase, seller, purchased_at, delivered_at, ask_at=delivered_at + delay)

    def _add_sale(self, rows: Rows, sale: Sale, customer: int, number: int) -> None:
        evidence, link, clicks, code = self.rng.random(), None, [], ""
        if evidence < CLICKED:
            link, clicks = self.rng.choice(sale.seller.links), [f"{self.rng.getrandbits(120):030x}"]
            clicked_at = sale.purchased_at - self.rng.random() * timedelta(days=7)
            rows[Click].append((clicks[0], link, Click.Kind.VISIT, "", clicked_at, self.now))
            why: Values = (Method.CLICK, Confidence.HIGH, Why.CLICK_IN_WINDOW)
        elif evidence < CLICKED + DECLARED:
            code = sale.seller.code
            why = (Method.DECLARED, Confidence.MEDIUM, Why.DECLARED_BY_SHOP)
        else:
            why = (Method.NONE, Confidence.NONE, Why.NO_EVIDENCE)
        affiliate = None if why[0] == Method.NONE else sale.seller.pk
        rows[Attribution].append((sale.purchase, True, affiliate, *why, link, affiliate, [], sale.purchased_at, ""))
        product, amount = self.rng.choice(self.products).pk, Decimal(self.rng.randrange(990, 29990)) / 100
        delivered_at = sale.delivered_at if sale.delivered_at <= self.now else None
        rows[Purchase].append(
            (
                *(sale.purchase, self.brand.pk, f"gen-{number}", customer, product, sale.purchased_at, delivered_at),
                *(amount, "EUR", Purchase.State.OPEN, clicks, "", code, "", {}, SOURCE, self.now, self.now),
            )
        )

    def _invitation(self, pk: int, sale: Sale) -> Values:
        """Asked by another tool where it is over, so that no mail of ours is missing; else as it would be planned."""
        decided: Values = (Invitation.State.QUEUED, "", sale.ask_at, sale.ask_at)
        if sale.delivered_at > self.now:
            decided = (Invitation.State.WAITING, Reason.NO_DELIVERY, None, None)
        elif sale.ask_at > self.now:
            decided = (Invitation.State.PLANNED, "", sale.ask_at, None)
        occasion = f"purchase:{sale.purchase}"
        return pk, self.brand.pk, self.survey.pk, Wave.FIRST, occasion, sale.purchase, *decided, self.now, self.now

    # --- Answers -----------------------------------------------------------------------------------------------------
    def _add_response(self, rows: Rows, pk: int, invitation: int, sale: Sale) -> None:
        """A bad answer counts as followed up: a thousand cases at once would say nothing about the desk."""
        given = self._given(sale.seller)
        answered_at = sale.ask_at + self.rng.random() ** 2 * LONGEST_SILENCE
        follow_up = follow_up_for(given)
        followed_up_at = None if follow_up == Response.FollowUp.NONE else answered_at
        said: Values = (Response.Source.WEB, "es", answered_at, answered_at, False, [], False, False, True)
        rows[Response].append((pk, self.brand.pk, invitation, *said, follow_up, followed_up_at))
        rows[Answer] += [
            (pk, self.questions[key], each.number, list(each.codes), each.text, each.text)
            for key, each in given.items()
        ]

    def _given(self, seller: Seller) -> dict[str, Given]:
        """Scores, chips and words that agree with each other; not everybody answers everything."""
        rng = self.rng
        [rating] = rng.choices(RATINGS, cum_weights=seller.ratings)
        given = {"csat": Given(rating)}
        if rng.random() < 0.8:
            given["nps"] = Given(max(0, min(10, 2 * rating + rng.randint(-2, 1))))
        if rng.random() < 0.7:
            given["promise"] = Given(max(-2, min(2, rating - 4 + rng.randint(0, 1))))
        if rng.random() < 0.6:
            is_missing = rng.random() < 0.5 - rating / 12
            given["missing"] = Given(codes=("yes" if is_missing else "no",))
            if is_missing:
                given["missing_facts"] = Given(codes=(rng.choice(self._codes["missing_facts"]),))
        chips = "keep" if rating >= 4 else "improve"
        if rng.random() < 0.5:
            given[chips] = Given(codes=tuple(rng.sample(self._codes[chips], 2)))
        if rng.random() < 0.15:
            given[f"{chips}_text"] = Given(text=rng.choice(WORDS[f"{chips}_text"]))
        if rating <= 2 and rng.random() < 0.3:
            given["expectation"] = Given(text=rng.choice(WORDS["expectation"]))
        return given
