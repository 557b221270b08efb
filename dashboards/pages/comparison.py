"""How somebody compares, in sentences first: with before, with all others, with what the brand wants, with rivals.

The same rows serve an affiliate about itself and staff about the programme.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.components import percent, percent_range
from complaints.models import Complaint
from dashboards import charts
from dashboards.pages.drivers import MINUS
from dashboards.wording import between_said, name_of_period, nps_range, nps_said, of_ten
from insights.changes import Change
from insights.comparing import Aftercare, Alternatives, Comparison, Fall, Parts, PeriodChanges, Place
from insights.targets import Progress, Reading

CAUSES_NAMED = 3


# --- Against the programme -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PlaceOnPage:
    sentence: str
    quarter: str
    chart: SafeString | str


def write_place(place: Place | None) -> PlaceOnPage | None:
    if place is None:
        return None
    return PlaceOnPage(place_said(place), quarter_said(place.quarter), place_chart(place))


def place_said(place: Place) -> str:
    texts = {
        "well_below": _("%(own)s of your customers are satisfied; in the rest of the programme %(all)s are: far fewer than was to be expected."),  # noqa: E501
        "below": _("%(own)s of your customers are satisfied; in the rest of the programme %(all)s are: fewer than was to be expected."),  # noqa: E501
        "above": _("%(own)s of your customers are satisfied; in the rest of the programme %(all)s are: more than was to be expected."),  # noqa: E501
        "well_above": _("%(own)s of your customers are satisfied; in the rest of the programme %(all)s are: far more than was to be expected."),  # noqa: E501
    }  # fmt: skip
    even = _("%(own)s of your customers are satisfied; in the rest of the programme %(all)s are. With your number of answers that is as was to be expected.")  # noqa: E501  # fmt: skip
    shares = {"own": percent(place.csat.value), "all": percent(place.reference)}
    return texts.get(place.csat.verdict or "", even) % shares


def quarter_said(quarter: int | None) -> str:
    return {
        1: _("This month you stand in the lowest quarter of the affiliates with 20 answers or more."),
        2: _("This month you stand between a quarter and half of the affiliates with 20 answers or more."),
        3: _("This month you stand between half and three quarters of the affiliates with 20 answers or more."),
        4: _("This month you stand in the highest quarter of the affiliates with 20 answers or more."),
    }.get(quarter or 0, "")


def place_chart(place: Place) -> SafeString:
    caption = charts.Caption(
        "place",
        _("Your satisfied customers, and what is to be expected"),
        _("Between the inner lines 95 of 100 would lie if all were alike, between the outer ones 998 of 1,000."),
    )
    own = charts.FunnelPoint(_("You"), place.successes, place.csat.n, is_named=True)
    return charts.funnel_plot(caption, [own], reference=place.reference, strength=place.widening)


# --- What has changed ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ChangeRow:
    label: str
    before: str
    now: str
    difference: str
    range: str
    answers: str
    verdict: str
    tone: str


@dataclass(frozen=True)
class ChangesOnPage:
    """`periods` says which two; the sentences are of what is demonstrated, the rows of all that was looked at."""

    periods: str
    sentences: list[tuple[str, str]]  # tone and words
    rows: list[ChangeRow]


def write_changes(changes: PeriodChanges | None, labels: Mapping[str, str]) -> ChangesOnPage | None:
    if changes is None:
        return None
    rows = [change_row(change, labels) for change in changes.changes]
    said = [(row.tone, change_said(row)) for row in rows if row.tone]
    names = {"now": name_of_period(changes.now), "before": name_of_period(changes.before)}
    return ChangesOnPage(_("%(now)s, compared with %(before)s") % names, said, rows)


def change_said(row: ChangeRow) -> str:
    text = _("%(what)s: better, from %(before)s to %(now)s (%(range)s).")
    if row.tone == "improve":
        text = _("%(what)s: worse, from %(before)s to %(now)s (%(range)s).")
    return text % {"what": row.label, "before": row.before, "now": row.now, "range": row.range}


def change_row(change: Change, labels: Mapping[str, str]) -> ChangeRow:
    say = nps_said if change.kind == "nps" else percent
    tone = {"improved": "keep", "worsened": "improve"}.get(change.verdict, "")
    return ChangeRow(
        label=label_of_change(change, labels),
        before=say(change.before),
        now=say(change.now),
        difference=_("%(points)s points") % {"points": signed(change.now - change.before, change.kind)},
        range=range_of_change(change),
        answers=_("%(now)s · before %(before)s") % {"now": change.n_now, "before": change.n_before},
        verdict={"keep": _("better"), "improve": _("worse")}.get(tone, _("no demonstrable change")),
        tone=tone,
    )


def range_of_change(change: Change) -> str:
    low, high = (signed(bound, change.kind) for bound in change.interval)
    return _("%(low)s to %(high)s points") % {"low": low, "high": high}


def signed(value: float, kind: str) -> str:
    points = round(value if kind == "nps" else 100 * value)
    return f"{MINUS if points < 0 else '+'}{abs(points)}"


def label_of_change(change: Change, labels: Mapping[str, str]) -> str:
    if change.kind == "aspect":
        return _("%(aspect)s: would keep it as it is") % {"aspect": labels.get(change.key, change.key)}
    return {
        "csat": _("Satisfied customers"),
        "nps": _("Recommendation"),
        "promise": _("Got what they were told, or better"),
        "affiliate_rating": _("Rate the information and treatment before buying as good"),
        "missing": _("Missed something before buying"),
    }[change.kind]


# --- What has fallen -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class FallRow:
    sentence: str
    advice: str
    by_itself: bool  # what to do lies with whoever reads it


def write_falls(falls: Sequence[Fall]) -> list[FallRow]:
    return [FallRow(fall_said(fall), next_step(fall), fall.owner != "brand") for fall in falls]


def fall_said(fall: Fall) -> str:
    alert = fall.alert
    said = {"before": percent(alert.before), "now": percent(alert.now), "n": alert.n_now, "aspect": fall.label}
    if not fall.label:
        return _("Satisfied customers have fallen: from %(before)s before to %(now)s of the newest %(n)s.") % said
    if alert.has_to_improve:
        return _("%(aspect)s was to be kept and now has to improve: of those who mention it %(before)s would keep it before, now %(now)s of %(n)s.") % said  # noqa: E501  # fmt: skip
    return _("%(aspect)s has fallen: of those who mention it %(before)s would keep it before, now %(now)s of %(n)s.") % said  # noqa: E501  # fmt: skip


def next_step(fall: Fall) -> str:
    if fall.owner == "brand":
        return _("The brand looks after it and has been told. Until it is better, do not promise it.")
    return _("Read what they write about it, change one thing, and note it down: then you will see whether it helped.")


# --- Targets ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class TargetRow:
    term: str
    label: str
    aim: str
    value: str
    range: str
    n: int
    verdict: str
    tone: str


TERMS = {
    "csat": "csat",
    "nps": "nps",
    "missing": "falto",
    "promise_unmet": "promesa",
    "response_rate": "tasa-de-respuesta",
}


def write_targets(targets: Sequence[Progress]) -> list[TargetRow]:
    return [target_row(each) for each in targets]


def target_row(progress: Progress) -> TargetRow:
    reading, figure = progress.reading, progress.figure
    return TargetRow(
        term=TERMS.get(figure, ""),
        label=label_of_figure(figure),
        aim=aim_said(figure, progress.aim),
        value=value_said(figure, reading.value) if reading else "—",
        range=range_of_reading(figure, reading) if reading else "",
        n=reading.n if reading else 0,
        verdict={"met": _("met"), "missed": _("missed")}.get(progress.judgement, _("cannot be told yet")),
        tone={"met": "keep", "missed": "improve"}.get(progress.judgement, ""),
    )


def label_of_figure(figure: str) -> str:
    return {
        "csat": _("Satisfied customers"),
        "nps": _("Recommendation"),
        "missing": _("Missed something before buying"),
        "promise_unmet": _("Got less than they were told"),
        "response_rate": _("Response rate"),
        "first_answer": _("First answer to a case (median)"),
    }[figure]


def aim_said(figure: str, aim: float) -> str:
    text = _("at most %(value)s") if figure in ("missing", "promise_unmet", "first_answer") else _("at least %(value)s")
    return text % {"value": value_said(figure, aim)}


def value_said(figure: str, value: float) -> str:
    if figure == "nps":
        return nps_said(value)
    return hours_said(value) if figure == "first_answer" else percent(value)


def hours_said(hours: float) -> str:
    return _("%(hours)s h") % {"hours": number_format(round(hours, 1), 0 if hours >= 10 or hours == int(hours) else 1)}


def range_of_reading(figure: str, reading: Reading) -> str:
    if figure == "nps":
        return nps_range(reading.low, reading.high)
    if figure == "first_answer":
        return _("%(low)s to %(high)s") % {"low": hours_said(reading.low), "high": hours_said(reading.high)}
    return percent_range(reading.low, reading.high)


# --- The alternatives ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class AnswerRow:
    label: str
    count: int
    share: float
    tone: str


@dataclass(frozen=True)
class AlternativesOnPage:
    sentence: str
    again: str
    others: str
    elsewhere: str
    rows: list[AnswerRow]


def write_alternatives(
    found: Alternatives | None, brand: str, *, elsewhere: Alternatives | None = None
) -> AlternativesOnPage | None:
    if found is None:
        return None
    said = {"share": of_ten(found.better.value), "brand": brand, "n": found.known}
    text = _("%(share)s who know other options say that %(brand)s is better (%(range)s; of %(n)s).")
    between = between_said(found.better.low, found.better.high)
    return AlternativesOnPage(
        sentence=text % {**said, "range": between},
        again=again_said(found),
        others=others_said(found.others),
        elsewhere=(
            _("In the rest of the programme %(share)s say so.") % {"share": percent(elsewhere.better.value)}
            if elsewhere
            else ""
        ),
        rows=answer_rows(found),
    )


def again_said(found: Alternatives) -> str:
    if found.again is None:
        return ""
    said = {"share": of_ten(found.again.value), "range": between_said(found.again.low, found.again.high)}
    return _("%(share)s would buy there again (%(range)s).") % said


def others_said(n: int) -> str:
    if not n:
        return ""
    return ngettext("%(n)s more knows no other.", "%(n)s more know no others.", n) % {"n": n}


def answer_rows(found: Alternatives) -> list[AnswerRow]:
    labels = {
        "2": (_("much better"), "keep"),
        "1": (_("somewhat better"), "keep"),
        "0": (_("about the same"), ""),
        "-1": (_("somewhat worse"), "improve"),
        "-2": (_("much worse"), "improve"),
    }
    return [
        AnswerRow(label, found.counts[value], found.counts[value] / found.known, tone)
        for value, (label, tone) in labels.items()
    ]


# --- Whose part ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PartRow:
    """A part beside what else went wrong: as customers say, and as was found in their cases; empty where unknown."""

    label: str
    said: str
    found: str
    is_own: bool


@dataclass(frozen=True)
class PartsOnPage:
    sentence: str
    rows: list[PartRow]
    unknown: str


def write_parts(said: Parts | None, found: Parts | None, elsewhere: Parts | None = None) -> PartsOnPage | None:
    if said is None and found is None:
        return None
    return PartsOnPage(
        parts_said(said, elsewhere),
        [
            PartRow(
                label,
                count_said(said, part),
                count_said(found, part),
                part == "sale",
            )
            for part, label in part_labels().items()
        ],
        unknown_said(found),
    )


def part_labels() -> dict[str, str]:
    return {
        "sale": _("What was said before buying"),
        "product": _("The product or service"),
        "delivery": _("The delivery or activation"),
        "service": _("Customer service"),
    }


def parts_said(said: Parts | None, elsewhere: Parts | None) -> str:
    if said is None:
        return ""
    text = _("Of %(n)s who were not satisfied, %(own)s say that it was what they had been told before buying.")
    sentence = text % {"n": said.known, "own": said.of_affiliate}
    if elsewhere:
        sentence += " " + _("In the rest of the programme %(share)s say so.") % {
            "share": percent(elsewhere.of_affiliate / elsewhere.known)
        }
    return sentence


def count_said(parts: Parts | None, part: str) -> str:
    if parts is None:
        return "—"
    return f"{parts.counts[part]} · {percent(share_of(parts, part))}"


def share_of(parts: Parts | None, part: str) -> float | None:
    return parts.counts[part] / parts.known if parts and parts.known else None


def unknown_said(found: Parts | None) -> str:
    unknown = found.n - found.known if found else 0
    if unknown <= 0:
        return ""
    text = ngettext(
        "In %(n)s more case nobody has said yet what went wrong.",
        "In %(n)s more cases nobody has said yet what went wrong.",
        unknown,
    )
    return text % {"n": unknown}


# --- How their cases went --------------------------------------------------------------------------------------------
def write_aftercare(found: Aftercare | None) -> list[str]:
    """What lay behind cases, how soon they were solved, and whether their customers say it was put right."""
    sentences = (causes_said(found), times_said(found), endings_said(found)) if found else ()
    return [sentence for sentence in sentences if sentence]


def causes_said(found: Aftercare) -> str:
    if not found.causes:
        return ""
    labels = dict(Complaint.Cause.choices)
    named = ", ".join(f"{str(labels[cause]).lower()} ({n})" for cause, n in list(found.causes.items())[:CAUSES_NAMED])
    text = ngettext(
        "What lay behind it in %(n)s case, most often: %(causes)s.",
        "What lay behind it in %(n)s cases, most often: %(causes)s.",
        found.judged,
    )
    return text % {"n": found.judged, "causes": named}


def times_said(found: Aftercare) -> str:
    if not found.solved:
        return ""
    text = ngettext(
        "Of %(n)s case that was solved, %(days)s took no longer than 3 days and %(weeks)s no longer than a week.",
        "Of %(n)s cases that were solved, %(days)s took no longer than 3 days and %(weeks)s no longer than a week.",
        found.solved,
    )
    return text % {"n": found.solved, "days": found.within("1", "3"), "weeks": found.within("1", "3", "7")}


def endings_said(found: Aftercare) -> str:
    if not found.answered:
        return ""
    text = ngettext(
        "Of %(n)s customer who said how their case ended, %(share)s say that it was put right.",
        "Of %(n)s customers who said how their case ended, %(share)s say that it was put right.",
        found.answered,
    )
    return text % {"n": found.answered, "share": percent(found.put_right / found.answered)}


# --- The page --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ComparisonPage:
    place: PlaceOnPage | None
    changes: ChangesOnPage | None
    falls: list[FallRow]
    targets: list[TargetRow]
    alternatives: AlternativesOnPage | None
    parts: PartsOnPage | None
    aftercare: list[str]


def write_comparison(found: Comparison, brand: str) -> ComparisonPage:
    return ComparisonPage(
        place=write_place(found.place),
        changes=write_changes(found.changes, found.labels),
        falls=write_falls(found.falls),
        targets=write_targets(found.targets),
        alternatives=write_alternatives(found.alternatives, brand, elsewhere=found.alternatives_elsewhere),
        parts=write_parts(found.said, found.found, found.said_elsewhere),
        aftercare=write_aftercare(found.aftercare),
    )
