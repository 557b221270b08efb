import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from postventa import demo_environment

LENT = {"DATABASE_URL": "postgres://u@/db?host=/x", "SECRET_KEY": "demo's", "REDIS_URL": "unix:///x?db=0"}


@pytest.fixture
def running_demo(tmp_path: Path) -> Iterator[Path]:
    """A checkout whose demo runs, as far as another process can tell."""
    lock = demo_environment.hold_lock(tmp_path / ".demo")
    assert lock is not None
    (tmp_path / ".demo" / "environment.json").write_text(json.dumps(LENT))
    yield tmp_path
    lock.close()


def environment_after_load(base_dir: Path, **before: str) -> dict[str, str]:
    code = "import sys, os, json; from pathlib import Path; from postventa import demo_environment as d; "
    code += "d.load(Path(sys.argv[1])); print(json.dumps(dict(os.environ)))"
    answer = subprocess.run(
        [sys.executable, "-c", code, str(base_dir)],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **before},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(answer.stdout))


def test_a_running_demo_lends_its_settings(running_demo: Path) -> None:
    environment = environment_after_load(running_demo, SECRET_KEY="mine")

    assert environment["DATABASE_URL"] == LENT["DATABASE_URL"]
    assert environment["SECRET_KEY"] == "mine"
    left = demo_environment.without_demo(environment)
    assert {name: left.get(name) for name in LENT} == {"DATABASE_URL": None, "SECRET_KEY": "mine", "REDIS_URL": None}


def test_whoever_names_a_database_gets_nothing_else(running_demo: Path) -> None:
    environment = environment_after_load(running_demo, DATABASE_URL="postgres:///mine")

    assert environment["DATABASE_URL"] == "postgres:///mine"
    assert "REDIS_URL" not in environment


def test_what_a_crashed_demo_left_behind_deceives_nobody(tmp_path: Path) -> None:
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo" / "environment.json").write_text(json.dumps(LENT))
    (tmp_path / ".demo" / "lock").write_text(f"{os.getpid()}\n")

    assert "DATABASE_URL" not in environment_after_load(tmp_path)


def test_only_one_demo_holds_the_lock(tmp_path: Path) -> None:
    first = demo_environment.hold_lock(tmp_path)
    second = demo_environment.hold_lock(tmp_path)

    assert first is not None
    assert second is None
    first.close()
    third = demo_environment.hold_lock(tmp_path)
    assert third is not None
    third.close()


def test_a_demo_waits_for_the_guard_of_one_that_was_killed(tmp_path: Path) -> None:
    """The owner is dead, but what it passed its lock to still holds it for a second."""
    code = (
        "import subprocess, sys; from pathlib import Path; from postventa.demo_environment import hold_lock; "
        "lock = hold_lock(Path(sys.argv[1])); "
        "subprocess.Popen(['sh', '-c', f'sleep 1; touch {sys.argv[1]}/let-go'], pass_fds=[lock.fileno()])"
    )
    (tmp_path / "demo.json").touch()
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=settings.BASE_DIR, check=True)

    lock = demo_environment.hold_lock(tmp_path)

    assert lock is not None
    lock.close()
    assert (tmp_path / "let-go").exists()
    assert not (tmp_path / "demo.json").exists()
