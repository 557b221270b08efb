"""One mail from its beginning to what became of it, as staff read it."""

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import structlog
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mailing.models import MailEvent, OutgoingMail
from mailing.rendering import texts_of

State, Kind = OutgoingMail.State, MailEvent.Kind

log = structlog.get_logger(__name__)

TONES = {
    State.SENT.value: "keep",
    Kind.DELIVERED.value: "keep",
    Kind.ARRIVED.value: "keep",
    Kind.DEFERRED.value: "improve",
    State.UNCERTAIN.value: "improve",
    Kind.UNSUBSCRIBED.value: "improve",
    Kind.BOUNCED.value: "alarm",
    Kind.COMPLAINED.value: "alarm",
    Kind.REJECTED.value: "alarm",
    State.FAILED.value: "alarm",
}
SOURCES = {
    "server": _("the mail server"),
    "smtp": _("a mail that came back"),
    "staff": pgettext_lazy("who did it", "staff"),
}
ENDINGS = (State.FAILED, State.UNCERTAIN, State.CANCELLED, State.EXPIRED)


@dataclass(frozen=True)
class Step:
    at: datetime
    what: str
    detail: str = ""
    source: str = ""  # who says so; empty: our own engine
    tone: str = ""


def story_of(mail: OutgoingMail, events: Iterable[MailEvent]) -> list[Step]:
    """What happened to it, oldest first: what the engine did and what others reported."""
    steps = [Step(mail.created_at, str(_("Queued")))]
    if mail.handed_over_at:
        steps.append(Step(mail.handed_over_at, str(_("Handed over to the mail server for the first time"))))
    if mail.sent_at:
        accepted = str(_("Accepted by the mail server"))
        steps.append(Step(mail.sent_at, accepted, mail.server_reply, tone=TONES[State.SENT]))
    steps += [step_of(event) for event in events]
    if mail.state in ENDINGS:
        steps.append(Step(mail.updated_at, mail.get_state_display(), mail.reason_label, tone=TONES.get(mail.state, "")))
    return sorted(steps, key=lambda step: step.at)


def step_of(event: MailEvent) -> Step:
    source = str(SOURCES.get(event.source, event.source))
    return Step(event.occurred_at, event.get_kind_display(), event.detail, source, TONES.get(event.kind, ""))


# --- What it says --------------------------------------------------------------------------------------------------
# A part of an address long enough to be a secret: a token of ours, a key that resets a password.
_SECRET = re.compile(r"(?<=[/=])[A-Za-z0-9_-]{16,}")
_ADDRESS = re.compile(r"https?://\S+")
MASK = "••••••••"


@dataclass(frozen=True)
class Preview:
    subject: str
    text: str
    html: str


def preview_of(mail: OutgoingMail) -> Preview | None:
    """Its subject, words and HTML, with links that open nothing; None: its template is gone or has a fault.

    Made with the token of no mail, what is sealed stays sealed, and what looks like a secret is masked on top: whoever
    reads the ledger must not be able to answer, or to sign in, for the recipient.
    """
    nobody = copy(mail)
    nobody.uuid, nobody.sealed_context = uuid4(), None
    try:
        texts = texts_of(nobody)
    except Exception as error:  # templates may raise anything
        log.warning("mail_preview_fault", mail=mail.pk, template=mail.template, error=type(error).__name__)
        return None
    return Preview(masked(texts.subject), masked(texts.text), masked(texts.html))


def masked(text: str) -> str:
    return _ADDRESS.sub(lambda found: _SECRET.sub(MASK, found.group()), text)
