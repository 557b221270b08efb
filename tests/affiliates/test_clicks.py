"""Clicks by the month: a table that was whole before, room for those to come, and old ones gone and counted."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from itertools import chain
from threading import Thread
from typing import Any

import psycopg2
import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import partitions
from accounts.clock import database_now
from accounts.partitions import BEGINS, month_after, month_of, partitions_of, place_of, strays
from affiliates import tasks
from affiliates.models import Click, TrackingLink, VisitCount, month_of_click
from affiliates.services import flag_suspicions, record_click
from affiliates.services.clicks import TABLE, forget_clicks, make_room_for_clicks, room_for_clicks_until
from insights.places import Place, link_places
from insights.sales import link_traffic
from tests.factories import make_affiliate, make_brand, make_customer, make_link, make_purchases

cutting = import_module("affiliates.migrations.0015_clicks_by_month")


def ask(question: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return cursor.fetchone()[0]


def click(link: TrackingLink, at: datetime, *, kind: str = Click.Kind.VISIT, visitor: str = "somebody") -> str:
    return record_click(link.pk, kind=kind, visitor=visitor, occurred_at=at)


def piece_of(public_id: str) -> str:
    return str(ask("SELECT tableoid::regclass FROM affiliates_click WHERE public_id = %s", public_id))


def pieces_asked(statement: str) -> set[str]:
    """The months that running it has looked into."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}")
        lines = [line for (line,) in cursor.fetchall() if "never executed" not in line]
    return set(re.findall(rf" on {TABLE}_(before|other|\d+_\d+)\b", "\n".join(lines)))


@pytest.fixture
def link(db: None) -> TrackingLink:
    return make_link(make_affiliate(make_brand(), "Ana"), "guia")


@pytest.fixture
def later(link: TrackingLink) -> datetime:
    """Three months after the last that there is room for."""
    month = partitions_of(TABLE)[-1].after
    for _month in range(3):
        month = month_after(month)
    return month.replace(day=9)


# --- A table that was whole ------------------------------------------------------------------------------------------
DEFAULTS = """
SELECT array_agg(column_name || ' ' || column_default ORDER BY column_name) FROM information_schema.columns
WHERE table_name = %s AND column_name <> 'id' AND column_default IS NOT NULL
"""


@pytest.fixture
def whole(transactional_db: None) -> Iterator[None]:
    """As it was before there were pieces; in pieces again afterwards."""
    defaults = ask(DEFAULTS, TABLE)
    assert defaults
    with connection.schema_editor(atomic=False) as editor:
        cutting.join(None, editor)
    assert ask(DEFAULTS, TABLE) == defaults
    yield
    if ask("SELECT relkind::text FROM pg_class WHERE oid = %s::regclass", TABLE) == "r":
        cut()


def cut() -> None:
    with connection.schema_editor(atomic=False) as editor:
        cutting.cut(None, editor)


SHAPE = """
SELECT array_agg(pg_get_constraintdef(oid) ORDER BY pg_get_constraintdef(oid)) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype <> 'n'
"""
INDEXES = """
SELECT array_agg(pg_relation_filenode(indexrelid) ORDER BY indexrelid)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = %s::regclass AND relname ~ '(newest|visitor)$'
"""


@pytest.mark.usefixtures("whole")
def test_a_table_with_clicks_is_cut_without_writing_a_row_anew() -> None:
    link = make_link(make_affiliate(make_brand(), "Ana"), "guia")
    for day in range(1, 4):
        click(link, datetime(2026, 3, day, tzinfo=UTC))
    rows, file, indexes = list(Click.objects.order_by("pk").values()), "SELECT pg_relation_filenode(%s)", INDEXES
    before = (ask(file, TABLE), ask(indexes, TABLE), ask("SELECT max(id) FROM affiliates_click"))

    cut()

    first = f"{TABLE}_before"
    assert list(Click.objects.order_by("pk").values()) == rows
    assert (ask(file, first), ask(indexes, first), Click.objects.latest("pk").pk) == before
    assert ask(SHAPE, first) == ask(SHAPE, TABLE)
    assert ask(DEFAULTS, first) == ask(DEFAULTS, TABLE)
    assert Click.objects.get(public_id=click(link, datetime(2026, 3, 5, tzinfo=UTC))).pk == before[2] + 1
    assert {piece_of(each["public_id"]) for each in rows} == {first}


@pytest.mark.usefixtures("whole")
def test_a_cut_that_was_broken_off_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    swap = cutting.SWAP
    monkeypatch.setattr(cutting, "SWAP", swap + "SELECT 1/0")
    with pytest.raises(DataError):
        cut()
    # Else clicks would be refused from the next month on, until somebody tries again.
    assert ask("SELECT count(*) FROM pg_constraint WHERE conname = 'click_before'") == 0
    made = ask("SELECT pg_relation_filenode(%s)", f"{TABLE}_before_pkey")
    monkeypatch.setattr(cutting, "SWAP", swap)
    click(make_link(make_affiliate(make_brand(), "Ana")), datetime(2026, 3, 1, tzinfo=UTC))

    cut()

    assert Click.objects.count() == 1
    assert [piece.name for piece in partitions_of(TABLE)] == [f"{TABLE}_before"]
    assert ask("SELECT pg_relation_filenode(%s)", f"{TABLE}_before_pkey") == made


@pytest.mark.usefixtures("whole")
def test_a_cut_makes_nobody_wait_behind_it_for_long() -> None:
    pauses: list[float] = []
    with closing(psycopg2.connect(**connection.get_connection_params())) as busy, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "PREPARE", ["SET statement_timeout = '60s'"])
        patch.setattr(cutting, "PATIENCE", "lock_timeout = '50ms'")
        patch.setattr(cutting, "TRIES", 2)
        patch.setattr(cutting.time, "sleep", pauses.append)
        busy.cursor().execute("LOCK TABLE affiliates_click IN ROW EXCLUSIVE MODE")  # as an import of many

        with pytest.raises(OperationalError, match="lock timeout"):
            cut()

    assert pauses == [cutting.PAUSE]
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")


# --- Room for those to come ------------------------------------------------------------------------------------------
def test_there_is_room_for_this_month_and_the_next_two(link: TrackingLink, later: datetime) -> None:
    made = make_room_for_clicks(now=later)

    assert len(made) == 6  # three that were missed
    assert partitions_of(TABLE)[-1].after > later.replace(day=28)
    assert make_room_for_clicks(now=later) == []
    assert piece_of(click(link, later)) == f"{TABLE}_{later:%Y_%m}"


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("is_new", [True, False])
def test_where_nothing_came_before_this_month_is_its_own(is_new: bool) -> None:
    link, early, now = make_link(make_affiliate(make_brand(), "Ana")), datetime(2026, 3, 9, tzinfo=UTC), database_now()
    cut()
    if not is_new:
        click(link, early)

    made = make_room_for_clicks(now=now)

    this_month = month_of(now - BEGINS)
    assert (f"{TABLE}_{this_month:%Y_%m}" in made) == is_new
    assert room_for_clicks_until() == month_after(month_after(month_after(this_month)))
    assert ask(SHAPE, f"{TABLE}_before") == ask(SHAPE, TABLE)
    assert piece_of(click(link, early)) == f"{TABLE}_before"


@pytest.mark.django_db
def test_beat_makes_room_by_the_database_s_clock() -> None:
    before = len(partitions_of(TABLE))  # another test's beat may have been here

    made = tasks.make_room_for_clicks()

    assert room_for_clicks_until() > database_now() + timedelta(days=56)
    assert len(partitions_of(TABLE)) == before + made


def test_a_click_that_finds_no_month_is_kept_and_moves_there(link: TrackingLink, later: datetime) -> None:
    stray = click(link, later)
    assert (piece_of(stray), strays(TABLE)) == (f"{TABLE}_other", 1)

    make_room_for_clicks(now=later)

    assert (piece_of(stray), strays(TABLE)) == (f"{TABLE}_{later:%Y_%m}", 0)


def test_a_new_month_is_indexed_and_checked_as_the_others(link: TrackingLink, later: datetime) -> None:
    [*_some, newest] = make_room_for_clicks(now=later)

    assert ask(SHAPE, newest) == ask(SHAPE, TABLE)
    assert ask("SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass", newest) == 4


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_makes_the_months(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", "SET LOCAL lock_timeout = '60s'")
    now, made = month_after(partitions_of(TABLE)[-1].after) + timedelta(days=1), []

    def make() -> None:
        made.append(make_room_for_clicks(now=now))
        connection.close()

    threads = [Thread(target=make) for _beat in range(2)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(map(len, made)) == [0, 4]
    finally:
        with connection.cursor() as cursor:
            for name in chain(*made):
                cursor.execute(f"DROP TABLE {name}")


def test_a_click_is_looked_for_in_the_month_that_its_id_tells(link: TrackingLink, later: datetime) -> None:
    make_room_for_clicks(now=later)
    name, other = click(link, later), click(link, later, visitor="another")

    assert month_of_click(name) == month_of(later)
    plan = Click.objects.named([name, other]).explain()
    assert f"{TABLE}_{later:%Y_%m}" in plan
    assert f"{TABLE}_other" not in plan
    assert {each.public_id for each in Click.objects.named([name, other])} == {name, other}


def test_a_repeat_is_looked_for_in_its_month_s_own_piece(link: TrackingLink, later: datetime) -> None:
    """In the whole, each click would plan anew what it asks of all months."""
    make_room_for_clicks(now=later)

    click(link, later)
    with CaptureQueriesContext(connection) as captured:
        click(link, later + timedelta(minutes=30))

    assert list(Click.objects.order_by("pk").values_list("kind", flat=True)) == ["visit", "repeat"]
    [asked] = captured
    assert pieces_asked(asked["sql"][asked["sql"].index("EXECUTE") :]) == {f"{later:%Y_%m}"}


@pytest.mark.parametrize(("seconds", "kind"), [(1799, "repeat"), (1800, "repeat"), (1801, "visit")])
def test_a_month_that_has_just_begun_knows_the_last_visits_of_the_one_before(
    link: TrackingLink, later: datetime, seconds: int, kind: str
) -> None:
    make_room_for_clicks(now=later)
    end = month_after(month_of(later))
    click(link, end - timedelta(minutes=10))

    click(link, end - timedelta(minutes=10) + timedelta(seconds=seconds))

    assert [each.kind for each in Click.objects.order_by("pk")] == ["visit", kind]


def test_a_place_is_the_piece_that_holds_both_ends(link: TrackingLink, later: datetime) -> None:
    make_room_for_clicks(now=later)
    month, second = month_of(later), timedelta(seconds=1)
    piece, end = f"{TABLE}_{later:%Y_%m}", month_after(month)

    spans = [(month, end - second), (month - second, month), (end - second, end), (later.replace(year=2000),) * 2]
    assert [place_of(TABLE, *span) for span in spans] == [piece, TABLE, TABLE, TABLE]


def test_the_piece_from_before_there_were_months_has_no_place_of_its_own(link: TrackingLink) -> None:
    before = partitions_of(TABLE)[0]
    at = before.after - timedelta(days=1)

    assert (before.name, place_of(TABLE, at, at)) == (f"{TABLE}_before", TABLE)


def test_a_new_piece_is_not_looked_through_while_it_is_small(link: TrackingLink, later: datetime) -> None:
    """Or what is planned for a few rows reads it from end to end when it has thousands."""
    made = make_room_for_clicks(now=later)
    end = partitions_of(TABLE)[-3].after  # of the month that runs

    assert make_room_for_clicks(now=end) == []
    assert len(make_room_for_clicks(now=end + timedelta(days=1))) == 1
    for piece in [*made, f"{TABLE}_before"]:
        assert ask("SELECT reloptions FROM pg_class WHERE relname = %s", piece) == ["autovacuum_analyze_threshold=1000"]
    assert {ask("SELECT reltuples FROM pg_class WHERE relname = %s", piece) for piece in made} == {-1}


def test_suspicions_are_looked_for_in_the_months_that_may_have_brought_somebody(
    link: TrackingLink, later: datetime
) -> None:
    make_room_for_clicks(now=later)
    with CaptureQueriesContext(connection) as captured:
        flag_suspicions(now=later)

    asked = [query["sql"] for query in captured if "JOIN affiliates_click" in query["sql"]]
    assert len(asked) == 2  # own devices, quick ones
    months = {later - timedelta(days=60), later - timedelta(days=30), later}
    for statement in asked:
        plan = ask(f"EXPLAIN (FORMAT JSON) {statement}")
        assert set(re.findall(rf'"Relation Name": "{TABLE}_(\w+)"', str(plan).replace("'", '"'))) == {
            f"{month:%Y_%m}" for month in months
        }


def test_what_a_place_sold_is_looked_for_in_the_months_of_its_clicks(link: TrackingLink, later: datetime) -> None:
    make_room_for_clicks(now=later)
    public_id = record_click(link.pk, kind="visit", visitor="one", occurred_at=later, sub_ids={"sub1": "blog"})
    [purchase] = make_purchases([make_customer(link.affiliate.brand)], affiliate=link.affiliate, link=link)
    touch = {"method": "click", "source": public_id, "at": later.isoformat(), "won": True}
    purchase.attributions.update(method="click", touches=[touch])

    with CaptureQueriesContext(connection) as captured:
        places = link_places(link, k=1)

    assert places == (Place("sub1", "blog", visits=1, purchases=1),)
    assert pieces_asked(captured[-1]["sql"]) == {f"{later:%Y_%m}"}


@pytest.mark.parametrize("public_id", ["", "x" * 22, "_-" + "x" * 22, "zz" + "x" * 22, "ab" + "x" * 30])
def test_an_id_that_tells_no_month_is_looked_for_in_all(link: TrackingLink, public_id: str) -> None:
    Click.objects.create(link=link, public_id=public_id, occurred_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert month_of_click(public_id) is None
    assert Click.objects.named([public_id, click(link, datetime(2026, 3, 1, tzinfo=UTC))]).count() == 2


# --- Old ones go -----------------------------------------------------------------------------------------------------
def test_a_month_goes_whole_and_its_visits_stay_counted(link: TrackingLink, later: datetime) -> None:
    make_room_for_clicks(now=later)
    before, first, second = partitions_of(TABLE)[:3]
    for month in (before.after, first.after):
        click(link, month.replace(day=9), visitor="one")
        click(link, month.replace(day=9), visitor="two")
        click(link, month.replace(day=9), kind=Click.Kind.BOT)
    connection.check_constraints()  # as at the end of each click's own transaction

    gone = [forget_clicks(second.after.replace(day=1)) for _night in range(2)]

    assert gone == [0, 3]  # the piece from before, which is empty, and a month
    assert partitions_of(TABLE)[0] == second
    assert list(VisitCount.objects.values_list("link", "month", "visits")) == [(link.pk, before.after.date(), 2)]
    assert link_traffic(link.affiliate).visits == {link.pk: 4}
    assert link_traffic(link.affiliate, period=f"{before.after:%Y-%m}").visits == {link.pk: 2}


def test_what_is_told_after_its_month_has_gone_goes_too(link: TrackingLink, later: datetime) -> None:
    make_room_for_clicks(now=later)
    first, second = partitions_of(TABLE)[:2]
    assert forget_clicks(first.after) == 0  # it was empty
    late = click(link, first.after - timedelta(days=9), visitor="")
    connection.check_constraints()
    assert piece_of(late) == f"{TABLE}_other"

    assert forget_clicks(first.after) == 1

    assert (strays(TABLE), partitions_of(TABLE)[0]) == (0, second)
    assert VisitCount.objects.get().visits == 1


def test_of_a_piece_with_younger_ones_the_old_go_one_by_one(link: TrackingLink) -> None:
    old = [click(link, datetime(2026, 1, day, 12, tzinfo=UTC)) for day in range(1, 4)]
    young = click(link, datetime(2026, 2, 1, 12, tzinfo=UTC))

    gone = forget_clicks(datetime(2026, 2, 20, tzinfo=UTC))

    assert gone == len(old)
    assert list(Click.objects.values_list("public_id", flat=True)) == [young]
    assert list(VisitCount.objects.values_list("month", "visits")) == [(date(2026, 1, 1), 3)]
    assert forget_clicks(datetime(2026, 2, 20, tzinfo=UTC)) == 0


def test_a_month_of_the_brand_is_counted_in_two_parts(link: TrackingLink) -> None:
    """The last hour of January in UTC is February in Madrid."""
    click(link, datetime(2026, 1, 31, 23, 30, tzinfo=UTC), visitor="at night")
    click(link, datetime(2026, 2, 3, tzinfo=UTC), visitor="by day")
    forget_clicks(datetime(2026, 2, 20, tzinfo=UTC))

    assert link_traffic(link.affiliate, period="2026-02").visits == {link.pk: 2}
    forget_clicks(datetime(2026, 3, 20, tzinfo=UTC))

    assert list(VisitCount.objects.values_list("month", "visits")) == [(date(2026, 2, 1), 2)]


@pytest.mark.django_db(transaction=True)
def test_a_month_stays_where_others_are_busy_and_nothing_is_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affiliates.services.clicks.PATIENCE", "SET LOCAL lock_timeout = '50ms'")
    monkeypatch.setattr(partitions, "PATIENCE", "SET LOCAL lock_timeout = '50ms'")
    click(make_link(make_affiliate(make_brand(), "Ana")), datetime(2026, 1, 1, 12, tzinfo=UTC))
    other = connection.copy()
    with other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute("SELECT count(*) FROM affiliates_click")

        with transaction.atomic():
            gone = forget_clicks(month_after(partitions_of(TABLE)[0].after))

    other.rollback()
    other.close()
    assert gone == 0
    assert (Click.objects.count(), VisitCount.objects.count()) == (1, 0)
