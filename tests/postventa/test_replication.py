"""Pages before a real replica that lags, goes away and comes back, and before a primary that dies."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from accounts import replica
from accounts.models import AccessLog, User
from accounts.replica import COOKIE, REPLICA, Watch
from affiliates.models import AffiliateMember
from insights.models import Measurement
from intake.deployment.findings import Level
from intake.deployment.services import replica_found
from intake.operations.troubles import of_replica
from postventa.embedded import Postgres
from postventa.metrics import exposition
from postventa.postgresql import copies
from postventa.processes import Guard
from postventa.settings import NOTICED_WHEN_GONE, SOON_NOTICED_WHEN_GONE, database
from tests.factories import make_link, make_user
from tests.migrated import temporary_folder
from tests.replicated import Standby, ask, sockets_of
from tests.waiting import wait_until
from tests.world import World, make_world

pytestmark = pytest.mark.integration

OPERATIONS, OPERATOR = "/admin/operations/", {"is_staff": True, "is_superuser": True}
OF_AFFILIATE = (
    *("home", "drivers", "opinions", "comparison", "links", "sales", "customers", "actions", "report"),
    *("export", "customers_export"),
)
OF_BRAND = (
    *("overview_of_brand", "drivers_of_brand", "customers_of_brand", "affiliates_compared", "targets_of_brand"),
    *("alternatives_of_brand", "customers_of_brand_export"),
)


@dataclass
class Pair:
    primary: Postgres
    standby: Standby
    world: World

    def catch_up(self) -> None:
        """Until the replica has all that the primary has."""
        wait_until(lambda: replica.measure() == 0)

    def pause(self) -> None:
        ask(self.standby, "SELECT pg_wal_replay_pause()")
        wait_until(lambda: ask(self.standby, "SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        ask(self.standby, "SELECT pg_wal_replay_resume()")
        self.catch_up()


@pytest.fixture(scope="module")
def servers(django_db_blocker: DjangoDbBlocker) -> Iterator[Pair]:
    """Both, in the place of the suite's own server, with a world in them."""
    ours = {**connections.databases[DEFAULT_DB_ALIAS]}
    with temporary_folder() as folder, django_db_blocker.unblock():
        guard = Guard()
        primary = Postgres(folder / "primary", guard=guard, log=folder / "primary.log", durable=False)
        standby = Standby(folder / "standby", of=primary, guard=guard)
        try:
            primary.start()
            standby.start()
            either = f"{sockets_of(primary)},{sockets_of(standby)}"
            url = f"postgres://postventa@/postventa?target_session_attrs=read-write&host={either}"
            connections[DEFAULT_DB_ALIAS].close()
            # As in production what is committed has been sent before the next statement.
            options = {**NOTICED_WHEN_GONE, "options": f"{NOTICED_WHEN_GONE['options']} -c synchronous_commit=on"}
            connections.databases[DEFAULT_DB_ALIAS].update(database(url, options))
            connections.databases[REPLICA] = {**ours, **database(standby.url, SOON_NOTICED_WHEN_GONE)}
            if "POSTVENTA_PG_DATA" not in os.environ:
                call_command("migrate", interactive=False, verbosity=0)
            yield Pair(primary, standby, make_world())
        finally:
            connections.close_all()
            connections.databases[DEFAULT_DB_ALIAS].update(ours)
            connections.databases.pop(REPLICA, None)
            with suppress(AttributeError):  # nobody has asked it
                del connections[REPLICA]
            standby.child.stop()
            primary.child.stop()
            guard.close()


@pytest.fixture
def pair(servers: Pair, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Nothing of what one test knew of the replica is known in the next."""
    settings.DATABASE_ROUTERS = ["accounts.replica.Router"]
    monkeypatch.setattr(replica, "WATCH", Watch())
    for name in ("MEASURED_EVERY", "LEFT_ALONE"):  # only when a test says so
        monkeypatch.setattr(replica, name, 3600)
    servers.catch_up()
    return servers


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@dataclass
class Seen:
    status: int
    text: str
    of_primary: list[str]
    of_replica: list[str]

    @property
    def statements(self) -> int:
        return len(self.of_primary) + len(self.of_replica)


def look(client: Client, page: str) -> Seen:
    primary, other = (CaptureQueriesContext(connections[alias]) for alias in (DEFAULT_DB_ALIAS, REPLICA))
    with primary, other:
        response = client.get(page)
    return Seen(
        response.status_code,
        response.text,
        [query["sql"] for query in primary.captured_queries],
        [query["sql"] for query in other.captured_queries],
    )


def failures(logs: list[Any]) -> int:
    return sum(entry["event"] == "replica_failed" for entry in logs)


def told() -> tuple[list[str], int, list[Level]]:
    """To Prometheus, as troubles of the installation, and by `check_deployment`."""
    lines = [line for line in exposition().decode().splitlines() if line.startswith("postventa_replica")]
    return [line.split()[1] for line in lines], len([*of_replica()]), [each.level for each in replica_found()]


def pages_of(world: World) -> list[tuple[User, str]]:
    own = [(world.ana, reverse(f"dashboards:{name}")) for name in OF_AFFILIATE]
    brand = [(world.staff, reverse(f"dashboards:{name}", args=[world.brand.slug])) for name in OF_BRAND]
    path = [world.brand.slug, world.affiliate.code]
    one = [
        (world.staff, reverse(f"dashboards:{name}", args=path))
        for name in ("drivers_of_affiliate", "customers_of_affiliate", "home", "export")
    ]
    return [*own, *brand, *one]


def test_pages_that_read_counts_read_them_there_and_write_nothing_there(pair: Pair) -> None:
    """As many statements as without a replica, none of which it refused."""
    clients = {user: browser_of(user) for user in (pair.world.ana, pair.world.staff)}
    clients[pair.world.ana].get(reverse("dashboards:home"))  # and so writes down its first visit
    assert replica.WATCH.is_fit()
    pair.catch_up()
    for user, page in pages_of(pair.world):
        client = clients[user]
        client.cookies[COOKIE] = "1"
        before = look(client, page)
        del client.cookies[COOKIE]
        with capture_logs() as logs:
            after = look(client, page)

        assert (after.status, before.status, before.of_replica, failures(logs)) == (200, 200, [], 0), page
        assert after.of_replica, page
        assert after.statements <= before.statements, page
        assert [sql for sql in after.of_replica if not sql.startswith(("SELECT", "WITH", "\n"))] == [], page


def test_it_shows_old_rows_until_it_lags_too_far_and_never_to_whoever_wrote_them(
    pair: Pair, settings: Settings
) -> None:
    ana, other, page = browser_of(pair.world.ana), browser_of(pair.world.ana), reverse("dashboards:links")
    pair.catch_up()
    pair.pause()
    try:
        made = ana.post(reverse("dashboards:new_link"), {"destination": "https://lumbre.example/nueva"})
        code = made.headers["Location"].split("/")[-3]
        own, meanwhile = look(ana, page), look(other, page)
        settings.REPLICA_MAX_LAG_SECONDS = 0
        replica.WATCH.forget()
        too_late, behind, said = look(other, page), replica.WATCH.behind(), told()
        settings.REPLICA_MAX_LAG_SECONDS = 60
    finally:
        pair.resume()
    replica.WATCH.forget()
    again = look(other, page)

    assert (code in own.text, own.of_replica) == (True, [])
    assert int(ana.cookies[COOKIE]["max-age"]) > 60
    assert (code in meanwhile.text, bool(meanwhile.of_replica)) == (False, True)
    assert (code in too_late.text, len(too_late.of_replica)) == (True, 1)  # how far it was behind
    assert behind is not None
    assert behind > 0
    assert said == (["1.0", f"{behind}"], 1, [Level.WARNING])
    assert (code in again.text, bool(again.of_replica)) == (True, True)


def test_what_is_too_young_for_it_is_found_all_the_same(pair: Pair) -> None:
    staff = browser_of(pair.world.staff)
    pair.catch_up()
    pair.pause()
    try:
        young = type(pair.world.affiliate).objects.create(
            brand=pair.world.brand, code="joven", name="Joven", joined_at=pair.world.affiliate.joined_at
        )
        page = look(staff, reverse("dashboards:drivers_of_affiliate", args=[pair.world.brand.slug, young.code]))
    finally:
        pair.resume()

    assert page.status == 200
    assert page.of_replica


def test_who_looked_is_written_to_the_primary_and_a_transaction_reads_there(pair: Pair) -> None:
    staff, member = browser_of(pair.world.staff), AffiliateMember.objects.filter(user=pair.world.ana)
    looked = AccessLog.objects.filter(object_type="affiliate").count()
    member.update(last_seen_at=None)
    pair.catch_up()

    home = look(staff, reverse("dashboards:home", args=[pair.world.brand.slug, pair.world.affiliate.code]))
    own = look(browser_of(pair.world.ana), reverse("dashboards:home"))
    with replica._reading(), transaction.atomic():
        inside = CaptureQueriesContext(connections[REPLICA])
        with inside:
            Measurement.objects.select_for_update().first()
            Measurement.objects.first()

    assert home.of_replica
    assert own.of_replica
    assert AccessLog.objects.filter(object_type="affiliate").count() == looked + 1
    assert member.get().last_seen_at is not None
    assert inside.captured_queries == []


def test_it_goes_away_and_comes_back_and_no_page_fails(pair: Pair) -> None:
    ana, page = browser_of(pair.world.ana), reverse("dashboards:home")
    pair.catch_up()
    assert look(ana, page).of_replica
    before, operations = told(), browser_of(make_user("guardia@lumbre.example", "Guardia", **OPERATOR)).get(OPERATIONS)
    pair.standby.child.stop()
    try:
        with capture_logs() as logs:
            answers = [ana.get(page).status_code for _time in range(3)]
        meanwhile = told()
    finally:
        pair.standby.start()
        pair.catch_up()
    replica.WATCH.forget()
    back = look(ana, page)

    assert answers == [200, 200, 200]
    assert failures(logs) == 2  # of the page that was surprised, and of the next look at it; then it is left alone
    assert before == (["1.0", "0.0"], 0, [Level.OK])
    assert operations.context["replica"]
    assert operations.context["replica"] in operations.text
    assert meanwhile == (["0.0"], 1, [Level.ERROR])
    assert (back.status, bool(back.of_replica)) == (200, True)


def test_one_that_began_again_and_gets_nothing_is_not_taken_for_up_to_date(pair: Pair) -> None:
    ask(pair.primary, "CHECKPOINT")
    pair.catch_up()
    ask(pair.standby, "ALTER SYSTEM SET recovery_min_apply_delay = '1h'")
    pair.standby.child.stop()
    pair.standby.start()
    try:
        make_link(pair.world.affiliate, "nuevo")
        connections[REPLICA].close()  # or the first look at it finds but that
        behind = replica.measure()
    finally:
        ask(pair.standby, "ALTER SYSTEM RESET recovery_min_apply_delay")
        ask(pair.standby, "SELECT pg_reload_conf()")
        pair.catch_up()

    assert behind != 0


def test_a_backup_too_asks_the_one_of_several_hosts_that_takes_writes(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica_first = f"{sockets_of(pair.standby)},{sockets_of(pair.primary)}"
    monkeypatch.setitem(connections[DEFAULT_DB_ALIAS].settings_dict["OPTIONS"], "host", replica_first)

    assert copies.run("psql", "-Atc", "SELECT pg_is_in_recovery()") == "f\n"


def test_the_primary_dies_and_the_replica_takes_its_place(pair: Pair) -> None:
    """With both hosts in DATABASE_URL. The last one here: there is no way back."""
    ana, page = browser_of(pair.world.ana), reverse("dashboards:home")
    ana.raise_request_exception = False
    make_link(pair.world.affiliate, "antes")
    pair.catch_up()
    pair.primary.child.kill()

    headless = [begin_request(ana, page) for _attempt in range(2)]
    ask(pair.standby, "SELECT pg_promote()")
    afterwards = begin_request(ana, reverse("dashboards:links"))
    made = ana.post(reverse("dashboards:new_link"), {"destination": "https://lumbre.example/nueva"})

    assert headless == [503, 503]
    assert (afterwards, made.status_code) == (200, 302)
    assert pair.world.affiliate.links.filter(code="antes").exists()
    assert replica.WATCH.behind() is None  # what was the replica is none any more


def begin_request(client: Client, page: str) -> int:
    """As a web server does: a connection that is dead is found out first."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()
    return client.get(page).status_code
