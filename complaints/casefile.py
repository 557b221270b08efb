"""All that staff see of one case on its page: facts beside, the story from top to bottom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.models import User
from affiliates.models import Attribution, Purchase
from complaints.models import Complaint, ComplaintEvent
from complaints.services import WRITING_ROLES
from complaints.wording import Clock, clock
from mailing.models import OutgoingMail
from surveys.models import Response
from surveys.questionnaire import Ask, questionnaire_for
from surveys.services.answering import Given, said_in

Event = ComplaintEvent.Kind
State = Complaint.State


@dataclass(frozen=True)
class Fact:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """A line or message of the story. `voice`: "customer", "brand", "note" (colleagues only) or "" (what was done)."""

    title: str
    at: datetime
    text: str = ""
    voice: str = ""
    actor: str = ""
    mail: str = ""  # what became of the mail that carries it


@dataclass(frozen=True)
class CaseFile:
    case: Complaint
    clocks: list[tuple[str, Clock]]
    story: list[Entry]
    customer: list[Fact]
    purchase: list[Fact]
    affiliate: list[Fact]
    answers: list[Fact] = field(default_factory=list)
    earlier: Sequence[Complaint] = ()
    can_write: bool = False


def case_file(complaint: Complaint, *, reader: User, now: datetime, zone: ZoneInfo) -> CaseFile:
    """In the reader's language and with the times of `zone`. The number of statements does not grow with the story."""
    purchase = complaint.purchase
    return CaseFile(
        case=complaint,
        clocks=clocks_of(complaint, now=now, zone=zone),
        story=story_of(complaint),
        customer=customer_facts(complaint),
        purchase=purchase_facts(purchase, zone) if purchase else [],
        affiliate=affiliate_facts(purchase) if purchase else [],
        answers=answer_facts(purchase) if purchase else [],
        earlier=earlier_cases(complaint),
        can_write=reader.role_in(complaint.brand) in WRITING_ROLES,
    )


def clocks_of(complaint: Complaint, *, now: datetime, zone: ZoneInfo) -> list[tuple[str, Clock]]:
    if not complaint.is_open:
        return []
    answer = _("Next answer") if complaint.answered_at else _("First answer")
    dues = [(answer, complaint.answer_due_at), (_("Term of the law"), complaint.legal_due_at)]
    return [(label, clock(due, now=now, zone=zone)) for label, due in dues if due]


# --- Facts ---------------------------------------------------------------------------------------------------------
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


def answer_facts(purchase: Purchase) -> list[Fact]:
    """All that the customer answered about this purchase, worded as they were asked."""
    responses = Response.objects.counted().filter(invitation__purchase=purchase).order_by("id")
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


def day_in_words(moment: datetime, zone: ZoneInfo) -> str:
    return date_format(moment.astimezone(zone), "DATE_FORMAT")


# --- The story -----------------------------------------------------------------------------------------------------
def story_of(complaint: Complaint) -> list[Entry]:
    events = [event for event in complaint.events.select_related("actor") if not is_told_otherwise(event)]
    people = User.objects.in_bulk({event.data["assignee"] for event in events if event.data.get("assignee")})
    mails = OutgoingMail.objects.filter(dedupe_key__in=[mail_key(event) for event in events])
    states = {mail.dedupe_key: mail.get_state_display() for mail in mails}
    return [
        Entry(
            title=title_of(event, people),
            at=event.at,
            text=event.text,
            voice=voice_of(event),
            actor="" if event.actor is None or is_taking(event) else str(event.actor),
            mail=states.get(mail_key(event), ""),
        )
        for event in events
    ]


def is_told_otherwise(event: ComplaintEvent) -> bool:
    """Taking a case up, closing it, opening it again and the customer's words say it themselves; left is waiting."""
    if event.kind != Event.STATE_CHANGED:
        return False
    moved = (event.data.get("before"), event.data.get("after"))
    return State.WAITING not in moved or State.RESOLVED in moved or event.actor_id is None


def is_taking(event: ComplaintEvent) -> bool:
    return event.kind == Event.ASSIGNED and event.actor_id is not None and event.data.get("assignee") == event.actor_id


def voice_of(event: ComplaintEvent) -> str:
    if event.kind in ComplaintEvent.FROM_CUSTOMER:
        return "customer" if event.text else ""
    return {Event.REPLIED: "brand", Event.RESOLVED: "brand", Event.NOTE: "note"}.get(Event(event.kind), "")


def mail_key(event: ComplaintEvent) -> str:
    """The dedupe key under which complaints.services.mails writes this event to the customer."""
    return f"complaint:event:{event.pk}"


def title_of(event: ComplaintEvent, people: dict[int, User]) -> str:
    data = event.data
    if is_taking(event):
        return _("%(name)s took it") % {"name": event.actor}
    if event.kind == Event.ASSIGNED:
        owner = people.get(data.get("assignee") or 0)
        return _("Assigned to %(name)s") % {"name": owner} if owner else _("Without owner again")
    if event.kind == Event.STATE_CHANGED:
        return _("Waiting for the customer") if data.get("after") == State.WAITING else _("No longer waiting")
    if event.kind == Event.KIND_CHANGED:
        return _("It is now: %(kind)s") % {"kind": label_of(Complaint.Kind.choices, data.get("after"))}
    if event.kind == Event.PART_CHANGED:
        return _("Whose part: %(part)s") % {"part": label_of(Complaint.Part.choices, data.get("after"))}
    if event.kind == Event.ANSWER_ADDED and data.get("subject"):
        return _("Added: %(subject)s") % {"subject": data["subject"]}
    return event.get_kind_display()


def label_of(choices: Iterable[tuple[str, object]], value: str | None) -> str:
    return str(dict(choices).get(value or "", "—"))
