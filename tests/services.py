"""pytest plugin: PostgreSQL and Valkey of our own for the suite, started before Django reads its settings.

Loaded by `-p tests.services` (pyproject.toml), for a conftest.py would come after pytest-django has read them.
With pytest-xdist the first process starts PostgreSQL, where every worker has a database of its own, and every worker
its own Valkey. DATABASE_URL and REDIS_URL switch both off, unless they come from a demo running in this checkout.
"""

import atexit
import gc
import os
from contextlib import ExitStack

import pytest

from postventa import browser, demo_environment
from postventa.embedded import DATABASE_NAME, Postgres, Valkey
from postventa.processes import Guard
from tests.migrated import copy_migrated, temporary_folder

KINDS = ("unit", "integration", "browser", "realdata")
TEMPLATE = "POSTVENTA_TEST_TEMPLATE"  # the database, if any, that those of the workers are copies of
NO_BROWSER = "There is no browser here and none could be fetched: set POSTVENTA_CHROMIUM."
_stack = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    gc.disable()  # until all is loaded, of which nothing is garbage
    kept = demo_environment.without_demo(os.environ)
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    # Playwright's synchronous interface keeps an event loop running, which Django takes for asynchronous code.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    is_xdist_worker = "PYTEST_XDIST_WORKER" in os.environ
    if "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ or is_xdist_worker:
        start_services(is_xdist_worker=is_xdist_worker)


def start_services(*, is_xdist_worker: bool) -> None:
    folder = _stack.enter_context(temporary_folder())
    guard = Guard()
    _stack.callback(guard.close)
    if "DATABASE_URL" not in os.environ:
        copy_migrated(folder / "migrated")
        os.environ["POSTVENTA_PG_DATA"] = str(folder / "migrated")  # of processes' own servers as well
        postgres = Postgres(folder, guard=guard, log=folder / "postgres.log", durable=False)
        _stack.callback(postgres.child.stop)
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
        os.environ[TEMPLATE] = DATABASE_NAME
    if "REDIS_URL" not in os.environ or (is_xdist_worker and "POSTVENTA_TEST_REDIS" in os.environ):
        valkey = Valkey(folder, guard=guard, log=folder / "valkey.log", durable=False)
        _stack.callback(valkey.child.stop)
        valkey.start()
        os.environ["REDIS_URL"] = valkey.url
        os.environ["POSTVENTA_TEST_REDIS"] = "ours"


def pytest_unconfigure() -> None:
    _stack.close()


# Where pytest itself fails to start it never gets that far.
atexit.register(_stack.close)


# --- What kind of test it is, and what each kind costs -------------------------------------------------------------
def kind_of(item: pytest.Item) -> str:
    fixtures = set(getattr(item, "fixturenames", ()))
    if fixtures & {"real_data"} or item.get_closest_marker("realdata"):
        return "realdata"
    if fixtures & {"page", "browser_page"} or item.get_closest_marker("browser"):
        return "browser"
    if fixtures & {"live_worker", "mailbox", "live_server"} or item.get_closest_marker("integration"):
        return "integration"
    return "unit"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(kind_of(item))
    # pytest-django puts them last, where one worker would still be at them when the others have nothing left to do.
    items.sort(key=lambda item: not lasts_long(item))


def lasts_long(item: pytest.Item) -> bool:
    """Real data, and processes of its own without a database of ours: what starts a whole installation is among it."""
    uses_database = item.get_closest_marker("django_db") or "db" in getattr(item, "fixturenames", ())
    return bool(item.get_closest_marker("realdata") or (item.get_closest_marker("integration") and not uses_database))


def pytest_collection_finish() -> None:
    """What has been loaded stays: the garbage collector need not look through a million objects again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the first browser test, however pytest was started: a browser, or one plain word instead of a trace."""
    if item.get_closest_marker("browser") and not browser.ensure():
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(NO_BROWSER)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for group in terminalreporter.stats.values() for r in group if isinstance(r, pytest.TestReport)]
    lines = []
    for kind in KINDS:
        ours = [report for report in reports if kind in report.keywords]
        if ours:
            count = len({report.nodeid for report in ours})
            lines.append(f"{kind}: {count} tests, {sum(report.duration for report in ours):.1f} s")
    terminalreporter.write_sep("-", "time by kind (summed over workers)")
    terminalreporter.write_line("   ".join(lines))
