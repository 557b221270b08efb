import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Sum

from accounts.clock import database_now
from insights.models import Block, Rollup
from insights.services import fold_changes
from intake.bench.measuring import Comparison, Contest, Measure, Reading, Skipped, Spent, measure, quantile
from intake.bench.report import Findings, write_report
from intake.bench.understanding import QUESTIONS, Programme
from postventa.demo_environment import without_demo


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 5.0), (0.95, 10.0), (1.0, 10.0)], ids=["least", "half", "most", "all"]
)
def test_a_quantile_is_not_exceeded_by_its_share(share: float, expected: float) -> None:
    assert quantile([float(n) for n in range(10, 0, -1)], share) == expected


@pytest.mark.django_db
def test_requests_are_counted_once_and_timed_by_method() -> None:
    found = measure(lambda: {"GET": [0.001] * 20, "POST": [0.002] * 19 + [0.5]})

    assert (found.p50, found.p95) == ({"GET": 1.0, "POST": 2.0}, {"GET": 1.0, "POST": 2.0})


@pytest.mark.django_db
def test_sides_take_turns_and_the_first_turn_does_not_count() -> None:
    turns: list[str] = []

    def side(name: str) -> int:
        turns.append(name)
        return 1

    comparison = Contest(
        "ours", "theirs", 0.1, 0.2, lambda: side("ours"), lambda: side("theirs"), prepare=lambda: side("before")
    ).run(rounds=2)

    assert turns == ["before", "ours", "theirs"] * 3
    assert len(comparison.ratios) == 2


@pytest.mark.parametrize(("value", "verdict"), [(4.9, "aim"), (5.0, "aim"), (9.0, "floor"), (11.0, "above")])
def test_a_reading_should_be_small(value: float, verdict: str) -> None:
    assert Reading("who is due", value, "ms", 10, 5).verdict == verdict


def run_bench(tmp_path: Path, *areas: str) -> tuple[str, dict[str, Any]]:
    """What it says, and its report; with services of its own, and no peer that would have to be fetched."""
    environment = {
        name: value for name, value in without_demo(os.environ).items() if name not in ("DATABASE_URL", "REDIS_URL")
    }
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, settings.BASE_DIR / "manage.py", "bench", "--areas", *areas]
    told = subprocess.run(
        [*command, "--size", "100", "--rounds", "1", "--path", tmp_path],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    [path] = tmp_path.glob("*.json")
    assert path.with_suffix(".md").read_text() in told
    return told, json.loads(path.read_text())


@pytest.mark.integration
def test_the_command_measures_with_services_of_its_own(tmp_path: Path) -> None:
    """In one run: most of its time goes into starting services and programs."""
    told, report = run_bench(tmp_path, "redirect", "planning", "due", "mail", "mail-memory")

    # Over HTTP.
    assert report["rows"][0]["what"] == "redirect of a tracking link, click stored"
    assert report["rows"][0]["ours"][0]["p95"]["GET"] > 0

    # What has no other side.
    units = [each["unit"] for each in report["readings"]]
    assert units == ["×", "ms", "×", "×", "ms", "×", "statements", "ms", "ms", "×", "MB"]
    [statements] = [each["value"] for each in report["readings"] if each["unit"] == "statements"]
    assert statements < 30  # of sets: a thousand purchases one by one would take thousands
    assert "| who is due among 10,000 invitations: nobody |" in told

    # Mails, by one process, by all and over a slow relay.
    mine = [row for row in report["rows"] if row["against"].startswith("smtplib")]
    assert [row["what"].rpartition("; ")[2] for row in mine] == [
        "one process",
        f"{os.cpu_count()} processes",
        "one process",
    ]
    assert all(row["ours"][0]["rate"] > 0 and row["theirs"][0]["rate"] > 0 for row in mine)
    # A relay of 20 ms takes no more than 50 a second over one connection.
    assert mine[-1]["theirs"][0]["rate"] < 50 < mine[0]["theirs"][0]["rate"]
    against_peer = [row["against"] for row in report["rows"]] + [each["what"] for each in report["skipped"]]
    assert any("django-post-office" in each for each in against_peer)
    assert len(report["rows"]) == 1 + len(mine) + (not report["skipped"])


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    findings = Findings(skipped=[Skipped("mails, against a peer", "It cannot be installed here.")])

    path = write_report(tmp_path, findings, size=1, now=datetime(2026, 3, 10, tzinfo=UTC))

    assert "Not measured: mails, against a peer. It cannot be installed here." in path.read_text()


@pytest.mark.django_db(transaction=True)
def test_answers_are_made_counted_and_shown_as_they_would_come_in() -> None:
    programme = Programme(affiliates=60)

    programme.answer(2_000)
    programme.count()
    programme.publish()
    programme.answer(500, of_a_day=True)
    folded = fold_changes(now=database_now())
    programme.group()

    counted = Rollup.objects.filter(brand=programme.brand)
    assert folded == 500 // QUESTIONS
    assert counted.filter(question="answers").aggregate(n=Sum("count"))["n"] == 2_500 // QUESTIONS
    assert sum(counted.filter(question="csat", value__gt="").values_list("count", flat=True)) == 2_500 // QUESTIONS
    assert counted.values("affiliate").distinct().count() > 30
    assert Block.objects.filter(brand=programme.brand, affiliate=programme.affiliates[0]).exists()


def test_a_report_says_what_was_found_last_time(tmp_path: Path) -> None:
    def report(day: int, *readings: Reading, size: int = 10, ratio: float = 1.0) -> str:
        row = Comparison("ours", "theirs", 0.1, 0.2, [Measure(ratio, 1.0)], [Measure(1.0, 1.0)], 50.0)
        spent = [Spent("due", 2.0, 3.0, 80.0, 40.0, 0.5)]
        findings = Findings({"processors": "2 × slow"}, [row], list(readings), spent=spent)
        return write_report(tmp_path, findings, size=size, now=datetime(2026, 3, day, tzinfo=UTC)).read_text()

    due = Reading("who is due", 4.0, "ms", 10, 5)
    first = report(1, due, ratio=0.5)
    report(2, replace(due, value=400), size=99)  # of another size: nothing to compare with
    report(3, ratio=0.6)  # without that reading
    last = report(4, replace(due, value=5.0), ratio=0.8)

    assert "last time:" not in first
    assert "last time: 2026-03-03" in last
    assert "| ours | theirs | 0.80 (0.80–0.80) | 1.00 | 0.60 · 1.00 |" in last
    assert "| who is due | 5.00 ms | 4.00 (+25 %) |" in last
    assert "| due | 2 | 3 | 80 · 40 | 0.5 |" in last
    assert "- processors: 2 × slow\n" in last


def test_a_report_begins_with_what_misses_its_floor(tmp_path: Path) -> None:
    def against(what: str, rate: float, cpu: float) -> Comparison:
        return Comparison(what, "theirs", 0.5, 1.0, [Measure(rate, cpu)], [Measure(1.0, 1.0)], 50.0)

    rows = [against("slow", 0.25, 1.0), against("fair", 0.5, 0.0), against("quick", 2.0, 4.0)]
    findings = Findings({}, rows, [Reading("who is due", 21.0, "ms", 20, 5)])

    told = write_report(tmp_path, findings, size=1, now=datetime(2026, 3, 1, tzinfo=UTC)).read_text()

    summary = (
        "Of 4 figures 1 reach their aim, 1 their floor, 2 neither.\n"
        "- slow, against theirs: 0.25 (at least 0.50)\n"
        "- who is due: 21.00 ms (at most 20)\n"
    )
    assert summary in told
    assert "| below · aim |" in told  # by the clock, by processor time
    assert "| floor · – |" in told  # where processes cannot be seen
    assert "| aim · below |" in told
