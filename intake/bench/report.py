"""The comparisons as a table for people and as JSON for whoever compares runs."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median

from intake.bench.measuring import Comparison, Measure, Reading, Skipped

HEADER = (
    "| what | against | ratio (min–max) | by processor time | floor · aim | reached "
    "| ours, a second | theirs | p50 / p95 ms: ours · theirs | CPU ms each: ours · theirs | peak MB |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|\n"
)


@dataclass
class Findings:
    """All that a run has measured."""

    comparisons: list[Comparison] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def as_text(self) -> str:
        return as_table(self.comparisons) + as_readings(self.readings) + as_list(self.skipped)


def write_report(folder: Path, findings: Findings, *, size: int, now: datetime) -> Path:
    """Both files, named by the time; the path of the readable one."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{now:%Y%m%dT%H%M%SZ}"
    about = {"at": now.isoformat(), "size": size, "processors": os.cpu_count(), "python": platform.python_version()}
    rows = [
        {**asdict(each), "ratio": each.ratio, "ratio_of_cpu": each.ratio_of_cpu, "verdict": each.verdict}
        for each in findings.comparisons
    ]
    others = {
        "readings": [{**asdict(each), "verdict": each.verdict} for each in findings.readings],
        "skipped": [asdict(each) for each in findings.skipped],
    }
    stem.with_suffix(".json").write_text(json.dumps({**about, "rows": rows, **others}, indent=2), encoding="utf-8")
    told = ", ".join(f"{name} {value}" for name, value in about.items())
    stem.with_suffix(".md").write_text(f"# Bench\n\n{told}\n\n{findings.as_text()}", encoding="utf-8")
    return stem.with_suffix(".md")


def as_table(comparisons: Sequence[Comparison]) -> str:
    return HEADER + "".join(map(_line, comparisons)) if comparisons else ""


def as_readings(readings: Sequence[Reading]) -> str:
    lines = [
        f"| {each.what} | {each.value:,.2f} {each.unit} | {each.floor:g} · {each.aim:g} | {each.verdict} |\n"
        for each in readings
    ]
    return "\n| what | measured | floor · aim | reached |\n|---|---|---|---|\n" + "".join(lines) if lines else ""


def as_list(skipped: Sequence[Skipped]) -> str:
    return "".join(f"\nNot measured: {each.what}. {each.why}\n" for each in skipped)


def _line(each: Comparison) -> str:
    cells = [
        each.what,
        each.against,
        f"{each.ratio:.2f} ({min(each.ratios):.2f}–{max(each.ratios):.2f})",
        f"{each.ratio_of_cpu:.2f}",
        f"{each.floor:g} · {each.aim:g}",
        each.verdict,
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
