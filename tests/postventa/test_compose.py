"""The production shape, as far as it can be tried without a container engine."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings
from django.db import connection, transaction
from gunicorn.config import Config as GunicornConfig

from mailing.services.sending import RUN_SECONDS
from tests.factories import make_brand
from tests.waiting import PATIENCE, wait_for_blocked, wait_until

ROOT = Path(settings.BASE_DIR)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    tools = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment = {**os.environ, **tools, **options.pop("env", {})}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, **options)


def test_compose_file_is_of_the_published_schema() -> None:
    checked = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_dockerfile_passes_its_linter() -> None:
    if sys.platform != "linux":
        pytest.skip("hadolint comes for Linux here")
    checked = run("hadolint", "Dockerfile")

    assert checked.returncode == 0, checked.stdout


def test_compose_names_only_what_it_has() -> None:
    needed = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    mounted = {v.split(":")[0] for service in SERVICES.values() for v in service.get("volumes", [])}

    assert needed <= set(SERVICES)
    assert mounted == set(COMPOSE["volumes"])
    assert {"db", "redis", "migrate", "web", "worker", "beat"} == {
        n for n, s in SERVICES.items() if "profiles" not in s
    }


def test_every_setting_of_the_env_file_reaches_our_processes() -> None:
    ours = {name: service for name, service in SERVICES.items() if service.get("image") == "postventa"}

    assert set(ours) == {"migrate", "web", "worker", "beat"}
    assert all(service["env_file"] == [{"path": ".env", "required": False}] for service in ours.values())


def test_every_service_that_stays_says_how_it_is() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    silent = [n for n, s in SERVICES.items() if "healthcheck" not in s and s.get("image") != "postventa"]

    assert silent == []
    assert "HEALTHCHECK" in dockerfile


def test_compose_sets_only_settings_that_there_are() -> None:
    known = (ROOT / "postventa" / "settings.py").read_text()

    assert [name for name in SERVICES["web"]["environment"] if f'"{name}"' not in known] == []


def test_the_one_proxy_before_the_web_process_is_counted() -> None:
    count = SERVICES["web"]["environment"]["TRUSTED_PROXY_COUNT"]
    (listening,) = re.findall(r"reverse_proxy \{\$WEB_UPSTREAM:(\S+)\}", (ROOT / "docker" / "Caddyfile").read_text())

    assert count == "${TRUSTED_PROXY_COUNT:-1}"
    assert listening == "web:8000"
    assert SERVICES["web"]["ports"][0].endswith(":8000")


def test_compose_waits_longer_than_a_process_takes_to_end() -> None:
    seconds = {name: int(SERVICES[name]["stop_grace_period"].rstrip("s")) for name in ("web", "worker")}

    assert seconds["web"] > GunicornConfig().graceful_timeout
    assert seconds["worker"] > RUN_SECONDS


def test_compose_has_no_password_of_its_own() -> None:
    values = [
        str(v) for s in SERVICES.values() for k, v in s.get("environment", {}).items() if "PASS" in k or "KEY" in k
    ]

    assert values
    assert [value for value in values if not re.match(r"\$\{\w+:\?", value)] == []


def test_commands_of_compose_are_those_of_the_entrypoint() -> None:
    entrypoint = (ROOT / "docker" / "entrypoint").read_text()
    commands = {s["command"][0] for s in SERVICES.values() if s.get("image") == "postventa"}

    assert commands - {"migrate"} == set(re.findall(r"^  (\w+)\)$", entrypoint, re.MULTILINE))


@pytest.mark.integration
def test_the_entrypoint_collects_migrates_and_serves(transactional_db: None, tmp_path: Path) -> None:
    make_brand()
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    held = socket.socket()  # so that nobody else is given the port meanwhile
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    environment = {
        "DATABASE_URL": address,
        "REDIS_URL": os.environ["REDIS_URL"],
        "STATIC_ROOT": str(tmp_path / "static"),
        "SECRET_KEY": "k" * 50,
        "PORT": str(port),
        "PYTHONWARNINGS": "default",
    }
    recipe = re.search(r"manage.py (collectstatic .*)", (ROOT / "Dockerfile").read_text())
    assert recipe
    collected = run("docker/entrypoint", *recipe[1].split(), env=environment)
    assert collected.returncode == 0, collected.stderr
    migrated = run("docker/entrypoint", "migrate", "--noinput", env=environment)
    assert migrated.returncode == 0, migrated.stderr

    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    web = subprocess.Popen(["docker/entrypoint", "web"], cwd=ROOT, env={**os.environ, **environment, "PATH": path})
    asked = Future[int]()
    try:
        page = fetch(f"http://127.0.0.1:{port}/help/")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE accounts_brand")
            # A request that has to wait for us, in the middle of which the process is asked to end.
            Thread(target=lambda: asked.set_result(status(f"http://127.0.0.1:{port}/brand/lumbre.css"))).start()
            wait_for_blocked()
            web.terminate()
            time.sleep(0.5)
        assert asked.result(timeout=PATIENCE) == 200
    finally:
        web.terminate()
        web.wait(timeout=PATIENCE)
        held.close()

    style = re.search(r'href="(/static/css/base\.[0-9a-f]+\.css)"', page)
    assert style, "pages link files with a fingerprint"
    assert web.returncode == 0


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        response.read()
        return int(response.status)


def fetch(url: str) -> str:
    def is_open() -> bool:
        with closing(socket.socket()) as asking:
            return asking.connect_ex((str(urlsplit(url).hostname), urlsplit(url).port)) == 0

    wait_until(is_open)
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return str(response.read().decode())
