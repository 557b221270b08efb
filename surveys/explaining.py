"""Where a survey stands, in one sentence for staff: asked when, or why not, and from when on it is possible."""

from datetime import datetime

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from surveys.models import Reason
from surveys.selectors import Standing, SurveyState

# By state and reason; what is not here by its reason is here without one. {when}: a date and time of the reader's.
SENTENCES = {
    (Standing.WAITING, ""): gettext_lazy("Not asked yet: it is asked once it was delivered or activated."),
    (Standing.PLANNED, ""): gettext_lazy("Will be asked on {when}."),
    (Standing.HELD, Reason.FATIGUE): gettext_lazy(
        "Not asked yet: the customer is asked about another purchase. Possible from {when}."
    ),
    (Standing.HELD, Reason.OPEN_COMPLAINT): gettext_lazy(
        "Not asked while a complaint about it is open. Possible when it is closed."
    ),
    (Standing.HELD, Reason.BOUNCED): gettext_lazy(
        "Not asked yet: the address took none of our mails lately. Possible from {when}."
    ),
    (Standing.HELD, Reason.PAUSED): gettext_lazy("Not asked while asking is paused. Possible when it goes on."),
    (Standing.CANCELLED, Reason.REFUNDED): gettext_lazy("Not asked: the money was given back."),
    (Standing.CANCELLED, Reason.CANCELLED): gettext_lazy("Not asked: the purchase was cancelled."),
    (Standing.CANCELLED, Reason.NO_EMAIL): gettext_lazy("Not asked: no e-mail address of the customer is known."),
    (Standing.CANCELLED, Reason.NO_NOTICE): gettext_lazy(
        "Not asked: the customer was not told of the survey when buying."
    ),
    (Standing.CANCELLED, Reason.TOO_OLD): gettext_lazy("Not asked: it was received too long ago."),
    (Standing.CANCELLED, Reason.SAMPLED_OUT): gettext_lazy("Not asked: it is not in the sample that the brand asks."),
    (Standing.CANCELLED, Reason.SUPPRESSED): gettext_lazy(
        "Not asked: this address must not be written to, or staff stopped the mail."
    ),
    (Standing.CANCELLED, Reason.OPTED_OUT): gettext_lazy("Not asked: the customer wants no more surveys."),
    (Standing.CANCELLED, Reason.BOUNCED): gettext_lazy("Not asked: the address does not work."),
    (Standing.CANCELLED, Reason.FAILED): gettext_lazy("Not asked: the mail could not be sent."),
    (Standing.QUEUED, ""): gettext_lazy("The mail is on its way since {when}."),
    (Standing.SENT, ""): gettext_lazy("Asked on {when}; no answer yet."),
    (Standing.SENT, Reason.UNCERTAIN): gettext_lazy("Perhaps asked on {when}: nobody knows whether the mail arrived."),
    (Standing.SENT, Reason.BOUNCED): gettext_lazy("Asked on {when}, but the mail came back."),
    (Standing.SENT, Reason.OPTED_OUT): gettext_lazy("Asked on {when}; the customer then wanted no more surveys."),
    (Standing.SENT, Reason.SUPPRESSED): gettext_lazy("Asked on {when}; the customer marked the mail as spam."),
    (Standing.ANSWERED, ""): gettext_lazy("Asked on {when}, and answered."),
    (Standing.EXPIRED, ""): gettext_lazy("Asked on {when}; not answered while the link was open."),
    (Standing.EXPIRED, Reason.FAILED): gettext_lazy("Not asked: the mail could not be sent in time."),
}


def explain(state: SurveyState | None) -> str:
    """The sentence, in the reader's language and on their clock."""
    if state is None:
        return _("Nothing was decided about it.")
    standing = Standing(state.state)
    sentence = SENTENCES.get((standing, state.reason)) or SENTENCES.get((standing, ""))
    if sentence is None:
        reason = Reason(state.reason).label if state.reason else ""
        return " · ".join(filter(None, [str(standing.label), str(reason)]))
    when = in_words(state.scheduled_for)
    return str(sentence).replace("{when}", when or _("an unknown date"))


def in_words(moment: datetime | None) -> str:
    """«3 de marzo de 2026, 10:00»."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"{formats.date_format(local, 'DATE_FORMAT')}, {formats.time_format(local, 'H:i')}"
