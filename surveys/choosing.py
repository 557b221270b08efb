"""Which answers staff ask for: of when and whom, how good they are, what they are about, and by words of theirs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import OuterRef, Q, QuerySet, Subquery, TextChoices
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Customer, Product, Purchase, TrackingLink
from mailing.addresses import known_hashes
from surveys.models import Answer, AnswerQuerySet, Invitation, Question, Response, ResponseQuerySet, Stems
from surveys.models.responses import ACCENTED, PLAIN

RATING = "csat"
CHIPS = ("keep", "improve", "distinction")  # questions whose codes are aspects
WORDS_READ = 8
BEGUN = 3  # letters that the last word needs to stand for all that begin with them
FEW = 4_000  # purchases of an affiliate, answers with a word: as many are read whole, of more the newest looked through
UNACCENTED = str.maketrans(ACCENTED, PLAIN)


class Suspects(TextChoices):
    NONE = "none", _("Without suspects")
    ONLY = "only", _("Only suspects")


class Wording(TextChoices):
    WITH = "with", _("With words")
    WITHOUT = "without", _("Without words")


@dataclass(frozen=True)
class Wanted:
    """Which responses; what is empty leaves nothing out. `start` and `end`: answered from … until just before."""

    brand: Brand
    start: datetime | None = None
    end: datetime | None = None
    wave: str = ""
    affiliate: str = ""  # its code
    link: str = ""  # its code
    product: str = ""  # its sku
    scores: tuple[int, ...] = ()  # of the first question
    language: str = ""
    theme: str = ""  # code of an aspect
    wording: str = ""
    suspects: str = ""
    search: str = ""
    finds_customers: bool = True  # by their address; not for whoever is not to know who they are

    def responses(self) -> ResponseQuerySet:
        return self.find().responses

    def find(self) -> "Found":
        among = Response.objects.filter(self._in_order(), brand=self.brand)
        conditions = [*self._told(), *self._sold(), *self._said(), *self._searched()]
        responses = among.filter(*(each.holds for each in conditions))
        return Found(responses, None if any(each.leaves_few for each in conditions) else among)

    def _in_order(self) -> Q:
        """What the indexes of responses, the newest first, find by themselves."""
        given: dict[str, Any] = {"answered_at__gte": self.start, "answered_at__lt": self.end}
        if self.suspects == Suspects.ONLY:
            given["is_suspect"] = True
        return Q(**{name: value for name, value in given.items() if value})

    def _told(self) -> Iterator["Condition"]:
        if self.suspects == Suspects.NONE:
            yield Condition(Q(is_suspect=False))
        if self.wave:
            asked = Invitation.objects.filter(pk=OuterRef("invitation"), wave=self.wave)
            yield Condition(looked_up(asked))
        if self.language:
            yield Condition(Q(language=self.language))

    def _sold(self) -> Iterator["Condition"]:
        """In one condition: it is the current attribution that must name affiliate and link."""
        named: dict[str, Any] = {}
        if self.affiliate:
            named["affiliate"] = key_of(Affiliate.objects.filter(brand=self.brand, code=self.affiliate))
        if self.link:
            named["link"] = key_of(TrackingLink.objects.filter(affiliate__brand=self.brand, code=self.link))
        if named:
            yield of_purchases(Attribution.objects.current().filter(**named), "purchase")
        if self.product:
            sold = key_of(Product.objects.filter(brand=self.brand, sku=self.product))
            yield of_purchases(Purchase.objects.filter(product=sold), "pk")

    def _said(self) -> Iterator["Condition"]:
        if self.scores:
            yield has_answer(Q(question__in=self._questions(RATING), number__in=self.scores))
        if self.theme:
            chips = Q(question__in=self._questions(*CHIPS), codes__contains=[self.theme])
            yield has_answer(chips | Q(aspects__contains=[self.theme]))
        if self.wording:
            yield has_answer(~Q(text=""), is_wanted=self.wording == Wording.WITH)

    def _questions(self, *keys: str) -> list[int]:
        """Of all versions, by their ids: to join them would be done for each response anew."""
        questions = Question.objects.filter(survey__brand=self.brand, key__in=keys)
        return list(questions.values_list("pk", flat=True))

    def _searched(self) -> Iterator["Condition"]:
        """A whole address or order, else words, each in any of its forms."""
        text = self.search.strip()
        if not text:
            return
        if "@" in text:
            customers = Customer.objects.filter(brand=self.brand, email_hash__in=known_hashes(text))
            known = list(customers) if self.finds_customers else []
            yield Condition(Q(invitation__purchase__customer__in=known), leaves_few=True)
        elif purchase := Purchase.objects.filter(brand=self.brand, external_id=text).first():
            yield Condition(Q(invitation__purchase=purchase), leaves_few=True)
        else:
            yield with_words(text, self.brand)


@dataclass(frozen=True)
class Found:
    """`among`: what an index holds, the newest first, of which each is to be looked at; None where they are few."""

    responses: ResponseQuerySet
    among: ResponseQuerySet | None


@dataclass(frozen=True)
class Condition:
    """`leaves_few`: those for which it holds have been read by an index, and are known by their ids."""

    holds: Q
    leaves_few: bool = False


def key_of(rows: QuerySet[Any]) -> int:
    """0, which is nobody's, where there is none. By its number PostgreSQL knows how many are its, by its code not."""
    return rows.values_list("pk", flat=True).first() or 0


def of_purchases(rows: QuerySet[Any], column: str) -> Condition:
    """Responses about the purchases that these rows name."""
    few = few_of(rows, column)
    if few is not None:
        return Condition(Q(invitation__purchase__in=few), leaves_few=True)
    return Condition(looked_up(rows.filter(**{column: OuterRef("invitation__purchase")})))


def few_of(rows: QuerySet[Any], column: str) -> list[int] | None:
    # Asked without an order, PostgreSQL goes by the rows' own index: whether they are few decides on the way.
    found = list(rows.order_by().values_list(column, flat=True)[: FEW + 1])
    return found if len(found) <= FEW else None


def has_answer(condition: Q, *, is_wanted: bool = True) -> Condition:
    return Condition(looked_up(Answer.objects.filter(condition, response=OuterRef("pk")), is_wanted=is_wanted))


def looked_up(rows: QuerySet[Any], *, is_wanted: bool = True) -> Q:
    """Is there one of these for a response? Asked of one after another, the newest first, until a page is full.

    Not by EXISTS, for which PostgreSQL likes to gather all of all responses before it looks at the newest.
    """
    return Q(IsNull(Subquery(rows.values("pk")[:1]), not is_wanted))


# --- Search ----------------------------------------------------------------------------------------------------------
def with_words(text: str, brand: Brand) -> Condition:
    """All of them in one answer to a question; the last may be only begun."""
    said = saying(text)
    few = few_of(said.filter(response__brand=brand), "response")
    if few is not None:
        return Condition(Q(pk__in=few), leaves_few=True)
    return Condition(looked_up(said.filter(response=OuterRef("pk"))))


def saying(text: str) -> AnswerQuerySet:
    query = query_of(text)
    answers = Answer.objects.exclude(text="").alias(stems=Stems("text"))
    return answers.filter(stems=query) if query else answers.none()


def query_of(text: str) -> SearchQuery | None:
    """None: there is no word in it."""
    words = re.findall(r"[^\W_]+", text.lower().translate(UNACCENTED))[:WORDS_READ]
    if not words:
        return None
    if len(words[-1]) >= BEGUN:
        words[-1] += ":*"
    return SearchQuery(" & ".join(words), config="pg_catalog.spanish", search_type="raw")
