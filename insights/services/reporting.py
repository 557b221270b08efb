"""Words that an affiliate asks staff to look at again, and what staff decide."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from affiliates.marks import is_mark_of, mark_of
from affiliates.models import Affiliate
from insights.models import Quote, QuoteReport

REPORTED = ("quote__question", "quote__text", "decision")
Reason = QuoteReport.Reason
Decision = QuoteReport.Decision


def mark_of_words(affiliate: Affiliate, question: str, text: str) -> str:
    """Made of nothing but what the affiliate reads already, so that it tells neither how many there are nor when."""
    return mark_of(affiliate.pk, f"words:{question}:{text}")


def shown_quotes(affiliate: Affiliate) -> QuerySet[Quote]:
    return Quote.objects.filter(affiliate=affiliate, hidden_at=None)


def decisions_on_words(affiliate: Affiliate) -> dict[tuple[str, str], str]:
    """Of what is shown to the affiliate and was reported, by question and words."""
    shown = QuoteReport.objects.filter(affiliate=affiliate, quote__hidden_at=None)
    return {(question, text): decision for question, text, decision in shown.values_list(*REPORTED)}


def find_quotes(affiliate: Affiliate, mark: str) -> list[Quote]:
    """Those shown to the affiliate with exactly these words; mostly one."""
    return [
        quote
        for quote in shown_quotes(affiliate).order_by("pk").iterator()
        if is_mark_of(mark, affiliate.pk, f"words:{quote.question}:{quote.text}")
    ]


def was_reported(affiliate: Affiliate, mark: str) -> bool:
    """Are words that are not shown any more gone because the affiliate itself reported them?"""
    reports = QuoteReport.objects.filter(affiliate=affiliate, quote__hidden_at__isnull=False).select_related("quote")
    return any(is_mark_of(mark, affiliate.pk, f"words:{each.quote.question}:{each.quote.text}") for each in reports)


def report_quotes(quotes: Sequence[Quote], reason: str, *, by: User, now: datetime) -> int:
    """How many are newly reported. What reveals somebody is gone from the affiliate's pages at once.

    That says nothing about anybody: it goes because the affiliate asked. What was decided once stays decided.
    """
    with transaction.atomic():
        reports = [
            QuoteReport.objects.get_or_create(
                quote=quote,
                defaults={
                    "brand_id": quote.brand_id,
                    "affiliate_id": quote.affiliate_id,
                    "reason": reason,
                    "reported_by": by,
                    "reported_at": now,
                },
            )
            for quote in quotes
        ]
        new = [report.quote_id for report, is_new in reports if is_new]
        if reason == Reason.REVEALS:
            Quote.objects.filter(pk__in=new).update(hidden_at=now)
    return len(new)


def decide_report(report: QuoteReport, decision: str, *, by: User, now: datetime) -> None:
    """Staff may think again: the last decision holds."""
    with transaction.atomic():
        QuoteReport.objects.filter(pk=report.pk).update(decision=decision, decided_by=by, decided_at=now)
        Quote.objects.filter(pk=report.quote_id).update(hidden_at=now if decision == Decision.HIDDEN else None)
