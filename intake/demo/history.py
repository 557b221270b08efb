"""Eighteen months of a shop, made up: who bought what, when it came, and what they said. The same seed, the same story.

Nothing here touches the database. What goes wrong for a customer decides all that they answer, so that scores, chips
and words of one answer agree, and an affiliate's figures have causes.
"""

import math
import random
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from affiliates.services import CustomerInput, ProductInput, PurchaseInput
from intake.demo.cast import (
    CATALOGUE,
    FIRST_NAMES,
    MISSED,
    POINTLESS,
    PRAISE,
    RECOMMENDERS,
    SURNAMES,
    Item,
    Link,
    Recommender,
)
from surveys.services.answering import Given, Said
from surveys.services.importing import ImportedResponse

ZONE = ZoneInfo("Europe/Madrid")
DAYS = 548
PURCHASES = 5000
RESPONSE_RATE = 0.37
RETURNING = 0.15  # share of purchases by somebody who has bought before
JUST_DELIVERED = 8  # purchases delivered within the last hours: their surveys are in the mailbox soon after the start
SEASONS = (1.0, 0.9, 0.95, 0.95, 1.0, 0.95, 0.85, 0.7, 1.0, 1.05, 1.35, 1.4)  # January to December

# How much of the five points goes when something is wrong, and how often that happens to anybody.
PENALTIES = {
    "producto": 1.8,
    "soporte": 1.2,
    "garantia": 1.0,
    "pago": 0.8,
    "promesa": 0.8,
    "contacto_afiliado": 0.7,
    "uso": 0.6,
    "privacidad": 0.6,
    "precio": 0.5,
    "registro": 0.4,
}
FAULTS = {
    "producto": 0.05,
    "soporte": 0.03,
    "garantia": 0.015,
    "pago": 0.02,
    "promesa": 0.04,
    "contacto_afiliado": 0.02,
    "uso": 0.05,
    "privacidad": 0.008,
    "precio": 0.06,
    "registro": 0.03,
}
WISHES = ("precio", "uso", "registro", "info_previa", "otro", "soporte")  # of those who are satisfied all the same
PART_OF_FAULT = {"entrega": "delivery", "producto": "product", "uso": "product", "soporte": "service"}
PART_OF_FAULT |= {"garantia": "service", "pago": "service"}
NPS_OF_CSAT = {1: (0, 3), 2: (2, 5), 3: (5, 7), 4: (7, 9), 5: (8, 10)}


@dataclass(frozen=True)
class Visit:
    """A click that led to a purchase."""

    public_id: str
    link: str
    at: datetime


@dataclass(frozen=True)
class Answer(ImportedResponse):
    """An answer to all of our questions, where other tools' exports have a score and a comment."""

    given: Mapping[str, Given] = field(default_factory=dict)
    publishes: bool = False

    @property
    def said(self) -> Said:
        return Said(self.given, publishes=self.publishes)


@dataclass(frozen=True)
class Sale:
    purchase: PurchaseInput
    recommender: Recommender | None
    visit: Visit | None = None
    answer: Answer | None = None


@dataclass
class Experience:
    """How one purchase went: which aspects went wrong, by what they cost; which facts had been missing."""

    faults: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def make_history(*, seed: int, now: datetime) -> list[Sale]:
    """All sales in the order of buying."""
    return Storyteller(random.Random(seed), now).tell()  # noqa: S311  made up, not secret


class Storyteller:
    def __init__(self, rng: random.Random, now: datetime) -> None:
        self.rng = rng
        self.now = now
        self.today = now.astimezone(ZONE).date()
        self.voices = Voices(rng)
        self.answers: Counter[str] = Counter()
        self.customers: list[tuple[CustomerInput, Recommender | None]] = []

    def tell(self) -> list[Sale]:
        days = [self.today - timedelta(days=n) for n in range(DAYS, 0, -1)]
        weights = [self.rush(day) for day in days]
        moments = sorted(self.in_shop_hours(day) for day in self.rng.choices(days, weights, k=PURCHASES))
        # The last ones get delivered just before the demo starts.
        sales = [self.sell(number, at) for number, at in enumerate(moments, start=1)]
        return [*sales, *(self.sell_just_now(PURCHASES + n) for n in range(1, JUST_DELIVERED + 1))]

    def rush(self, day: date) -> float:
        """How much is bought that day: the shop grows, with seasons, and Sundays are for shopping."""
        growth = 1.25 - 0.75 * (self.today - day).days / DAYS
        return growth * SEASONS[day.month - 1] * (1.25 if day.weekday() == 6 else 1.0)

    def in_shop_hours(self, day: date) -> datetime:
        hour = min(23.9, max(7.0, self.rng.gauss(17.5, 3.8)))
        return datetime.combine(day, time(), tzinfo=ZONE) + timedelta(hours=hour)

    def progress(self, at: datetime) -> float:
        return 1 - (self.now - at).days / DAYS

    def sell(self, number: int, at: datetime) -> Sale:
        customer, recommender = self.pick_customer(number, at)
        link = self.rng.choice(recommender.links) if recommender else None
        item = self.pick_item(link)
        is_late = item.kind == "goods" and self.rng.random() < (
            recommender.late.at(self.progress(at)) if recommender else 0.1
        )
        stages = self.deliver(item, at, recommender, is_late=is_late)
        evidence, visit = self.evidence(number, at, recommender, link)
        purchase = PurchaseInput(
            external_id=f"L-{at:%Y}-{number:05d}",
            purchased_at=at,
            amount=Decimal(item.price),
            currency="EUR",
            state=self.rng.choices(["open", "cancelled", "refunded"], [955, 20, 25])[0],
            product=ProductInput(item.sku, item.name, item.category, item.kind),
            customer=customer,
            **stages,
            **evidence,
        )
        return Sale(purchase, recommender, visit, self.answer(purchase, item, recommender))

    def sell_just_now(self, number: int) -> Sale:
        """Bought some days ago and received within the last hours: about to be asked."""
        at = self.now - timedelta(days=3, minutes=self.rng.randrange(600))
        sale = self.sell(number, at)
        received = self.now - timedelta(minutes=20 + self.rng.randrange(200))
        is_goods = sale.purchase.product is not None and sale.purchase.product.kind == "goods"
        stages: dict[str, Any] = {"delivered_at": received} if is_goods else {"activated_at": received}
        told = sale.purchase._replace(**{"delivered_at": None, "activated_at": None, "state": "open"} | stages)
        return Sale(told, sale.recommender, sale.visit)

    def pick_customer(self, number: int, at: datetime) -> tuple[CustomerInput, Recommender | None]:
        if self.customers and self.rng.random() < RETURNING:
            return self.rng.choice(self.customers)
        recommender = self.pick_recommender(at)
        is_english = self.rng.random() < (recommender.english if recommender else 0.03)
        language = "en" if is_english else "es"
        first, last = self.rng.choice(FIRST_NAMES[language]), self.rng.choice(SURNAMES[language])
        name = f"{first} {last}" if is_english else f"{first} {last} {self.rng.choice(SURNAMES['es'])}"
        address = f"{plain(first)}.{plain(last)}{number}@correo.example"
        customer = CustomerInput(address, f"C{number:05d}", name, language, "Europe/Madrid", survey_notice=True)
        self.customers.append((customer, recommender))
        return customer, recommender

    def pick_recommender(self, at: datetime) -> Recommender | None:
        """Nobody for one in thirteen: not every buyer was sent by somebody."""
        if self.rng.random() < 0.075:
            return None
        days_ago = (self.now - at).days
        joined = [each for each in RECOMMENDERS if each.joined_days_ago > days_ago]
        return self.rng.choices(joined, [each.share for each in joined])[0]

    def pick_item(self, link: Link | None) -> Item:
        if link and link.skus and self.rng.random() < 0.7:
            sku = self.rng.choice(link.skus)
            return next(item for item in CATALOGUE if item.sku == sku)
        return self.rng.choices(CATALOGUE, [item.weight for item in CATALOGUE])[0]

    def deliver(self, item: Item, at: datetime, recommender: Recommender | None, *, is_late: bool) -> dict[str, Any]:
        """When it came, as far as that has happened yet."""
        if item.kind == "digital":
            return self.happened(activated_at=at + timedelta(minutes=self.rng.randint(1, 240)))
        if item.kind == "service":
            return self.happened(
                activated_at=at + timedelta(days=self.rng.randint(2, 12), hours=self.rng.randint(0, 5))
            )
        promised = at.date() + timedelta(days=3)
        days = (promised - at.date()).days + self.rng.randint(2, 8) if is_late else self.rng.randint(1, 3)
        delivered = datetime.combine(at.date() + timedelta(days=days), time(9), tzinfo=ZONE)
        stages = self.happened(delivered_at=delivered + timedelta(minutes=self.rng.randrange(600)))
        return {**stages, "promised_on": promised}

    def happened(self, **stages: datetime) -> dict[str, Any]:
        """What lies more than half a day back: the rest of today belongs to those just delivered."""
        return {name: at if at < self.now - timedelta(hours=12) else None for name, at in stages.items()}

    def evidence(
        self, number: int, at: datetime, recommender: Recommender | None, link: Link | None
    ) -> tuple[dict[str, Any], Visit | None]:
        """What leads to the affiliate: mostly a click, sometimes a coupon or the shop's word."""
        if recommender is None or link is None:
            return {}, None
        roll = self.rng.random()
        if roll < 0.2 and recommender.coupon:
            return {"coupon": recommender.coupon}, None
        if roll < 0.27:
            return {"affiliate": recommender.code}, None
        days = min(26.0, self.rng.expovariate(0.6))
        visit = Visit(f"demo-click-{number:05d}", link.code, at - timedelta(days=days, minutes=7))
        return {"click_ids": (visit.public_id,)}, visit

    # --- What they said ----------------------------------------------------------------------------------------------
    def answer(self, purchase: PurchaseInput, item: Item, recommender: Recommender | None) -> Answer | None:
        received = purchase.delivered_at or purchase.activated_at
        if received is None or purchase.state != "open" or self.rng.random() > RESPONSE_RATE:
            return None
        sent = self.in_mail_hours(received + timedelta(days=3 if item.kind == "goods" else 2))
        answered = sent + timedelta(hours=min(300.0, self.rng.lognormvariate(math.log(14), 1.1)))
        if answered > self.now - timedelta(hours=2):
            return None
        if recommender and self.answers[recommender.code] == recommender.most_answers:
            return None
        self.answers[recommender.code if recommender else ""] += 1
        language = purchase.customer.language
        return Answer(
            external_id=f"R-{purchase.external_id}",
            purchase_external_id=purchase.external_id,
            answered_at=answered,
            sent_at=sent,
            language=language,
            given=self.say(self.live(purchase, recommender), item, recommender, language),
            publishes=self.answers.total() % 6 == 0,  # happy or not
        )

    def in_mail_hours(self, at: datetime) -> datetime:
        local = at.astimezone(ZONE)
        return local.replace(hour=self.rng.randint(10, 19), minute=self.rng.randint(0, 59))

    def live(self, purchase: PurchaseInput, recommender: Recommender | None) -> Experience:
        experience = Experience({a: PENALTIES[a] for a, chance in FAULTS.items() if self.rng.random() < chance})
        received, promised = purchase.delivered_at, purchase.promised_on
        if received and promised and (days := (received.date() - promised).days) > 0:
            experience.faults["entrega"] = 1.1 + 0.1 * min(days, 8)
            if recommender and any("24 h" in promise for link in recommender.links for promise in link.promises):
                experience.faults["promesa"] = 0.5
        elif purchase.activated_at and self.rng.random() < 0.04:
            experience.faults["entrega"] = 0.9
        uninformed = recommender.uninformed.at(self.progress(purchase.purchased_at)) if recommender else 0.18
        if self.rng.random() < uninformed:
            weights = {**MISSED}
            for fact, more in (recommender.missed if recommender else {}).items():
                weights[fact] += more
            for fact in POINTLESS[purchase.product.kind] if purchase.product else ():
                del weights[fact]
            experience.missing = self.several(weights, 1 if self.rng.random() < 0.65 else 2)
            experience.faults["info_previa"] = self.rng.choice((0.5, 0.9, 1.2))
        return experience

    def say(
        self, experience: Experience, item: Item, recommender: Recommender | None, language: str
    ) -> dict[str, Given]:
        score = round(4.9 - sum(experience.faults.values()) + self.rng.gauss(0, 0.45))
        csat = max(1, min(5, score))
        given = {"csat": Given(number=csat)}
        if self.rng.random() < 0.93:
            given["nps"] = Given(number=self.rng.randint(*NPS_OF_CSAT[csat]))
        if self.rng.random() < 0.88:
            given["promise"] = self.compare_with_promise(experience, csat)
        if self.rng.random() < 0.9:
            given["missing"] = Given(codes=("yes" if experience.missing else "no",))
            if experience.missing:
                given["missing_facts"] = Given(codes=tuple(experience.missing))
        if recommender and self.rng.random() < 0.82:
            given["affiliate_rating"] = self.rate(recommender, experience)
        if recommender and recommender.most_answers:  # of so few, each says what is compared between affiliates
            given |= {"promise": Given(number=0), "affiliate_rating": Given(number=5)}
            given.setdefault("missing", Given(codes=("no",)))
        if csat <= 3 and self.rng.random() < 0.8:
            worst = max(experience.faults, key=experience.faults.__getitem__, default="info_previa")
            given["part"] = Given(codes=(PART_OF_FAULT.get(worst, "sale"),))
        if self.rng.random() < 0.7:
            wants = self.rng.random() < (0.55 if csat <= 2 else 0.02)
            given["contact"] = Given(codes=("yes" if wants else "no",))
        given |= self.choose_chips(experience, csat, recommender)
        return given | self.write(given, experience, item, recommender, language)

    def compare_with_promise(self, experience: Experience, csat: int) -> Given:
        if self.rng.random() < 0.08:
            return Given(codes=("none",))
        if "promesa" in experience.faults or "producto" in experience.faults:
            return Given(number=self.rng.choices([-2, -1, 0], [30, 55, 15])[0])
        if experience.faults.keys() & {"entrega", "info_previa"}:
            return Given(number=self.rng.choices([-2, -1, 0], [5, 40, 55])[0])
        return Given(number=self.rng.choices([0, 1, 2], [70, 22, 8] if csat == 5 else [90, 8, 2])[0])

    def rate(self, recommender: Recommender, experience: Experience) -> Given:
        if self.rng.random() < 0.12:
            return Given(codes=("none",))
        less = 0.9 * len(experience.faults.keys() & {"info_previa", "promesa", "contacto_afiliado"})
        return Given(number=max(1, min(5, round(self.rng.gauss(recommender.rating - less, 0.6)))))

    def choose_chips(self, experience: Experience, csat: int, recommender: Recommender | None) -> dict[str, Given]:
        chips: dict[str, Given] = {}
        if self.rng.random() < {1: 0.1, 2: 0.25, 3: 0.5}.get(csat, 0.82):
            liked = {**PRAISE, **(recommender.praised if recommender else {})}
            weights = {aspect: weight for aspect, weight in liked.items() if aspect not in experience.faults}
            chips["keep"] = Given(codes=tuple(self.several(weights, self.rng.choice((1, 1, 2, 2, 3)))))
        improve = [aspect for aspect in experience.faults if self.rng.random() < 0.85]
        if not experience.faults and self.rng.random() < 0.09:
            kept = chips["keep"].codes if "keep" in chips else ()
            improve = [self.rng.choice([wish for wish in WISHES if wish not in kept])]
        if improve:
            chips["improve"] = Given(codes=tuple(improve))
        return chips

    def write(
        self,
        given: Mapping[str, Given],
        experience: Experience,
        item: Item,
        recommender: Recommender | None,
        language: str,
    ) -> dict[str, Given]:
        """Words, where the customer finds some; nobody says what somebody else said about the same affiliate."""
        wanted: dict[str, Sequence[str]] = {}
        if "keep" in given and self.rng.random() < 0.3:
            wanted["keep"] = given["keep"].codes
        if "improve" in given and self.rng.random() < 0.45:
            wanted["improve"] = given["improve"].codes
        promise = given.get("promise", Given()).number
        if promise is not None and promise <= -1 and self.rng.random() < 0.6:
            wanted["expectation"] = expected(experience)
        who = recommender.code if recommender else ""
        words = {
            ("expectation" if question == "expectation" else f"{question}_text"): self.voices.find(
                language, question, subjects, item=item, who=who
            )
            for question, subjects in wanted.items()
        }
        return {key: Given(text=text) for key, text in words.items() if text}

    def several(self, weights: Mapping[str, float], count: int) -> list[str]:
        left, chosen = dict(weights), []
        for _n in range(count):
            chosen.append(self.rng.choices(list(left), list(left.values()))[0])
            del left[chosen[-1]]
        return chosen


def expected(experience: Experience) -> list[str]:
    late = ["late"] if "entrega" in experience.faults else []
    return [*late, *experience.missing, *(["producto"] if "producto" in experience.faults else []), "otro"]


class Voices:
    """The stock of comments. Whoever reads an affiliate's page meets none of them twice."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.stock = tomllib.loads((Path(__file__).parent / "comments.toml").read_text(encoding="utf-8"))
        self.used: set[tuple[str, str]] = set()

    def find(self, language: str, question: str, subjects: Sequence[str], *, item: Item, who: str) -> str:
        """Words on the first of the subjects on which something is left to say; "" where nothing is."""
        names = ("any", item.kind, item.sku, who, f"{who}/{item.kind}", f"{who}/{item.sku}")
        for subject in subjects:
            pools = self.stock[language][question].get(subject, {})
            fitting = [text for name in names for text in pools.get(name, [])]
            if fresh := [text for text in fitting if (who, text) not in self.used]:
                text = self.rng.choice(fresh)
                self.used.add((who, text))
                return text
        return ""


def plain(name: str) -> str:
    """As in an address: lower case, without accents."""
    return name.lower().translate(str.maketrans("áéíóúüñ", "aeiouun"))
