"""The cases of `manage.py chaos` that last seconds; the others take minutes and are run by hand."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from postventa.demo_environment import without_demo

pytestmark = pytest.mark.integration


def test_workers_killed_at_each_point_lose_and_double_nothing() -> None:
    command = [sys.executable, "manage.py", "chaos", "--mails", "20", "--seed", "7"]
    command += ["--only", "changed-minds", "killed-at-each-point"]

    run = subprocess.run(
        command, cwd=settings.BASE_DIR, env=without_demo(os.environ), capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
    table = {line[:32].strip(): [int(cell) for cell in line[32:].split()] for line in run.stdout.splitlines()[2:]}
    assert table["changed minds"] == [0, 0, 0, 0, 0, 0]
    assert table["killed before the claim"] == table["killed after the claim"] == [12, 12, 0, 0, 0, 0]
    for point in ("after the promise", "after the server's answer", "after the record"):
        due, delivered, lost, doubled, _again, uncertain = table[f"killed {point}"]
        assert (due, lost, doubled) == (12, 0, 0)
        assert delivered + uncertain >= due  # who was not reached is shown to staff
