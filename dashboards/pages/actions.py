"""What an affiliate has changed, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboards import charts
from insights.actions import Outcome, Span, Subject
from insights.findings import Figure
from insights.models import Action
from insights.outcomes import subject_of
from insights.wording import figure_said, sentences_of, span_said, state_said

TONES: Mapping[str, charts.Tone] = {"improved": "keep", "worsened": "improve"}


@dataclass(frozen=True)
class ActionRow:
    """A change in a list. `sentences` begin with the verdict."""

    text: str
    changed_on: date
    about: str
    link: str
    url: str
    is_open: bool
    state: str
    tone: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class MeasuredRow:
    """Before, after, and the rest of the programme, as a table has it. Nothing is shown of fewer than a block."""

    when: str
    whose: str
    value: str
    range: str
    n: str


@dataclass(frozen=True)
class ActionPage:
    row: ActionRow
    chart: SafeString | str
    table: list[MeasuredRow]


def write_actions(
    actions: Sequence[Action], outcomes: Mapping[int, Outcome], labels: Mapping[str, str], urls: Mapping[int, str]
) -> list[ActionRow]:
    return [write_row(each, outcomes[each.pk], labels, urls[each.pk]) for each in actions]


def write_row(action: Action, outcome: Outcome, labels: Mapping[str, str], url: str) -> ActionRow:
    subject = subject_of(action)
    return ActionRow(
        action.text,
        action.changed_on,
        labels.get(subject.code, subject.key),
        str(action.link or ""),
        url,
        action.is_open,
        state_said(outcome),
        TONES.get(outcome.verdict or "", ""),
        tuple(sentences_of(outcome, subject, aim=action.aim)),
    )


def write_action(action: Action, outcome: Outcome, labels: Mapping[str, str], url: str) -> ActionPage:
    row = write_row(action, outcome, labels, url)
    return ActionPage(row, draw(outcome, subject_of(action), row), measured_rows(outcome, subject_of(action)))


def draw(outcome: Outcome, subject: Subject, row: ActionRow) -> SafeString | str:
    """Both figures with their interval, and below them what the rest of the programme did; nothing of one alone."""
    if not (outcome.before and outcome.after and outcome.spans):
        return ""
    tone = TONES.get(outcome.verdict or "", "undecided")
    rows = [
        whisker(_("Before: %(time)s"), outcome.spans.before, outcome.before, "undecided"),
        whisker(_("Afterwards: %(time)s"), outcome.spans.after, outcome.after, tone),
    ]
    if outcome.rest_before is not None and outcome.rest_after is not None:
        rows += [
            charts.Whisker(_("The rest of the programme, before"), outcome.rest_before),
            charts.Whisker(_("The rest of the programme, afterwards"), outcome.rest_after),
        ]
    caption = charts.Caption("outcome", row.about, " ".join(row.sentences))
    return charts.dot_and_whisker(caption, rows, axis=charts.NPS if subject.is_nps else charts.PERCENT)


def whisker(label: str, span: Span, figure: Figure, tone: charts.Tone) -> charts.Whisker:
    said = label % {"time": span_said(span, by_month=True)}
    return charts.Whisker(said, figure.value, figure.low, figure.high, figure.n, tone)


def measured_rows(outcome: Outcome, subject: Subject) -> list[MeasuredRow]:
    if outcome.spans is None:
        return []
    times = [
        (span_said(outcome.spans.before, by_month=True), outcome.before, outcome.rest_before),
        (span_said(outcome.spans.after, by_month=True), outcome.after, outcome.rest_after),
    ]
    own = [measured_row(when, figure, subject) for when, figure, _rest in times]
    rest = [
        MeasuredRow(when, _("rest of the programme"), figure_said(value, subject), "", "")
        for when, _figure, value in times
        if value is not None
    ]
    return own + rest


def measured_row(when: str, figure: Figure | None, subject: Subject) -> MeasuredRow:
    if figure is None:
        return MeasuredRow(when, _("yours"), "—", "", _("too few"))
    ends = {"low": figure_said(figure.low, subject), "high": figure_said(figure.high, subject)}
    between = _("%(low)s to %(high)s") % ends
    return MeasuredRow(when, _("yours"), figure_said(figure.value, subject), between, str(figure.n))
