"""The warranty and the remedies of a case, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints.models import Complaint, Remedy, WarrantyDecision
from complaints.services.warranting import date_or_none, verdict_of
from complaints.warranty import Verdict
from complaints.wording import to_be_confirmed

Outcome = WarrantyDecision.Outcome
# Kinds of case for which the question makes sense without anybody asking it.
JUDGED = (Complaint.Kind.WARRANTY, Complaint.Kind.CLAIM, Complaint.Kind.COMPLAINT, Complaint.Kind.FOLLOW_UP)
TONES = {Outcome.IN: "keep", Outcome.SELLER: "keep", Outcome.OUT: "alarm", Outcome.DOUBT: "improve"}


@dataclass(frozen=True)
class Warranty:
    """`outcome`: what applies, by staff's decision or else by the dates. `evidence`: what came from the customer."""

    applies: str  # its code
    outcome: str
    tone: str
    sum: list[str]
    decision: WarrantyDecision | None
    evidence: list[tuple[str, str]]


@dataclass(frozen=True)
class RemedyLine:
    remedy: Remedy
    cost: str
    facts: list[str]


# --- Warranty ------------------------------------------------------------------------------------------------------
def warranty_of(complaint: Complaint) -> Warranty | None:
    """None: nothing was bought for which there is a rule, and nobody asks for a warranty."""
    is_claimed = complaint.kind == Complaint.Kind.WARRANTY
    if not is_claimed and (complaint.kind not in JUDGED or complaint.purchase is None):
        return None
    verdict = verdict_of(complaint)
    if verdict.rule is None and not is_claimed:
        return None
    decision = WarrantyDecision.objects.filter(complaint=complaint).select_related("decided_by").first()
    applies = Outcome(decision.decided if decision else verdict.outcome)
    return Warranty(
        applies=applies.value,
        outcome=str(applies.label),
        tone=TONES[applies],
        sum=sum_of(verdict),
        decision=decision,
        evidence=evidence_of(complaint) if is_claimed else [],
    )


def sum_of(verdict: Verdict) -> list[str]:
    """Rule and dates, as sentences."""
    is_read = verdict.limit is not None or (verdict.rule is not None and not verdict.rule.is_checked)
    return [*rule_in_words(verdict), *limit_in_words(verdict), *([to_be_confirmed()] if is_read else [])]


def limit_in_words(verdict: Verdict) -> list[str]:
    if verdict.limit is None or verdict.claim_until is None:
        return []
    text = _("Can be claimed until %(day)s, %(months)d months after it showed (%(source)s).")
    told = {"day": day(verdict.claim_until), "months": verdict.limit.months, "source": verdict.limit.source}
    return [text % told, *([_("It was claimed later.")] if verdict.reason == "claimed_late" else [])]


def rule_in_words(verdict: Verdict) -> list[str]:
    doubts = {
        "no_delivery": _("It is not known when it was delivered."),
        "no_rule": _("No rule is known for this product; administrators can write one."),
        "before_delivery": _("The fault is said to be older than the delivery."),
    }
    doubt = [doubts[verdict.reason]] if verdict.reason in doubts else []
    rule = verdict.rule
    if rule is None or verdict.starts_on is None or verdict.ends_on is None:
        return doubt
    starts = _("Bought on %(day)s") if verdict.is_earliest else _("Delivered on %(day)s")
    term = ngettext("+ %(count)d month", "+ %(count)d months", rule.months) % {"count": rule.months}
    sums = [f"{starts % {'day': day(verdict.starts_on)}}, {term} ({rule.source})."]
    if verdict.suspended_days:
        text = ngettext(
            "Longer by %(count)d day of repair.", "Longer by %(count)d days of repair.", verdict.suspended_days
        )
        sums.append(text % {"count": verdict.suspended_days})
    ends = _("At least until %(day)s.") if verdict.is_earliest else _("Until %(day)s.")
    sums.append(ends % {"day": day(verdict.ends_on)})
    if verdict.burden_until:
        text = _("What shows until %(day)s is taken to have been there from the beginning.")
        sums.append(text % {"day": day(verdict.burden_until)})
    return [*sums, *doubt]


def evidence_of(complaint: Complaint) -> list[tuple[str, str]]:
    """What a warranty is claimed with; "" where it is missing."""
    purchase = complaint.purchase
    files = complaint.attachments.filter(uploaded_by=None).count()
    since = date_or_none(complaint.details.get("since"))
    return [
        (_("Proof of purchase"), purchase.external_id if purchase else ""),
        (_("What fails"), complaint.details.get("fault", "") or complaint.text),
        (_("Since when"), day(since) if since else ""),
        (_("Serial number"), complaint.details.get("serial", "")),
        (_("Pictures or papers"), files_in_words(files) if files else ""),
    ]


def files_in_words(count: int) -> str:
    return ngettext("%(count)d file", "%(count)d files", count) % {"count": count}


# --- Remedies ------------------------------------------------------------------------------------------------------
def remedies_of(complaint: Complaint) -> Sequence[RemedyLine]:
    remedies = Remedy.objects.filter(complaint=complaint)
    return [RemedyLine(remedy, cost_in_words(remedy), facts_of(remedy)) for remedy in remedies]


def cost_in_words(remedy: Remedy) -> str:
    return "" if remedy.cost is None else f"{number_format(remedy.cost, 2)} {remedy.currency}"


def facts_of(remedy: Remedy) -> list[str]:
    told = [
        (_("done on %(day)s"), remedy.done_on),
        (_("handed in on %(day)s"), remedy.taken_on),
        (_("given back on %(day)s"), remedy.back_on),
    ]
    return [text % {"day": day(on)} for text, on in told if on]


def day(value: date) -> str:
    return date_format(value, "DATE_FORMAT")
