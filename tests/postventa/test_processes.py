import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from postventa.processes import Child, Guard, StartError
from tests.waiting import wait_until

# Starts a child with a child of its own, both deaf to SIGTERM where told so, writes their numbers down and waits.
STARTER = """
import sys, time
from pathlib import Path
from postventa.processes import Child, Guard
folder, deaf = Path(sys.argv[1]), sys.argv[2]
shell = ("trap '' TERM; " if deaf == "deaf" else "") + "sleep 300 & echo $! > {0}/grandchild.new; " \
    "mv {0}/grandchild.new {0}/grandchild; wait".format(folder)
child = Child("shell", ["sh", "-c", shell], folder / "log", Guard(), lambda: (folder / "grandchild").exists())
child.start()
child.wait_until_ready(60)
(folder / "child").write_text(str(child.process.pid))
time.sleep(300)
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_nothing_is_left_where_the_starter_is_killed(tmp_path: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, tmp_path, "hearing"], cwd=settings.BASE_DIR)
    wait_until((tmp_path / "child").exists)
    pids = [int((tmp_path / name).read_text()) for name in ("child", "grandchild")]
    assert [is_alive(pid) for pid in pids] == [True, True]

    starter.send_signal(signal.SIGKILL)
    starter.wait()

    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def child(tmp_path: Path, script: str, *, guard: Guard, patience: float = 10) -> Child:
    return Child(
        name="shell",
        command=["sh", "-c", f"cd {tmp_path}; {script}"],
        log=tmp_path / "log",
        guard=guard,
        is_ready=(tmp_path / "ready").exists,
        patience=patience,
    )


@pytest.fixture
def guard() -> Guard:
    return Guard()


def test_stop_ends_grandchildren_and_what_is_deaf(tmp_path: Path, guard: Guard) -> None:
    deaf = child(
        tmp_path, "trap '' TERM; sleep 300 & echo $! > pid; touch ready; wait; wait", guard=guard, patience=0.2
    )
    deaf.start()
    deaf.wait_until_ready(60)
    grandchild = int((tmp_path / "pid").read_text())

    deaf.stop()
    deaf.stop()
    guard.close()

    wait_until(lambda: not is_alive(grandchild))
    assert deaf.has_ended()


def test_who_ends_while_starting_is_quoted(tmp_path: Path, guard: Guard) -> None:
    short = child(tmp_path, "echo no such file; exit 3", guard=guard)
    short.start()

    with pytest.raises(StartError, match="no such file"):
        short.wait_until_ready(60)

    short.stop()
    guard.close()


def test_who_never_answers_is_given_up(tmp_path: Path, guard: Guard) -> None:
    silent = child(tmp_path, "sleep 300", guard=guard)
    silent.start()

    with pytest.raises(StartError):
        silent.wait_until_ready(0.1)

    silent.stop()
    guard.close()
    assert silent.has_ended()


def test_the_guard_forgets_what_was_ended(tmp_path: Path, guard: Guard) -> None:
    """Its number may be somebody else's by the time the starter ends."""
    first = child(tmp_path, "touch ready; sleep 300", guard=guard)
    first.start()
    group = first.process.pid if first.process else 0
    guard.forget(group)

    guard.close()

    assert is_alive(group)
    first.process and first.process.kill()
    first.process and first.process.wait()
