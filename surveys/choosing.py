"""Which answers staff ask for: of when and whom, how good they are, what they are about, and by words of theirs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import OuterRef, Q, Subquery, TextChoices
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from mailing.addresses import known_hashes
from surveys.models import Answer, AnswerQuerySet, Response, ResponseQuerySet, Stems
from surveys.models.responses import ACCENTED, PLAIN

RATING = "csat"
CHIPS = ("keep", "improve", "distinction")  # questions whose codes are aspects
WORDS_READ = 8
BEGUN = 3  # letters that the last word needs to stand for all that begin with them
RARE = 2_000  # answers with these words, at most; of more frequent ones the newest are looked through
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
        given: dict[str, Any] = {
            "answered_at__gte": self.start,
            "answered_at__lt": self.end,
            "invitation__wave": self.wave,
            "invitation__purchase__product__sku": self.product,
            "language": self.language,
        }
        chosen = Response.objects.filter(brand=self.brand, **{name: value for name, value in given.items() if value})
        chosen = chosen.filter(*self._credited(), *self._said(), *self._trusted())
        search = self.search.strip()
        if "@" in search and not self.finds_customers:
            return chosen.none()
        return find(chosen, search, self.brand) if search else chosen

    def _credited(self) -> Iterator[Q]:
        """In one condition: it is the current attribution that must name affiliate and link."""
        named = {"affiliate__code": self.affiliate, "link__code": self.link}
        wanted = {name: value for name, value in named.items() if value}
        if wanted:
            path = "invitation__purchase__attributions__"
            yield Q(**{f"{path}{name}": value for name, value in {"is_current": True, **wanted}.items()})

    def _said(self) -> Iterator[Q]:
        if self.scores:
            yield has_answer(Q(question__key=RATING, number__in=self.scores))
        if self.theme:
            yield has_answer(
                Q(question__key__in=CHIPS, codes__contains=[self.theme]) | Q(aspects__contains=[self.theme])
            )
        if self.wording:
            yield has_answer(~Q(text=""), is_wanted=self.wording == Wording.WITH)

    def _trusted(self) -> Iterator[Q]:
        if self.suspects:
            yield Q(is_suspect=self.suspects == Suspects.ONLY)


def has_answer(condition: Q, *, is_wanted: bool = True) -> Q:
    return looked_up(Answer.objects.filter(condition), is_wanted=is_wanted)


def looked_up(answers: AnswerQuerySet, *, is_wanted: bool = True) -> Q:
    """Has a response one of these? Asked of one response after another, the newest first, until a page is full.

    Not by EXISTS, for which PostgreSQL likes to gather all such answers of all responses before it looks at the newest.
    """
    found = Subquery(answers.filter(response=OuterRef("pk")).values("pk")[:1])
    return Q(IsNull(found, not is_wanted))


# --- Search ----------------------------------------------------------------------------------------------------------
def find(responses: ResponseQuerySet, text: str, brand: Brand) -> ResponseQuerySet:
    """Those of the brand's that the text means: a whole address or order, else words, each in any of its forms."""
    if "@" in text:
        customers = Customer.objects.filter(brand=brand, email_hash__in=known_hashes(text))
        return responses.filter(invitation__purchase__customer__in=list(customers))
    if purchase := Purchase.objects.filter(brand=brand, external_id=text).first():
        return responses.filter(invitation__purchase=purchase)
    return with_words(responses, text, brand)


def with_words(responses: ResponseQuerySet, text: str, brand: Brand) -> ResponseQuerySet:
    """All of them in one answer to a question; the last may be only begun."""
    said = saying(text)
    # Asked without an order, PostgreSQL goes by the index of words: whether they are rare decides on the way.
    ids = list(said.filter(response__brand=brand).order_by().values_list("response", flat=True)[: RARE + 1])
    if len(ids) <= RARE:
        return responses.filter(pk__in=ids)
    return responses.filter(looked_up(said))


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
