"""All answers as a file: every question a column, nothing that a spreadsheet runs, and who took it is recorded."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AccessLog, Brand
from surveys.choosing import Suspects, Wanted
from surveys.models import Invitation, Response, Wave
from surveys.services import exporting
from surveys.services.answering import submit_response
from surveys.services.editing import begin_draft, publish_draft, store_questions
from surveys.services.exporting import csv_of_responses
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import ASKED_AT, make_invitation, said, send_mail

pytestmark = pytest.mark.django_db
EXPORT = reverse("admin:surveys_response_export")


@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


def answer(brand: Brand, order: str, *, suspicions: Any = (), at: datetime = NOW, **fields: Any) -> Response:
    given = {key: fields.pop(key) for key in list(fields) if key not in ("affiliate", "product")}
    purchase = factories.make_purchase(
        factories.make_customer(brand), **({"external_id": order} if order else {}), **fields
    )
    invitation = make_invitation(purchase)
    send_mail(invitation)
    return submit_response(invitation, said(**given), language="es", suspicions=list(suspicions), now=at)


def rows(wanted: Wanted) -> list[dict[str, str]]:
    text = "".join(csv_of_responses(wanted))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def orders(wanted: Wanted) -> list[str]:
    return [row["purchase"] for row in rows(wanted)]


def test_a_row_says_all_that_one_customer_answered(brand: Brand) -> None:
    ana, boots = factories.make_affiliate(brand, "Ana"), factories.make_product(brand)
    response = answer(
        brand,
        "P-1",
        affiliate=ana,
        product=boots,
        csat=2,
        promise=-2,
        keep=["entrega", "precio"],
        missing="no",
        improve_text="Tardó; y «mucho»\nde verdad",
    )

    [row] = rows(Wanted(brand))

    assert {key: value for key, value in row.items() if value} == {
        "response": str(response.pk),
        "wave": "first",
        "version": "1",
        "source": "web",
        "language": "es",
        "purchase": "P-1",
        "product": "botas",
        "affiliate": "ana",
        "asked_at": ASKED_AT.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "answered_at": "2026-03-10T12:00:00Z",
        "changed_at": "2026-03-10T12:00:00Z",
        "suspect": "no",
        "follow_up": "medium",
        "hides_comment": "no",
        "publishes": "no",
        "quotable": "yes",
        "csat": "2",
        "promise": "-2",
        "keep": "entrega | precio",
        "missing": "no",
        "improve_text": "Tardó; y «mucho»\nde verdad",
    }


@pytest.mark.parametrize("words", ["=1+1", "+34", "-2", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_no_spreadsheet_runs_what_a_customer_wrote(brand: Brand, words: str) -> None:
    answer(brand, f"{words.strip()}x", csat=5, keep_text=words)

    [row] = rows(Wanted(brand))

    assert row["keep_text"] == f"'{words}"
    assert row["purchase"].startswith("'")


def test_questions_of_all_versions_have_a_column_each_once(brand: Brand) -> None:
    answer(brand, "P-1", csat=5, nps=9)
    draft = begin_draft(brand, Wave.FIRST)
    store_questions(draft, [q for q in draft.questions.order_by("position") if q.key != "nps"], edits=0)
    publish_draft(draft, now=NOW)
    later = factories.make_purchase(factories.make_customer(brand), external_id="P-2")
    submit_response(make_invitation(later, survey=draft), said(csat=4), language="es", suspicions=[], now=NOW)

    found = rows(Wanted(brand))

    assert [(row["purchase"], row["version"], row["csat"], row["nps"]) for row in found] == [
        ("P-1", "1", "5", "9"),
        ("P-2", "2", "4", ""),
    ]
    header = "".join(csv_of_responses(Wanted(brand))).splitlines()[0].split(",")
    assert len(header) == len(set(header))


def test_what_is_wanted_is_chosen(brand: Brand) -> None:
    ana, bruno = (factories.make_affiliate(brand, name) for name in ("Ana", "Bruno"))
    boots, tent = (factories.make_product(brand, sku) for sku in ("botas", "tienda"))
    answer(brand, "P-1", affiliate=ana, product=boots, csat=5, at=NOW - timedelta(days=2))
    answer(brand, "P-2", affiliate=bruno, product=tent, csat=5, at=NOW)
    answer(brand, "P-3", affiliate=ana, product=tent, suspicions=["scanner"], csat=1, at=NOW)
    answer(factories.make_brand("otra"), "P-9", csat=5)

    assert orders(Wanted(brand)) == ["P-1", "P-2", "P-3"]
    assert orders(Wanted(brand, affiliate="ana")) == ["P-1", "P-3"]
    assert orders(Wanted(brand, affiliate="ana", suspects=Suspects.NONE)) == ["P-1"]
    assert orders(Wanted(brand, product="tienda")) == ["P-2", "P-3"]
    assert orders(Wanted(brand, start=NOW)) == ["P-2", "P-3"]
    assert orders(Wanted(brand, end=NOW)) == ["P-1"]
    assert orders(Wanted(brand, wave=Wave.FOLLOW_UP)) == []


def test_any_number_of_answers_is_paged_by_a_constant_number_of_statements(
    brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        answer(brand, f"P-{n}", csat=5, keep=["entrega"], keep_text="bien")

    def statements(page: int) -> int:
        monkeypatch.setattr(exporting, "PAGE", page)
        with CaptureQueriesContext(connection) as captured:
            assert orders(Wanted(brand)) == [f"P-{n}" for n in range(5)]
        return len(captured)

    assert statements(1000) == 1 + 4 + 1  # the questions, one page, and the look for another
    assert statements(2) == 1 + 3 * 4 + 1


# --- The admin -------------------------------------------------------------------------------------------------------
@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(factories.make_staff(brand))
    return client


def test_staff_export_from_the_list_and_that_is_recorded(desk: Client, brand: Brand) -> None:
    late = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # already the 11th in Madrid
    answer(brand, "P-1", csat=5)
    answer(brand, "P-2", csat=5, at=late)
    assert EXPORT in desk.get(reverse("admin:surveys_response_changelist")).text
    assert desk.get(EXPORT).status_code == 200
    assert list(AccessLog.objects.values_list("purpose", "object_type", "rows")) == [("list", "response", 2)]

    day = {"brand": brand.pk, "first": "2026-03-10", "last": "2026-03-10"}
    response = desk.post(EXPORT, day)

    assert response.streaming
    assert response.headers["Content-Disposition"] == 'attachment; filename="lumbre-answers.csv"'
    found = csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline=""))
    assert [row["purchase"] for row in found] == ["P-1"]
    exports = AccessLog.objects.exclude(purpose=AccessLog.Purpose.LIST)
    assert list(exports.values_list("purpose", "object_type")) == [("export", "response")]


def test_what_does_not_exist_is_said_and_nothing_exported(desk: Client, brand: Brand) -> None:
    typed = {"brand": brand.pk, "affiliate": "nadie", "product": "nada", "first": "2026-03-02", "last": "2026-03-01"}

    page = desk.post(EXPORT, typed)

    assert sorted(page.context["form"].errors) == ["affiliate", "last", "product"]
    assert not AccessLog.objects.exists()


def test_another_brands_answers_cannot_be_asked_for(client: Client, brand: Brand) -> None:
    answer(brand, "P-1", csat=5)
    client.force_login(factories.make_staff(factories.make_brand("otra"), "Olga"))

    page = client.post(EXPORT, {"brand": brand.pk})

    assert list(page.context["form"].errors) == ["brand"]
    assert not AccessLog.objects.exists()


# --- The command -----------------------------------------------------------------------------------------------------
def test_the_command_writes_the_file_and_nothing_else(brand: Brand, capsys: pytest.CaptureFixture[str]) -> None:
    answer(brand, "P-1", csat=5)
    answer(brand, "P-2", csat=1, suspicions=["scanner"])

    call_command("export_feedback", brand="lumbre", period="2026-03", no_suspects=True)

    written = csv.DictReader(io.StringIO(capsys.readouterr().out.removeprefix("\ufeff"), newline=""))
    assert [row["purchase"] for row in written] == ["P-1"]


@pytest.mark.parametrize("options", [{"brand": "nadie"}, {"brand": "lumbre", "period": "ayer"}])
def test_the_command_says_what_is_wrong(brand: Brand, options: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("export_feedback", **options)


def test_who_was_asked_elsewhere_has_that_date(brand: Brand) -> None:
    response = answer(brand, "P-1", csat=5)
    Invitation.objects.filter(pk=response.invitation_id).update(sent_elsewhere_at=NOW - timedelta(days=9))

    assert rows(Wanted(brand))[0]["asked_at"] == "2026-03-01T12:00:00Z"
