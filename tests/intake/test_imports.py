import csv
import gzip
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation
from pytest_django.fixtures import Settings

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Purchase
from complaints.models import Complaint
from complaints.services import open_cases_for_bad_answers
from intake.models import ImportRun
from intake.services import create_brand
from mailing.models import OutgoingMail
from surveys.models import Answer, Invitation, Response, ResponseRevision
from tests.factories import NOW, make_affiliate, make_customer, make_purchase

pytestmark = pytest.mark.django_db

HEADER = ["external_id", "purchased_at", "amount", "currency", "email"]
FEEDBACK_HEADER = ["external_id", "purchase", "sent_at", "answered_at", "csat", "comment"]


@pytest.fixture
def brand() -> Brand:
    return create_brand("lumbre", name="Lumbre", survey_notice_default=True)


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(command: str, *args: object) -> list[str]:
    """The lines on standard output."""
    out = StringIO()
    call_command(command, *map(str, args), "--brand", "lumbre", stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()


def write(rows: list[list[str]], *, name: str = "file.csv", header: list[str] = HEADER) -> Path:
    path = Path(name)
    with gzip.open(path, "wt", newline="") if name.endswith(".gz") else path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path.absolute()


def rows_of(count: int, *, start: int = 1) -> list[list[str]]:
    return [
        [f"P{n}", "2026-01-05T10:00:00", "49.90", "EUR", f"cliente{n}@correo.example"]
        for n in range(start, start + count)
    ]


def write_mapping(name: str, **columns: str) -> None:
    Path(name).write_text("".join(f'{ours} = "{theirs}"\n' for ours, theirs in columns.items()))


def refused(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# --- Purchases -------------------------------------------------------------------------------------------------------
def test_purchases_come_in_and_a_second_time_change_nothing(brand):
    path = write(rows_of(3))

    first, second = run("import_purchases", path), run("import_purchases", path)

    assert first == ["3 imported, 0 updated, 0 duplicate, 0 rejected"]
    assert second == ["0 imported, 0 updated, 3 duplicate, 0 rejected"]
    assert sorted(Purchase.objects.values_list("external_id", "amount")) == [
        (f"P{n}", Decimal("49.90")) for n in (1, 2, 3)
    ]
    assert not Path("file.csv.rejected.csv").exists()
    runs = ImportRun.objects.filter(finished_at__isnull=False)
    assert sorted(runs.values_list("file_name", "rows_done", "imported", "duplicate")) == [
        ("file.csv", 3, 0, 3),
        ("file.csv", 3, 3, 0),
    ]


def test_all_columns_of_ours_are_taken(brand):
    make_affiliate(brand, "Ana")
    told = {
        "external_id": "P1",
        "purchased_at": "2026-01-05T10:00:00",
        "delivered_at": "2026-01-07 09:30:00",
        "activated_at": "2026-01-07T10:00:00Z",
        "promised_on": "2026-01-08",
        "amount": "49.9",
        "currency": "eur",
        "state": "open",
        "affiliate": "ana",
        "coupon": "ana10",
        "click_id": "abc",
        "email": "Carla@Correo.example",
        "customer_id": "C7",
        "customer_name": "Carla Ruiz",
        "language": "pt-BR",
        "timezone": "Atlantic/Canary",
        "survey_notice": "no",
        "sku": "SAR-26",
        "product_name": "Sartén",
        "category": "Menaje",
        "kind": "goods",
    }
    path = write([list(told.values())], header=list(told))

    assert run("import_purchases", path) == ["1 imported, 0 updated, 0 duplicate, 0 rejected"]

    purchase = Purchase.objects.select_related("customer", "product").get()
    assert purchase.purchased_at == datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    assert purchase.delivered_at == datetime(2026, 1, 7, 8, 30, tzinfo=UTC)
    assert purchase.activated_at == datetime(2026, 1, 7, 10, 0, tzinfo=UTC)
    assert (purchase.promised_on, purchase.amount, purchase.currency) == (date(2026, 1, 8), Decimal("49.90"), "EUR")
    assert (purchase.coupon_code, purchase.click_ids, purchase.declared_affiliate) == ("ana10", ["abc"], "ana")
    customer = purchase.customer
    assert (customer.email, customer.external_id, customer.name) == ("carla@correo.example", "C7", "Carla Ruiz")
    assert (customer.language, customer.timezone, customer.survey_notice) == ("pt-BR", "Atlantic/Canary", False)
    assert purchase.product is not None
    assert (purchase.product.name, purchase.product.category) == ("Sartén", "Menaje")
    assert Attribution.objects.get().affiliate == Affiliate.objects.get()


def test_history_is_not_asked(brand):
    path = write([["P1", "2024-01-05T10:00", "2024-01-07T10:00", "a@correo.example"]],
                 header=["external_id", "purchased_at", "delivered_at", "email"])  # fmt: skip

    run("import_purchases", path)

    assert set(Invitation.objects.values_list("state", "reason")) == {("cancelled", "too_old")}
    assert not OutgoingMail.objects.exists()


def test_an_amount_may_be_empty(brand):
    path = write([["P1", "2026-01-05T10:00:00", "", "EUR", ""]])

    assert run("import_purchases", path) == ["1 imported, 0 updated, 0 duplicate, 0 rejected"]
    assert Purchase.objects.get().amount is None


def test_a_file_that_learnt_of_deliveries_updates(brand):
    run("import_purchases", write(rows_of(2)))
    told = [[*row, "2026-01-07T10:00:00"] for row in rows_of(2)]

    assert run("import_purchases", write(told, header=[*HEADER, "delivered_at"])) == [
        "0 imported, 2 updated, 0 duplicate, 0 rejected"
    ]


def test_affiliates_are_created_only_when_asked(brand):
    path = write([["P1", "2026-01-05T10:00:00", "nueva"]], header=["external_id", "purchased_at", "affiliate"])

    run("import_purchases", path)
    assert list(Attribution.objects.values_list("affiliate__code", "reason")) == [(None, "unknown_code")]

    path = write([["P2", "2026-01-05T10:00:00", "otra"]], header=["external_id", "purchased_at", "affiliate"])
    run("import_purchases", path, "--create-affiliates")
    assert Attribution.objects.get(purchase__external_id="P2").affiliate == Affiliate.objects.get(code="otra")


# --- What a file can be ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["file.csv", "file.csv.gz"])
def test_plain_and_compressed_files_are_read(brand, name):
    assert run("import_purchases", write(rows_of(2), name=name)) == ["2 imported, 0 updated, 0 duplicate, 0 rejected"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_shows_the_delimiter_and_a_byte_order_mark_is_no_letter(brand, delimiter):
    text = f"\ufeffexternal_id{delimiter}purchased_at\r\nP1{delimiter}2026-01-05T10:00:00\r\n\r\n"
    Path("file.csv").write_text(text, encoding="utf-8", newline="")

    assert run("import_purchases", "file.csv") == ["1 imported, 0 updated, 0 duplicate, 0 rejected"]
    assert Purchase.objects.get().external_id == "P1"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        ("external_id,purchased_at\nPañal,2026-01-05".encode("latin-1"), "not UTF-8"),
        ("external_id,purchased_at\n".encode("utf-16"), "UTF-16"),
        (b"id,purchased_at\nP1,2026-01-05", r"lacks columns .*external_id"),
        (b"external_id,external_id,purchased_at\nP1,P1,2026-01-05", "more than one column"),
        (b'external_id,purchased_at\n"P1,2026-01-05', "not proper CSV"),
        (gzip.compress(b"external_id,purchased_at\nP1,2026-01-05\n" * 500, mtime=0)[:-40], "broken off"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(brand, content, complaint):
    Path("file.csv").write_bytes(content)

    with translation.override("en"), pytest.raises(CommandError, match=complaint):
        run("import_purchases", "file.csv")

    assert not Purchase.objects.exists()


def test_a_file_that_is_not_there_or_a_brand_that_is_not_are_said(brand):
    with pytest.raises(CommandError, match=r"nowhere\.csv"):
        run("import_purchases", "nowhere.csv")
    with pytest.raises(CommandError, match="ceniza"):
        call_command("import_purchases", "file.csv", "--brand", "ceniza")


# --- Their words -----------------------------------------------------------------------------------------------------
def test_a_mapping_translates_columns_and_words(brand):
    Path("mapping.toml").write_text(
        'external_id = "Pedido"\npurchased_at = "Fecha"\nstate = "Estado"\namount = "Importe"\nemail = ""\n'
        '[values.state]\n"Anulado" = "cancelled"\n"Enviado" = "open"\n[values.currency]\n"" = "EUR"\n'
    )
    path = write(
        [["P1", "2026-01-05", "Anulado", "10", "no es un correo"], ["P2", "2026-01-05", "Enviado", "11", ""]],
        header=["Pedido", "Fecha", "Estado", "Importe", "email"],
    )

    assert run("import_purchases", path, "--mapping", "mapping.toml") == [
        "2 imported, 0 updated, 0 duplicate, 0 rejected"
    ]
    assert sorted(Purchase.objects.values_list("external_id", "state", "currency", "customer__email")) == [
        ("P1", "cancelled", "EUR", None),
        ("P2", "open", "EUR", None),
    ]


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ('external = "Pedido"', "perhaps “external_id”"),
        ("external_id = 3", "name of a column"),
        ('external_id = "Nada"', "does not have: Nada"),
        ('external_id = "external_id"\nsku = "external_id"', "stands for two"),
        ('[values.estado]\nx = "open"', "no column “estado”"),
        ("[values.state]\nx = 1", "should have lines"),
        ("values = 1", "should be tables"),
        ("external_id = ", "is not TOML"),
    ],
)
def test_a_mapping_that_does_not_fit_says_why(brand, mapping, complaint):
    Path("mapping.toml").write_text(mapping)

    with translation.override("en"), pytest.raises(CommandError, match=complaint):
        run("import_purchases", write(rows_of(1)), "--mapping", "mapping.toml")

    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("written", "options", "expected"),
    [
        ("2026-01-05T10:00:00", [], datetime(2026, 1, 5, 9, 0, tzinfo=UTC)),
        ("2026-01-05T10:00:00", ["--timezone", "America/Sao_Paulo"], datetime(2026, 1, 5, 13, 0, tzinfo=UTC)),
        ("2026-01-05T10:00:00+05:00", [], datetime(2026, 1, 5, 5, 0, tzinfo=UTC)),
        # The hour that the clocks skip: as by the clock before the change.
        ("2025-03-30T02:30:00", [], datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
        # The hour that comes twice: the first.
        ("2025-10-26T02:30:00", [], datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
    ],
)
def test_times_without_zone_are_the_brands_or_the_one_named(brand, written, options, expected):
    path = write([["P1", written]], header=["external_id", "purchased_at"])

    run("import_purchases", path, *options)
    again = run("import_purchases", path, *options)

    assert Purchase.objects.get().purchased_at == expected
    assert again == ["0 imported, 0 updated, 1 duplicate, 0 rejected"]


def test_an_unknown_time_zone_is_refused(brand):
    with pytest.raises(CommandError, match="Europe/Atlantis"):
        run("import_purchases", write(rows_of(1)), "--timezone", "Europe/Atlantis")


# --- Refused rows ----------------------------------------------------------------------------------------------------
REFUSALS = {
    "required": {"external_id": ""},
    "max_length": {"external_id": "P" * 121},
    "invalid_time": {"purchased_at": "yesterday"},
    "in_the_future": {"purchased_at": "2099-01-01T00:00:00"},
    "invalid_date": {"promised_on": "2026-02-30"},
    "invalid_amount": {"amount": "-5"},
    "max_decimal_places": {"amount": "5.123"},
    "unknown_currency": {"currency": "XXX"},
    "invalid_choice": {"state": "shipped"},
    "invalid_email": {"email": "carla@"},
    "invalid_language": {"language": "español"},
    "invalid_timezone": {"timezone": "Europe/Atlantis"},
    "invalid_bool": {"survey_notice": "perhaps"},
    "customer_mismatch": {"customer_id": "C1", "email": "bea@correo.example"},
    "differs": {"external_id": "known"},
}
GOOD = {
    "external_id": "P1",
    "purchased_at": "2026-01-05T10:00:00",
    "promised_on": "",
    "amount": "49.90",
    "currency": "EUR",
    "state": "",
    "email": "carla@correo.example",
    "customer_id": "",
    "language": "es",
    "timezone": "",
    "survey_notice": "",
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_row_that_is_wrong_is_refused_with_its_reason_and_stops_no_other(brand, code):
    make_customer(brand, "Carla", email="cara@correo.example", external_id="C1")
    make_customer(brand, "Bea", email="bea@correo.example", external_id="C2")
    make_purchase(make_customer(brand), external_id="known", amount=Decimal("1.00"))
    bad, good = {**GOOD, **REFUSALS[code]}, {**GOOD, "external_id": "P2"}
    path = write([list(bad.values()), list(good.values())], header=list(GOOD))

    assert run("import_purchases", path) == ["1 imported, 0 updated, 0 duplicate, 1 rejected"]

    [row] = refused(Path("file.csv.rejected.csv"))
    assert f"[{code}]" in row.pop("reasons")
    assert row.pop("row") == "1"
    assert {name: cell.lstrip("'") for name, cell in row.items()} == bad
    assert set(Purchase.objects.values_list("external_id", flat=True)) == {"known", "P2"}


def test_a_row_of_another_length_is_refused(brand):
    path = write([["P1", "2026-01-05"], ["P2", "2026-01-05", "1", "EUR", "", "more"]])

    assert run("import_purchases", path) == ["0 imported, 0 updated, 0 duplicate, 2 rejected"]


def test_refused_rows_are_harmless_in_a_spreadsheet(brand):
    path = write([["=HYPERLINK(1)", "never", "-5", "EUR", "  @sum"]])

    run("import_purchases", path)

    [row] = refused(Path("file.csv.rejected.csv"))
    assert [row[name] for name in HEADER] == ["'=HYPERLINK(1)", "never", "'-5", "EUR", "'  @sum"]


def test_the_refused_can_be_mended_and_imported_again(brand):
    run("import_purchases", write([["P1", "never", "5", "EUR", ""]]))
    mended = Path("file.csv.rejected.csv").read_text().replace("never", "2026-01-05T10:00:00")
    Path("mended.csv").write_text(mended)

    assert run("import_purchases", "mended.csv") == ["1 imported, 0 updated, 0 duplicate, 0 rejected"]


def test_refused_rows_go_to_the_current_folder_where_the_files_is_read_only(brand, tmp_path):
    write([["P1", "never", "5", "EUR", ""]])
    source, here = tmp_path / "source", tmp_path / "here"
    source.mkdir()
    here.mkdir()
    (tmp_path / "file.csv").rename(source / "file.csv")
    # A folder of the file's name stands in the way, for root too: nobody can write a file there.
    (source / "file.csv.rejected.csv").mkdir()
    os.chdir(here)

    run("import_purchases", source / "file.csv")

    assert [row["external_id"] for row in refused(here / "file.csv.rejected.csv")] == ["P1"]


def test_strict_ends_badly_where_rows_were_refused_but_keeps_the_others(brand):
    path = write([["P1", "never", "5", "EUR", ""], *rows_of(1, start=2)])

    with pytest.raises(CommandError, match="refused"):
        run("import_purchases", path, "--strict")

    assert Purchase.objects.get().external_id == "P2"
    assert run("import_purchases", write(rows_of(1, start=2)), "--strict")


def test_a_dry_run_counts_the_same_and_stores_nothing(brand, settings):
    settings.PURCHASE_BATCH_SIZE = 2
    # The same purchase in two batches: only who remembers the first knows the second.
    rows = [*rows_of(3), ["P1", "never", "5", "EUR", ""], *rows_of(1)]
    path = write(rows)

    tried = run("import_purchases", path, "--dry-run", "--create-affiliates")

    assert tried == ["3 imported, 0 updated, 1 duplicate, 1 rejected"]
    assert not Purchase.objects.exists()
    assert not ImportRun.objects.exists()
    assert not Path("file.csv.rejected.csv").exists()
    assert run("import_purchases", path, "--create-affiliates") == tried


# --- Interruptions and size ------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.integration
def test_an_import_that_was_killed_goes_on_where_it_stopped(brand: Brand, settings: Settings):
    rows = rows_of(6000)
    for n in range(0, 6000, 500):
        rows[n][1] = "never"
    path = write(rows)
    command = [sys.executable, "manage.py", "import_purchases", str(path), "--brand", "lumbre"]
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environment = {**os.environ, "DATABASE_URL": urlunsplit(address), "SECRET_KEY": settings.SECRET_KEY}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment)
    deadline = time.monotonic() + 60
    while not ImportRun.objects.filter(rows_done__gte=1000).exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped_at = ImportRun.objects.get().rows_done

    out = run("import_purchases", path)

    assert 0 < stopped_at < 6000
    assert out == ["5988 imported, 0 updated, 0 duplicate, 12 rejected"]
    assert Purchase.objects.count() == 5988
    assert [row["row"] for row in refused(Path("file.csv.rejected.csv"))] == [str(n) for n in range(1, 6001, 500)]
    only = ImportRun.objects.get()
    assert (only.rows_done, only.imported, only.rejected, only.finished_at is not None) == (6000, 5988, 12, True)


def test_memory_does_not_grow_with_the_file(brand, settings):
    settings.PURCHASE_BATCH_SIZE = 50
    small, large = write(rows_of(100), name="small.csv"), write(rows_of(1000, start=201), name="large.csv")
    run("import_purchases", write(rows_of(60, start=9000), name="first.csv"))  # what is loaded once

    peaks = []
    for path in (small, large):
        tracemalloc.start()
        run("import_purchases", path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.5 * peaks[0]


# --- Answers of another tool -----------------------------------------------------------------------------------------
@pytest.fixture
def purchases(brand):
    customer = make_customer(brand)
    return [make_purchase(customer, external_id=f"P{n}") for n in (1, 2)]


def test_answers_come_in_once_and_the_later_one_counts(purchases):
    rows = [
        ["F1", "P1", "2026-01-08", "2026-01-09T10:00:00", "2", "Llegó tarde."],
        ["F2", "P1", "", "2026-01-12T10:00:00", "4.0", "Ya está arreglado."],
        ["F3", "P2", "", "2026-01-09T10:00:00", "5", ""],
    ]
    path = write(rows, header=FEEDBACK_HEADER)

    first, second = run("import_feedback", path), run("import_feedback", path)

    assert first == ["2 imported, 1 updated, 0 duplicate, 0 rejected"]
    assert second == ["0 imported, 0 updated, 3 duplicate, 0 rejected"]
    scores = Answer.objects.filter(question__key="csat").values_list("response__external_id", "number")
    assert sorted(scores) == [("F2", 4), ("F3", 5)]
    assert ResponseRevision.objects.get().external_id == "F1"
    assert not OutgoingMail.objects.exists()


DELIGHTED = """Person ID,Name,Email,Survey type,Score,Comment,Permalink,Created at,Order
1,Carla,CARLA@correo.example,nps,9,"Muy bien, gracias",https://nps.example/r/a1,2026-01-09 10:00:00 UTC,P1
1,Carla,carla@correo.example,nps,2,,https://nps.example/r/a2,2026-01-20 10:00:00 UTC,P2
2,Nadie,nadie@correo.example,nps,7,,https://nps.example/r/a3,2026-01-20 10:00:00 UTC,P9
"""
RETENTLY = """First name;Email;Score;Feedback;Responded
Carla;carla@correo.example;10;Perfecto;2026-01-04T23:30:00.000Z
Carla;carla@correo.example;3;Tardó;1768212000
Nadie;nadie@correo.example;3;Tardó;2026-01-12T10:00:00Z
"""


def test_an_nps_export_that_names_orders_comes_in_by_a_mapping(purchases):
    path = Path("delighted.csv")
    path.write_text(DELIGHTED)
    mapping = {"external_id": "Permalink", "purchase": "Order", "answered_at": "Created at"}
    write_mapping("delighted.toml", **mapping, nps="Score", comment="Comment")

    lines = run("import_feedback", path, "--mapping", "delighted.toml")

    assert lines == ["2 imported, 0 updated, 0 duplicate, 1 rejected"]
    said = Answer.objects.values_list("response__invitation__purchase__external_id", "question__key", "number", "text")
    assert sorted(said) == [
        ("P1", "comment", None, "Muy bien, gracias"),
        ("P1", "nps", 9, ""),
        ("P2", "nps", 2, ""),
    ]
    assert Response.objects.get(external_id="https://nps.example/r/a1").answered_at == datetime(
        2026, 1, 9, 10, tzinfo=UTC
    )


def test_an_nps_export_that_knows_only_addresses_finds_the_last_purchase_before_each_answer(brand):
    carla = make_customer(brand, email="carla@correo.example")
    make_purchase(carla, external_id="P1", purchased_at=datetime(2026, 1, 2, tzinfo=UTC))
    make_purchase(carla, external_id="P2", purchased_at=datetime(2026, 1, 5, tzinfo=UTC))
    make_purchase(carla, external_id="P3", purchased_at=datetime(2026, 2, 5, tzinfo=UTC))
    path = Path("retently.csv")
    path.write_text(RETENTLY)
    write_mapping("retently.toml", email="Email", answered_at="Responded", nps="Score", comment="Feedback")

    first = run("import_feedback", path, "--mapping", "retently.toml")
    Path("again.csv").write_text(RETENTLY)
    again = run("import_feedback", Path("again.csv"), "--mapping", "retently.toml")

    assert first == ["2 imported, 0 updated, 0 duplicate, 1 rejected"]
    assert again == ["0 imported, 0 updated, 2 duplicate, 1 rejected"]
    said = Answer.objects.filter(question__key="nps")
    assert sorted(said.values_list("response__invitation__purchase__external_id", "number")) == [("P1", 10), ("P2", 3)]
    assert "[unknown]" in refused(Path("retently.csv.rejected.csv"))[0]["reasons"]


@pytest.mark.parametrize(
    ("options", "quotable", "cases"), [([], False, 0), (["--quotable"], True, 0), (["--open-complaints"], False, 1)]
)
def test_words_are_for_staff_and_nothing_opens_unless_asked(purchases, options, quotable, cases):
    path = write([["F1", "P1", "", "2026-03-09T10:00:00", "1", "Roto."]], header=FEEDBACK_HEADER)

    run("import_feedback", path, *options)
    open_cases_for_bad_answers(now=NOW)

    assert Response.objects.get().is_quotable is quotable
    assert Complaint.objects.count() == cases


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"external_id": ""}, "required"),
        ({"purchase": "P9"}, "unknown"),
        ({"purchase": ""}, "required"),
        ({"answered_at": "soon"}, "invalid_time"),
        ({"answered_at": "2099-01-01T00:00:00"}, "in_the_future"),
        ({"csat": "6"}, "out_of_range"),
        ({"csat": "good"}, "invalid_number"),
        ({"csat": "", "comment": ""}, "empty"),
        ({"comment": "x" * 10_001}, "max_length"),
    ],
)
def test_an_answer_that_is_wrong_is_refused_with_its_reason(purchases, change, code):
    good = dict(zip(FEEDBACK_HEADER, ["F1", "P1", "", "2026-01-09T10:00:00", "5", "Bien"], strict=True))
    path = write([list({**good, **change}.values())], header=FEEDBACK_HEADER)

    assert run("import_feedback", path) == ["0 imported, 0 updated, 0 duplicate, 1 rejected"]
    assert f"[{code}]" in refused(Path("file.csv.rejected.csv"))[0]["reasons"]
    assert not Response.objects.exists()


# --- Cases of another tool -------------------------------------------------------------------------------------------
def test_cases_come_in_once_and_are_resolved_by_a_later_file(purchases):
    header = ["external_id", "purchase", "subject", "kind", "opened_at", "resolved_at"]
    rows = [
        ["T1", "P1", "Se ha roto", "warranty", "2026-01-09T10:00:00", "2026-01-11T10:00:00"],
        ["T2", "P2", "No llega", "", "2026-01-09T10:00:00", ""],
        ["T3", "P2", "Sigue sin llegar", "", "2026-01-10T10:00:00", ""],
    ]
    path = write(rows, header=header)

    first, second = run("import_complaints", path), run("import_complaints", path)
    rows[1][5] = "2026-01-20T10:00:00"
    third = run("import_complaints", write(rows[:2], header=header))

    assert first == ["2 imported, 0 updated, 0 duplicate, 1 rejected"]
    assert second == ["0 imported, 0 updated, 2 duplicate, 1 rejected"]
    assert third == ["0 imported, 1 updated, 1 duplicate, 0 rejected"]
    assert sorted(Complaint.objects.values_list("external_id", "kind", "state", "resolved_at")) == [
        ("T1", "warranty", "resolved", datetime(2026, 1, 11, 9, 0, tzinfo=UTC)),
        ("T2", "complaint", "resolved", datetime(2026, 1, 20, 9, 0, tzinfo=UTC)),
    ]
    assert not OutgoingMail.objects.exists()
