import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from intake.bench.measuring import Contest, Reading, Skipped, measure, quantile
from intake.bench.report import Findings, write_report
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


@pytest.mark.integration
def test_the_command_measures_over_http_with_services_of_its_own(tmp_path: Path) -> None:
    environment = {
        name: value for name, value in without_demo(os.environ).items() if name not in ("DATABASE_URL", "REDIS_URL")
    }
    command = [sys.executable, settings.BASE_DIR / "manage.py", "bench", "--areas", "redirect", "due"]

    told = subprocess.run(
        [*command, "--size", "100", "--rounds", "1", "--path", tmp_path],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout

    [path] = tmp_path.glob("*.json")
    report = json.loads(path.read_text())
    assert [row["what"] for row in report["rows"]] == ["redirect of a tracking link, click stored"]
    assert report["rows"][0]["ours"][0]["p95"]["GET"] > 0
    assert [each["unit"] for each in report["readings"]] == ["ms", "ms"]
    assert "| who is due among 10,000 invitations: nobody |" in told
    assert path.with_suffix(".md").read_text().endswith(told[: told.index("Written to")])


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    findings = Findings(skipped=[Skipped("mails, against a peer", "It cannot be installed here.")])

    path = write_report(tmp_path, findings, size=1, now=datetime(2026, 3, 10, tzinfo=UTC))

    assert "Not measured: mails, against a peer. It cannot be installed here." in path.read_text()
