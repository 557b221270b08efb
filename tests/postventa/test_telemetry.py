"""What leaves for Sentry and for a collector of traces: nothing by itself, and nothing of anybody."""

import json
import os
import subprocess
import sys
from collections import deque
from typing import Any

import pytest
from django.conf import settings

from postventa.demo_environment import without_demo
from postventa.telemetry import scrub_attributes, scrub_event, scrubbed


def modules_loaded(**environment: str) -> subprocess.CompletedProcess[str]:
    """The extras that a process of ours has loaded when it has started."""
    program = "import django, sys; django.setup(); print(*{m.split('.')[0] for m in sys.modules})"
    told = {**without_demo(os.environ), "DJANGO_SETTINGS_MODULE": "postventa.settings", **environment}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=told, capture_output=True, text=True, check=False)


def test_without_its_setting_no_extra_is_loaded() -> None:
    run = modules_loaded()

    assert run.returncode == 0, run.stderr
    assert {"postventa", "celery"} <= set(run.stdout.split())
    assert not {"sentry_sdk", "opentelemetry"} & set(run.stdout.split())


def test_scrubbing_reaches_every_depth_and_leaves_the_rest() -> None:
    told = {"a": ["to carla@correo.example", {"b": ("/s/kX9token/", 7)}], "n": None, "bytes": b"x"}

    assert scrubbed(told) == {"a": ["to [email]", {"b": ("/s/[token]/", 7)}], "n": None, "bytes": b"x"}
    assert scrubbed([b"carla@correo.example", {"carla@correo.example"}, deque(["/s/kX9token/"])]) == [
        b"[email]",
        ["[email]"],
        ["/s/[token]/"],
    ]


def test_a_failure_is_told_without_whoever_it_happened_to() -> None:
    event: dict[str, Any] = {
        "user": {"id": 7, "ip_address": "203.0.113.9"},
        "server_name": "uno",
        "request": {
            "method": "POST",
            "url": "https://opinion.example.com/s/kX9token/",
            "headers": {"Cookie": "postventa_session=abc", "Authorization": "Bearer pv_0123456789abcdefghij"},
            "cookies": {"postventa_session": "abc"},
            "data": {"keep_text": "Carla Ruiz, calle Mayor 1"},
            "query_string": "q=carla",
            "env": {"REMOTE_ADDR": "203.0.113.9"},
        },
        "exception": {"values": [{"type": "ValueError", "value": "carla@correo.example is nobody"}]},
    }

    told = scrub_event(event, {})

    assert told == {
        "request": {"method": "POST", "url": "https://opinion.example.com/s/[token]/"},
        "exception": {"values": [{"type": "ValueError", "value": "[email] is nobody"}]},
    }
    assert "203.0.113.9" not in json.dumps(told)


def test_a_trace_tells_the_way_and_not_what_was_asked_nor_by_whom() -> None:
    told = scrub_attributes(
        {
            "http.url": "https://opinion.example.com/s/kX9token/?q=carla",
            "http.user_agent": "Mozilla",
            "net.peer.ip": "203.0.113.9",
            "db.statement": "SELECT 1 WHERE email = %s",
            "http.status_code": 200,
        }
    )

    assert told == {
        "http.url": "https://opinion.example.com/s/[token]/",
        "db.statement": "SELECT 1 WHERE email = %s",
        "http.status_code": 200,
    }


@pytest.mark.parametrize(
    ("setting", "value", "extra"),
    [
        ("SENTRY_DSN", "http://key@127.0.0.1:9/1", "sentry_sdk"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9", "opentelemetry"),
    ],
)
def test_with_its_setting_an_extra_is_loaded_or_asked_for(setting: str, value: str, extra: str) -> None:
    run = modules_loaded(**{setting: value})

    assert (extra in run.stdout.split()) if run.returncode == 0 else (f"No module named '{extra}'" in run.stderr)
