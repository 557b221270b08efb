"""Facts about a case that stand beside its story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from affiliates.models import Attribution, Purchase
from complaints.kinds import DETAILS
from complaints.models import Complaint, ComplaintLink
from surveys.models import Response, Wave
from surveys.questionnaire import Ask, questionnaire_for
from surveys.services.answering import Given, said_in


@dataclass(frozen=True)
class Fact:
    label: str
    value: str
    note: str = ""


def customer_facts(complaint: Complaint) -> list[Fact]:
    customer = complaint.customer
    if customer is None:
        return []
    facts = [
        Fact(_("Name"), customer.name),
        Fact(_("E-mail"), customer.email or ""),
        Fact(_("Language"), customer.language),
    ]
    return [fact for fact in facts if fact.value]


def purchase_facts(purchase: Purchase, zone: ZoneInfo) -> list[Fact]:
    facts = [
        Fact(_("Order"), purchase.external_id),
        Fact(_("Product"), str(purchase.product) if purchase.product else ""),
        Fact(_("Amount"), f"{number_format(purchase.amount, 2)} {purchase.currency}" if purchase.amount else ""),
        Fact(_("Bought"), day_in_words(purchase.purchased_at, zone)),
        Fact(_("Received"), *received_in_words(purchase, zone)),
        Fact(_("State"), purchase.get_state_display() if not purchase.is_open else ""),
    ]
    return [fact for fact in facts if fact.value]


def received_in_words(purchase: Purchase, zone: ZoneInfo) -> tuple[str, str]:
    """When it was received, and how that compares with what was promised."""
    promised, received = purchase.promised_on, purchase.received_at
    if received is None:
        note = _("promised for %(day)s") % {"day": date_format(promised, "DATE_FORMAT")} if promised else ""
        return _("not yet"), note
    if promised is None:
        return day_in_words(received, zone), ""
    days = (received.astimezone(zone).date() - promised).days
    if days <= 0:
        return day_in_words(received, zone), _("as promised")
    late = ngettext("%(days)d day later than promised", "%(days)d days later than promised", days) % {"days": days}
    return day_in_words(received, zone), late


def affiliate_facts(purchase: Purchase) -> list[Fact]:
    attribution = Attribution.objects.current().filter(purchase=purchase).select_related("affiliate", "link").first()
    if attribution is None:
        return []
    who = attribution.affiliate.name if attribution.affiliate else _("nobody")
    facts = [Fact(_("Credited to"), who, attribution.get_reason_display())]
    if attribution.link:
        facts.append(Fact(_("Link"), str(attribution.link)))
    return facts


def detail_facts(complaint: Complaint) -> list[Fact]:
    """What its kind asks for beyond words."""
    asked = DETAILS.get(complaint.kind, ())
    given = [(each, complaint.details.get(each.code)) for each in asked]
    return [Fact(str(each.label), each.shown(value)) for each, value in given if value]


def cause_facts(complaint: Complaint) -> list[Fact]:
    """What lay behind it, and whose part that was."""
    facts = [
        Fact(_("Cause"), complaint.get_cause_display() if complaint.cause else ""),
        Fact(_("Whose part"), complaint.get_part_display() if complaint.part else ""),
    ]
    return [fact for fact in facts if fact.value]


def answer_facts(purchase: Purchase) -> list[Fact]:
    """All that the customer answered about this purchase, worded as they were asked."""
    bought = Response.objects.counted().filter(invitation__purchase=purchase).exclude(invitation__wave=Wave.CLOSING)
    return facts_of_answer(bought.order_by("id"))


def closing_facts(occasion: str) -> list[Fact]:
    """What they answered when they were asked how the case ended."""
    closing = Response.objects.counted().filter(invitation__occasion=occasion, invitation__wave=Wave.CLOSING)
    return facts_of_answer(closing)


def facts_of_answer(responses: QuerySet[Response]) -> list[Fact]:
    related = ("invitation__brand", "invitation__survey", "invitation__purchase__product")
    response = responses.select_related(*related).last()
    if response is None:
        return []
    questionnaire = questionnaire_for(response.invitation, language=get_language() or "")
    given = said_in(response).given
    asks = [ask for block in questionnaire.blocks for ask in block if ask.key in given]
    return [Fact(ask.text, answer_in_words(ask, given[ask.key])) for ask in asks]


def answer_in_words(ask: Ask, given: Given) -> str:
    labels = {option.code: option.label for option in ask.options}
    if given.number is not None:
        label = labels.get(str(given.number), "")
        highest = max((int(code) for code in labels if code.removeprefix("-").isdecimal()), default=given.number)
        of = _("%(number)d of %(highest)d") % {"number": given.number, "highest": highest}
        if not label or label == str(given.number):
            return of
        return f"{of} · {label}" if highest > 2 else label  # -2 to 2 means nothing to a reader
    return ", ".join(labels.get(code, code) for code in given.codes) or given.text


def earlier_cases(complaint: Complaint) -> Sequence[Complaint]:
    if complaint.customer_id is None:
        return ()
    others = Complaint.objects.filter(customer=complaint.customer_id).exclude(pk=complaint.pk)
    return list(others.order_by("-opened_at", "-id")[:5])


def linked_cases(complaint: Complaint) -> Sequence[Complaint]:
    pairs = ComplaintLink.objects.of(complaint).values_list("complaint", "other")
    ids = {pk for pair in pairs for pk in pair} - {complaint.pk}
    return list(Complaint.objects.filter(pk__in=ids).order_by("-opened_at", "-id"))


def day_in_words(moment: datetime, zone: ZoneInfo) -> str:
    return date_format(moment.astimezone(zone), "DATE_FORMAT")
