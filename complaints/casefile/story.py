"""What happened, from the sale to how the case ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from affiliates.models import Attribution
from complaints.models import Alarm, Attachment, Complaint, ComplaintEvent, Remedy, WarrantyDecision
from complaints.services.ending import occasion_of
from complaints.wording import moment_in_words
from mailing.models import OutgoingMail
from surveys.models import Invitation, Wave

Event = ComplaintEvent.Kind
State = Complaint.State
OTHER_CASE: Mapping[Event, Any] = {
    Event.LINKED: gettext_lazy("Linked with case %(number)s"),
    Event.UNLINKED: gettext_lazy("No longer linked with case %(number)s"),
    Event.MERGED: gettext_lazy("Merged with case %(number)s"),
    Event.UNMERGED: gettext_lazy("Separated from case %(number)s"),
}

VOICES: Mapping[Event, str] = {
    Event.REPLIED: "brand",
    Event.RESOLVED: "brand",
    **dict.fromkeys((Event.NOTE, Event.WARRANTY, Event.REMEDY), "note"),
}


@dataclass(frozen=True)
class Entry:
    """A line or message of the story. `voice`: "customer", "brand", "note" (colleagues only) or "" (what was done)."""

    title: str
    at: datetime
    text: str = ""
    voice: str = ""
    actor: str = ""
    mail: str = ""  # what became of the mail that carries it
    aside: str = ""
    case: str = ""  # the number of the merged case that it belongs to
    files: Sequence[Attachment] = ()
    quoted: str = ""  # what an e-mail repeats of older ones
    left_out: Sequence[str] = ()  # the files of it that were not taken


def story_of(complaint: Complaint) -> list[Entry]:
    """From the sale to how it ended, oldest first: of this case and of those that are merged into it."""
    told = [*sale_entries(complaint), *survey_entries(complaint), *case_entries(complaint)]
    return sorted(told, key=lambda entry: entry.at)


def sale_entries(complaint: Complaint) -> Iterable[Entry]:
    purchase = complaint.purchase
    if purchase is None:
        return
    attribution = Attribution.objects.current().filter(purchase=purchase).select_related("affiliate", "link").first()
    by = attribution.affiliate.name if attribution and attribution.affiliate else ""
    bought = _("Bought, recommended by %(name)s") % {"name": by} if by else _("Bought")
    link = str(attribution.link) if attribution and attribution.link else ""
    yield Entry(bought, purchase.purchased_at, aside=link)
    if purchase.received_at:
        yield Entry(_("Received"), purchase.received_at)


def survey_entries(complaint: Complaint) -> Iterable[Entry]:
    """The surveys of the purchase and of the case's ending: when they went out, and what came back."""
    about = Q(occasion=occasion_of(complaint), wave=Wave.CLOSING)
    if complaint.purchase_id:
        about |= Q(purchase=complaint.purchase_id) & ~Q(wave=Wave.CLOSING)
    asked = Invitation.objects.filter(about).select_related("response").prefetch_related("mails__mail")
    for invitation in asked:
        is_closing = invitation.wave == Wave.CLOSING
        for sent in invitation.mails.all():
            if sent.mail and sent.mail.sent_at:
                title = _("Asked how the case ended") if is_closing else _("Survey sent")
                yield Entry(title, sent.mail.sent_at)
        if response := getattr(invitation, "response", None):
            title = _("Answered how the case ended") if is_closing else _("Answered the survey")
            yield Entry(title, response.answered_at)


def case_entries(complaint: Complaint) -> list[Entry]:
    numbers = {complaint.pk: "", **dict(complaint.merged.values_list("pk", "number"))}
    said = ComplaintEvent.objects.filter(complaint__in=numbers).select_related("actor").prefetch_related("attachments")
    events = [event for event in said.order_by("at", "id") if not is_told_otherwise(event)]
    people = User.objects.in_bulk({event.data["assignee"] for event in events if event.data.get("assignee")})
    mails = OutgoingMail.objects.filter(dedupe_key__in=[mail_key(event) for event in events])
    states = {mail.dedupe_key: mail.get_state_display() for mail in mails}
    zone = ZoneInfo(complaint.brand.timezone)
    return [
        Entry(
            title=title_of(event, people),
            at=event.at,
            text=event.text,
            voice=voice_of(event),
            actor=actor_of(event),
            aside=moves_in_words(event.data.get("moved", {}), zone),
            mail=states.get(mail_key(event), ""),
            case=numbers[event.complaint_id],
            files=list(event.attachments.all()),
            quoted=event.data.get("quoted", ""),
            left_out=event.data.get("left_out", ()),
        )
        for event in events
    ]


def actor_of(event: ComplaintEvent) -> str:
    """A colleague; of an e-mail its sender, who may be somebody else than the customer."""
    if event.actor is None:
        return str(event.data.get("sender", ""))
    return "" if is_taking(event) else str(event.actor)


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
    return VOICES.get(Event(event.kind), "")


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
    if event.kind == Event.WARRANTY:
        return _("Warranty: %(outcome)s") % {
            "outcome": label_of(WarrantyDecision.Outcome.choices, data.get("outcome")),
        }
    if event.kind == Event.REMEDY:
        return remedy_in_words(data)
    if event.kind == Event.CAUSE:
        return _("Cause: %(cause)s") % {"cause": label_of(Complaint.Cause.choices, data.get("after"))}
    if event.kind == Event.SEVERITY:
        return _("Severity: %(severity)s") % {"severity": label_of(Complaint.Severity.choices, data.get("after"))}
    if event.kind == Event.TAGS:
        return _("Tags: %(tags)s") % {"tags": tags_in_words(data)}
    if event.kind in (Event.WARNED, Event.ESCALATED):
        text = _("Warned: %(clock)s due soon") if event.kind == Event.WARNED else _("Overdue and passed on: %(clock)s")
        return text % {"clock": label_of(Alarm.Clock.choices, data.get("clock"))}
    if event.kind in OTHER_CASE:
        return OTHER_CASE[Event(event.kind)] % {"number": data.get("into") or data.get("other", "")}
    if event.kind == Event.ANSWER_ADDED and data.get("subject"):
        return _("Added: %(subject)s") % {"subject": data["subject"]}
    return event.get_kind_display()


def remedy_in_words(data: dict[str, Any]) -> str:
    """«Devolución del dinero: ofrecida (19,90 EUR)»."""
    what = label_of(Remedy.Kind.choices, data.get("what"))
    state = label_of(Remedy.State.choices, data.get("after")).lower()
    cost = f" ({number_format(data['cost'], 2)} {data['currency']})" if data.get("cost") else ""
    return f"{what}: {state}{cost}"


def moves_in_words(moved: Mapping[str, Sequence[str]], zone: ZoneInfo) -> str:
    """«Plazo legal: martes 31 de marzo → miércoles 1 de abril», where the brand is: that is where its days end."""
    told = {
        clock: " → ".join(moment_in_words(datetime.fromisoformat(moment), zone) for moment in moments)
        for clock, moments in moved.items()
    }
    return " · ".join(f"{label_of(Alarm.Clock.choices, clock)}: {text}" for clock, text in told.items())


def label_of(choices: Iterable[tuple[str, object]], value: str | None) -> str:
    return str(dict(choices).get(value or "", "—"))


def tags_in_words(data: dict[str, Any]) -> str:
    return ", ".join([*(f"+ {tag}" for tag in data.get("added", [])), *(f"− {tag}" for tag in data.get("removed", []))])
