"""What Prometheus is told, and that what we say of it holds."""

import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

import postventa.metrics
from mailing.services.watching import Runs, note_runs
from postventa.metrics import CACHED_FOR, Kept, exposition
from tests.world import make_world

ROOT = Path(settings.BASE_DIR)
RULES = yaml.safe_load((ROOT / "docker" / "prometheus" / "postventa.rules.yml").read_text())["groups"][0]["rules"]
PAGE = (ROOT / "docs" / "metrics.md").read_text()
SUFFIXES = re.compile(r"_(total|bucket|sum|count|created|info)$")


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postventa.metrics, "KEPT", Kept())


def told() -> dict[str, Metric]:
    return {metric.name: metric for metric in text_string_to_metric_families(exposition().decode())}


def ours() -> dict[str, Metric]:
    return {name: metric for name, metric in told().items() if name.startswith("postventa_")}


@pytest.fixture
def busy(db: None) -> None:
    make_world()
    runs = Runs()
    runs.add(2.5, "7", "")
    note_runs({"mailing.tasks.send_due_mail": runs}, host="uno")


def test_names_and_units_are_as_prometheus_wants_them(busy: None) -> None:
    bad = [m.name for m in ours().values() if not re.fullmatch(r"postventa(_[a-z]+)+", m.name)]
    # https://prometheus.io/docs/practices/naming/: base units, and a counter ends in total.
    units = [m.name for m in ours().values() if re.search(r"millisecond|minute|hour|percent|megabyte", m.name)]

    assert (bad, units) == ([], [])
    assert all(metric.documentation for metric in ours().values())


def test_no_label_speaks_of_anybody_or_grows_with_them(busy: None) -> None:
    labels = {name for metric in ours().values() for sample in metric.samples for name in sample.labels}
    values = {value for metric in ours().values() for sample in metric.samples for value in sample.labels.values()}

    assert labels <= {"queue", "kind", "task", "outcome", "state", "version"}
    assert all(re.fullmatch(r"[a-z_.]+|\d+\.\d+\.\d+\w*", value) for value in values)
    assert not values & {"lumbre", "ana"}


def test_what_is_told_is_what_is_there(busy: None) -> None:
    samples = {
        (sample.name, *sample.labels.values()): sample.value for metric in ours().values() for sample in metric.samples
    }

    assert samples["postventa_database_up",] == 1
    assert samples["postventa_processes_alive", "worker"] == 0
    assert samples["postventa_task_duration_seconds_count", "mailing.tasks.send_due_mail"] == 1
    assert samples["postventa_task_duration_seconds_sum", "mailing.tasks.send_due_mail"] == 2.5
    assert samples["postventa_task_failures_total", "mailing.tasks.send_due_mail"] == 0
    assert samples["postventa_database_connections", "active"] >= 1
    assert samples["postventa_build_info", settings.VERSION] == 1


def test_without_a_database_it_says_so(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError

    monkeypatch.setattr(postventa.metrics, "take_figures", fail)

    response = client.get("/metrics")

    assert response.status_code == 200
    assert b"postventa_database_up 0.0" in response.content
    assert b"postventa_queue_age_seconds" not in response.content


def test_many_who_ask_at_once_cost_one_question(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(postventa.metrics, "take_figures", lambda: asked.append(1))
    kept = Kept()

    kept.get()
    kept.get()
    kept.taken_at -= CACHED_FOR + 1
    kept.get()

    assert len(asked) == 2


def test_each_alert_asks_for_what_is_told(busy: None) -> None:
    asked = {rule["alert"]: set(re.findall(r"\b(?:postventa|django)_\w+", rule["expr"])) for rule in RULES}
    known = told().keys()
    unknown = {
        alert: [name for name in names if name not in known and SUFFIXES.sub("", name) not in known]
        for alert, names in asked.items()
    }

    assert all(asked.values())
    assert {alert: names for alert, names in unknown.items() if names} == {}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do_and_is_explained(rule: dict[str, dict[str, str]]) -> None:
    assert set(rule["annotations"]) == {"summary", "next_step"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert f"`{rule['alert']}`" in PAGE


def test_every_metric_is_explained(busy: None) -> None:
    assert [name for name in ours() if f"`{name}" not in PAGE] == []


# --- Several processes ---------------------------------------------------------------------------------------------
@contextmanager
def web_host(folder: Path) -> Iterator[int]:
    """gunicorn as in production, with two processes; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        environment = {**os.environ, "TMPDIR": str(folder), "WEB_CONCURRENCY": "2", "SECRET_KEY": "x" * 50}
        command = [sys.executable, "-m", "gunicorn", "postventa.wsgi", f"--bind=fd://{listener.fileno()}"]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield port
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(90)


def get(port: int, page: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=60) as answer:
        return str(answer.read().decode())


def probes_counted(port: int) -> float:
    samples = [
        sample.value
        for metric in text_string_to_metric_families(get(port, "/metrics"))
        for sample in metric.samples
        if sample.name == "django_http_responses_total_by_status_view_method_total"
        and sample.labels["view"] == "healthz"
    ]
    return sum(samples)


@pytest.mark.integration
def test_each_process_of_a_host_tells_the_sum_of_all(tmp_path: Path) -> None:
    with web_host(tmp_path) as port:
        for _request in range(30):
            get(port, "/healthz")
        told = {probes_counted(port) for _question in range(6)}
        [folder] = tmp_path.glob("postventa-metrics-*")
        first = counting(folder)
        os.kill(min(first), signal.SIGTERM)
        requests = 30 + until_somebody_new_counts(port, folder, first)
        after = probes_counted(port)
        files = {path.name for path in folder.iterdir()}

    assert told == {30}
    assert after == requests
    assert files <= {f"{kind}_{number}.db" for kind in ("counter", "histogram") for number in (0, 1)}
    assert not folder.exists()


def until_somebody_new_counts(port: int, folder: Path, before: set[int]) -> int:
    """How many requests it took."""
    deadline = time.monotonic() + 60
    for number in itertools.count(1):
        assert time.monotonic() < deadline, "no other process has come"
        get(port, "/healthz")
        if counting(folder) - before:
            return number
        time.sleep(0.2)
    raise AssertionError


def counting(folder: Path) -> set[int]:
    """The processes that count in files of this folder."""
    found = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            if str(folder) in maps.read_text():
                found.add(int(maps.parent.name))
        except OSError:  # gone meanwhile, or somebody else's
            continue
    return found
