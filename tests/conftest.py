"""What every test may ask for: a mailbox, a real worker, a browser, real data. Those of the domain are in world.py."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import pytest
import redis
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import caches
from django.db import OperationalError, connection
from django.test import TransactionTestCase
from playwright.sync_api import ConsoleMessage, Page, expect
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.partitions import known_pieces
from affiliates.selectors import known_links
from postventa import browser
from postventa.mailbox import Mail, Mailbox, serve_smtp
from postventa.processes import Child, Guard
from postventa.supervisor import worker_answers
from surveys.questionnaire import questions_asked
from tests.services import TEMPLATE
from tests.waiting import PATIENCE, wait_until

# Machines are slow at times: a property is about values, not about milliseconds, and a page is waited for.
UNHURRIED: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
# The same examples each time, or a run tells nothing of a change. --hypothesis-profile=searching looks for more.
hypothesis.settings.register_profile("ours", **UNHURRIED, derandomize=True)
hypothesis.settings.register_profile("searching", **UNHURRIED, max_examples=2_000, print_blob=True)
hypothesis.settings.load_profile("ours")
expect.set_options(timeout=30_000)

PHONE = {"width": 390, "height": 844}
# Whoever is still writing is waited for; triggers that refuse to delete, and keys, do not hold for this once.
EMPTY_TABLES = """
DO $$
DECLARE
    name regclass;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);
    FOR name IN
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
        ORDER BY oid
    LOOP
        EXECUTE format('LOCK TABLE %s IN EXCLUSIVE MODE', name);
        EXECUTE format('DELETE FROM %s', name);
    END LOOP;
END $$
"""
WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(autouse=True)
def forget_what_the_process_remembers() -> None:
    caches["process"].clear()
    known_links.clear()
    known_pieces.clear()
    questions_asked.cache_clear()


@pytest.fixture(autouse=True)
def begin_with_a_window_of_what_may_be_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the quarter of an hour in which it is counted ends in the middle of a test, and the count begins again."""
    gone = time.time() % timedelta(days=1).total_seconds()
    monkeypatch.setattr("accounts.throttling.time", SimpleNamespace(time=lambda: time.time() - gone))


@pytest.fixture(scope="session", autouse=True)
def look_for_static_files_once() -> Iterator[None]:
    """Every test's client has middleware of its own, and WhiteNoise begins by going through all files of all apps."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, Any]()

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


class ReceivingMailbox(Mailbox):
    """A mailbox with a real SMTP server before it, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = Thread(target=self._serve)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def wait_for(self, count: int) -> list[Mail]:
        """At least so many mails, newest first; fails where they do not come in time."""
        wait_until(lambda: len(self.mails()) >= count)
        return self.mails()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _serve(self) -> None:
        self._loop.run_until_complete(serve_smtp(self, self._listener, ended=self._ended))
        self._loop.close()


@pytest.fixture
def mailbox(tmp_path: Path, settings: Settings) -> Iterator[ReceivingMailbox]:
    """Django's mail goes through a real SMTP conversation and can be read here."""
    receiving = ReceivingMailbox(tmp_path / "mailbox")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = receiving.port
    settings.EMAIL_TIMEOUT = 10
    yield receiving
    receiving.close()


@pytest.fixture
def live_worker(
    transactional_db: None,
    mailbox: ReceivingMailbox,
    live_server: LiveServer,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Child]:
    """A Celery worker with its beat, in a process of its own, on the test's database, mailing to `mailbox`.

    Links in its mails lead to `live_server`. Only committed rows reach it, so the test is a transactional one.
    """
    settings.BASE_URL = live_server.url
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    guard = Guard()
    worker = Child(
        name="worker",
        command=[
            *(
                sys.executable,
                "-m",
                "celery",
                "-A",
                "postventa.celery",
                "worker",
                "-P",
                "threads",
                "--concurrency",
                "2",
            ),
            *("-B", "--schedule", str(tmp_path / "beat"), "--without-gossip", "--without-mingle"),
        ],
        log=tmp_path / "worker.log",
        guard=guard,
        is_ready=lambda: worker_answers(settings.REDIS_URL),
        environment=worker_environment(settings, mailbox),
        options={"cwd": settings.BASE_DIR},
    )
    try:
        worker.start()
        worker.wait_until_ready(PATIENCE)
        yield worker
    finally:
        worker.stop()
        guard.close()


def worker_environment(settings: Settings, mailbox: ReceivingMailbox) -> dict[str, str]:
    address = urlsplit(os.environ["DATABASE_URL"])
    return {
        "DATABASE_URL": urlunsplit(address._replace(path=f"/{connection.settings_dict['NAME']}")),
        "REDIS_URL": settings.REDIS_URL,
        "EMAIL_URL": f"smtp://127.0.0.1:{mailbox.port}",
        "BASE_URL": settings.BASE_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "PYTHONWARNINGS": "default",
    }


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """A worker's database begins as a copy of the one that was migrated."""
    connection.settings_dict["TEST"]["TEMPLATE"] = os.environ.get(TEMPLATE)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A thread of a live server may end after the last test: its connection must not keep the database from going."""
    if TEMPLATE in os.environ:
        TransactionTestCase._fixture_teardown = empty_tables
    yield
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    connection.close()  # where a test has broken it, by a database that goes away, a new one is made
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"{others} pg_backend_pid()")


def empty_tables(case: TransactionTestCase) -> None:
    """In place of Django's flush, which makes a new file for each of hundreds of tables and indexes after each test.

    What the migrations told Django of the models stays; they are the same for the next test.
    """
    for tries_left in (3, 2, 1, 0):
        try:
            with connection.cursor() as cursor:
                cursor.execute(EMPTY_TABLES)
            return
        except OperationalError:  # a request that a browser has left waits for a table of ours, as we for one of its
            if not tries_left:
                raise


# --- Browser -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, **browser.launch_options()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "es-ES", "timezone_id": "Europe/Madrid", "viewport": PHONE}


@pytest.fixture
def browser_page(page: Page, live_server: LiveServer, settings: Settings) -> Iterator[Page]:
    """A phone in Spanish before `live_server`; an error in its console, such as a CSP violation, fails the test."""
    settings.BASE_URL = live_server.url
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    yield page
    assert complaints == []


@pytest.fixture(scope="session")
def assert_accessible() -> Callable[[Page], None]:
    """Fails on what axe finds against WCAG 2.2 AA."""
    axe = Axe()

    def check(page: Page) -> None:
        page.wait_for_load_state()  # a click returns when the next page has only begun
        if not page.evaluate("'axe' in window"):
            page.evaluate(axe.axe_script)
        # Of what is in order it need not tell, which is most of what there is to tell.
        options = {"runOnly": WCAG_22_AA, "resultTypes": ["violations"]}
        results = AxeResults(page.evaluate("options => axe.run(options)", options))
        assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"

    return check


# --- Data ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real orders and comments that POSTVENTA_TEST_DATA names; it is never part of the project."""
    folder = os.environ.get("POSTVENTA_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("POSTVENTA_TEST_DATA names no folder with real data")
    return Path(folder)
