"""The cases of `manage.py chaos` that last seconds; the others take minutes and are run by hand."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from postventa.demo_environment import without_demo

pytestmark = pytest.mark.integration

Row = tuple[int, int, int, int, int, int]  # due, delivered, lost, doubled, again, uncertain


def run_chaos(*cases: str) -> dict[str, Row]:
    command = [sys.executable, "manage.py", "chaos", "--mails", "500", "--seed", "7", "--case", *cases]
    run = subprocess.run(
        command, cwd=settings.BASE_DIR, env=without_demo(os.environ), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
    lines = [line.rsplit(maxsplit=6) for line in run.stdout.splitlines()]
    return {
        cells[0].strip(): tuple(map(int, cells[1:]))  # type: ignore[misc]
        for cells in lines
        if len(cells) == 7 and cells[-1].isdigit()
    }


def test_nobody_is_lost_asked_twice_or_asked_in_vain() -> None:
    """In one run: most of its time goes into starting an installation."""
    table = run_chaos("changed-minds", "killed-at-each-point", "services-gone", "poisoned-rows")

    for changed in ("changed minds", "refunded while put off"):
        assert table.pop(changed) == (0, 0, 0, 0, 0, 0)
    for point in ("before the claim", "after the claim"):
        assert table.pop(f"killed {point}") == (12, 12, 0, 0, 0, 0)
    for point in ("after the promise", "after the server's answer", "after the record"):
        due, delivered, lost, doubled, _again, uncertain = table.pop(f"killed {point}")
        assert (due, lost, doubled) == (12, 0, 0)
        assert delivered + uncertain >= due  # who was not reached is shown to staff
    assert table.pop("poisoned") == (0, 0, 0, 0, 0, 0)
    assert table.pop("beside poisoned ones") == (20, 20, 0, 0, 0, 0)
    gone = ("Redis killed and emptied", "PostgreSQL restarted", "PostgreSQL killed", "mail server gone")
    assert table == dict.fromkeys(gone, (20, 20, 0, 0, 0, 0))
