"""The comparisons as a table for people and as JSON for whoever compares runs, beside what the last run found."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from intake.bench.measuring import Comparison, Measure, Reading, Skipped, Spent

HEADER = (
    "| what | against | ratio (min–max) | by processor time | last time | floor · aim "
    "| reached: by the clock · by processor time "
    "| ours, a second | theirs | p50 / p95 ms: ours · theirs | CPU ms each: ours · theirs | peak MB |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)
MISSED = ("below", "above")  # its floor: of what should be much, and of what should be little


@dataclass
class Findings:
    """All that a run has measured, and on what."""

    machine: Mapping[str, str] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)

    def as_text(self, last: "Last") -> str:
        tables = (as_table(self.comparisons, last), as_readings(self.readings, last), as_costs(self.spent))
        return "\n".join(filter(None, (self.summary, *tables))) + as_list(self.skipped)

    @property
    def summary(self) -> str:
        """How many are where, and by name those that miss their floor."""
        measured: list[Comparison | Reading] = [*self.comparisons, *self.readings]
        missed = [each for each in measured if each.verdict in MISSED]
        reached = Counter("missed" if each in missed else each.verdict for each in measured)
        told = f"Of {len(measured)} figures {reached['aim']} reach their aim, {reached['floor']} their floor"
        return f"{told}, {reached['missed']} neither.\n" + "".join(f"- {in_short(each)}\n" for each in missed)


@dataclass(frozen=True)
class Last:
    """What the newest earlier report of the same size found, by what was measured; maybe of another machine."""

    at: str = ""
    ratios: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    readings: Mapping[str, float] = field(default_factory=dict)

    def of_comparison(self, each: Comparison) -> str:
        found = self.ratios.get((each.what, each.against))
        return f"{found[0]:.2f} · {found[1]:.2f}" if found else ""

    def of_reading(self, each: Reading) -> str:
        found = self.readings.get(each.what)
        return f"{found:,.2f} ({(each.value / found - 1) * 100:+.0f} %)" if found else ""


def last_report(folder: Path, *, size: int) -> Last:
    """Each figure as it was found last: a run of some areas does not hide what another knew of the others."""
    at = ""
    ratios: dict[tuple[str, str], tuple[float, float]] = {}
    readings: dict[str, float] = {}
    for path in sorted(folder.glob("*Z.json")):
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if told["size"] == size:
            at = told["at"]
            ratios |= {(row["what"], row["against"]): (row["ratio"], row["ratio_of_cpu"]) for row in told["rows"]}
            readings |= {row["what"]: row["value"] for row in told["readings"]}
    return Last(at, ratios, readings)


def write_report(folder: Path, findings: Findings, *, size: int, now: datetime) -> Path:
    """Both files, named by the time; the path of the readable one."""
    folder.mkdir(parents=True, exist_ok=True)
    last = last_report(folder, size=size)
    stem = folder / f"{now:%Y%m%dT%H%M%SZ}"
    about = {"at": now.isoformat(), "size": size, **findings.machine}
    told_too = ("ratio", "ratio_of_cpu", "verdict", "verdict_of_cpu")
    rows = [{**asdict(each), **{name: getattr(each, name) for name in told_too}} for each in findings.comparisons]
    others = {
        "readings": [{**asdict(each), "verdict": each.verdict} for each in findings.readings],
        "skipped": [asdict(each) for each in findings.skipped],
        "spent": [asdict(each) for each in findings.spent],
        "compared_with": last.at,
    }
    stem.with_suffix(".json").write_text(json.dumps({**about, "rows": rows, **others}, indent=2), encoding="utf-8")
    told = "".join(f"- {name.replace('_', ' ')}: {value}\n" for name, value in about.items())
    told += f"- last time: {last.at}\n" if last.at else ""
    stem.with_suffix(".md").write_text(f"# Bench\n\n{told}\n{findings.as_text(last)}", encoding="utf-8")
    return stem.with_suffix(".md")


def as_table(comparisons: Sequence[Comparison], last: Last) -> str:
    return HEADER + "".join(_line(each, last) for each in comparisons) if comparisons else ""


def as_readings(readings: Sequence[Reading], last: Last) -> str:
    header = "| what | measured | last time | floor · aim | reached |\n|---|---|---|---|---|\n"
    lines = [
        f"| {each.what} | {each.value:,.2f} {each.unit} | {last.of_reading(each)} | {each.floor:g} · {each.aim:g} "
        f"| {each.verdict} |\n"
        for each in readings
    ]
    return header + "".join(lines) if lines else ""


def as_costs(spent: Sequence[Spent]) -> str:
    header = (
        "| area | seconds | CPU s, database and children included | peak MB: this process · largest child "
        "| processors with other work |\n|---|---|---|---|---|\n"
    )
    lines = [
        f"| {each.area} | {each.seconds:,.0f} | {each.cpu:,.0f} | {each.memory:.0f} · {each.memory_of_children:.0f} "
        f"| {each.others:.1f} |\n"
        for each in spent
    ]
    return header + "".join(lines) if lines else ""


def as_list(skipped: Sequence[Skipped]) -> str:
    return "".join(f"\nNot measured: {each.what}. {each.why}\n" for each in skipped)


def in_short(each: Comparison | Reading) -> str:
    if isinstance(each, Reading):
        return f"{each.what}: {each.value:,.2f} {each.unit} (at most {each.floor:g})"
    return f"{each.what}, against {each.against}: {each.ratio:.2f} (at least {each.floor:.2f})"


def _line(each: Comparison, last: Last) -> str:
    cells = [
        each.what,
        each.against,
        f"{each.ratio:.2f} ({min(each.ratios):.2f}–{max(each.ratios):.2f})",
        f"{each.ratio_of_cpu:.2f}",
        last.of_comparison(each),
        f"{each.floor:g} · {each.aim:g}",
        f"{each.verdict} · {each.verdict_of_cpu}",
        f"{median(our.rate for our in each.ours):,.0f}",
        f"{median(their.rate for their in each.theirs):,.0f}",
        f"{_times(each.ours)} · {_times(each.theirs)}",
        f"{median(our.cpu for our in each.ours):.2f} · {median(their.cpu for their in each.theirs):.2f}",
        f"{each.memory:.0f}",
    ]
    return "| " + " | ".join(cells) + " |\n"


def _times(measures: Sequence[Measure]) -> str:
    """GET 3.1 / 5.0, POST 4.2 / 8.8; nothing where no request was timed."""
    told = [
        f"{method} {median(m.p50[method] for m in measures):.1f} / {median(m.p95[method] for m in measures):.1f}"
        for method in measures[0].p50
    ]
    return ", ".join(told)
