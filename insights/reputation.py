"""What anybody may read of an affiliate: how many are satisfied, over all answers, and words whose authors agreed.

As insights.privacy, by whose means it reads: sums of published blocks alone. A rival reads this too, and could take
several such pages from the programme: so both the share and the answers are told as reached in coarse steps, which
leave open how many answered and how many of them were satisfied, and no interval is, which would not. No words
are chosen and none left out; a customer who takes the consent back is off the page at once.
"""

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from affiliates.models import Affiliate
from insights.findings import RATING, SATISFIED, Lens, is_enough, read_share
from insights.models import Quote
from insights.privacy import COMMENTS, shown_counts, sum_counts
from surveys.models import Response

STEP = 10  # answers
STEP_OF_SHARE = 5  # percent


@dataclass(frozen=True)
class Satisfaction:
    """At least so many percent, of at least so many answers."""

    percent: int
    answers: int


@dataclass(frozen=True)
class Testimonial:
    """A customer's words, as redacted and not otherwise changed, and the month in which they were published."""

    question: str
    text: str
    month: date


def public_satisfaction(affiliate: Affiliate) -> Satisfaction | None:
    """None with fewer than 20 answers: too few to tell the world."""
    counts = sum_counts(shown_counts(affiliate.brand, affiliate).filter(question="csat"))
    csat = read_share(counts, "csat", RATING, SATISFIED, Lens(affiliate.brand.k))
    if csat is None or not is_enough(csat.n):
        return None
    reached = int(100 * csat.value) // STEP_OF_SHARE * STEP_OF_SHARE
    return Satisfaction(reached, csat.n // STEP * STEP)


def testimonials_of(affiliate: Affiliate) -> QuerySet[Quote]:
    """Published words whose authors agreed to their publication here and now, the newest block first."""
    agreed = Response.objects.filter(publishes=True, hides_comment=False, is_quotable=True, is_suspect=False)
    return (
        Quote.objects.filter(affiliate=affiliate, question__in=COMMENTS, hidden_at=None, withdrawn_at=None)
        .filter(response__in=agreed)
        .select_related("block")
        .order_by("-block__sequence", "pk")
    )


def as_testimonial(quote: Quote) -> Testimonial:
    return Testimonial(quote.question, quote.text, quote.block.month)
