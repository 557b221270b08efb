"""How a brand's cases go: the page and the file, for its staff alone."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from accounts.models import AccessLog, Brand
from complaints.models import Complaint, Remedy
from complaints.selectors.reporting import CaseReport, Group, Kept, RemedyCount, Times
from complaints.services import resolve_complaint
from dashboards.pages import write_cases
from tests import factories
from tests.complaints.factories import make_complaint

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
EMPTY = CaseReport(
    opened=0,
    resolved=0,
    reopened=0,
    answered=Times(0, None, None),
    solved=Times(0, None, None),
    promises={name: Kept(0, 0, 0) for name in ("answer", "solution", "law")},
    ages=[(1, 0), (0, 0)],
    groups={name: [] for name in ("kind", "part", "cause", "product", "affiliate")},
    remedies=[],
)


def test_figures_are_said_in_sentences():
    report = CaseReport(
        opened=40,
        resolved=30,
        reopened=1,
        answered=Times(38, 3 * HOUR, 50 * HOUR),
        solved=Times(30, 30 * HOUR, 200 * HOUR),
        promises={"answer": Kept(30, 8, 2), "solution": Kept(0, 0, 0), "law": Kept(12, 0, 4)},
        ages=[(1, 3), (0, 7)],
        groups=EMPTY.groups | {"cause": [Group("late", 20, 20, 30 * HOUR, 4), Group("", 20, 10, None, 4)]},
        remedies=[RemedyCount("refund", "EUR", 3, 2, Decimal("29.90"))],
    )

    with override("en"):
        page = write_cases(report)

    assert page.headline == "40 cases were opened, 30 of them are resolved."
    assert page.said == [
        "Half of the customers had a first answer within 3 h, nine of ten within 2 days.",
        "Half of the cases were solved within 1 day, nine of ten within 8 days.",
        "1 was opened again.",
    ]
    assert [(row.label, row.share, row.missed) for row in page.promises] == [
        ("First answer", "79%", 8),
        ("Term of the law", "100%", 0),
    ]
    assert page.age_rows == [("up to 1 day", 3), ("older", 7)]
    [table] = page.tables
    assert [(row.name, row.n, row.share, row.median, row.late) for row in table.rows] == [
        ("It came late", 20, "50%", "1 day", 4),
        ("not known", 20, "50%", "—", 4),
    ]
    assert [(row.name, row.done, row.cost) for row in page.remedies] == [("Refund", 2, "29.90 EUR")]
    assert "It came late" in page.causes


def test_no_cases_are_said_to_be_none():
    with override("en"):
        page = write_cases(EMPTY)

    assert (page.headline, page.said, page.promises, page.tables) == ("No case was opened in this time.", [], [], [])
    assert (page.ages, page.causes) == ("", "")


# --- The page and the file -----------------------------------------------------------------------------------------
@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


@pytest.fixture
def sofia(brand):
    return factories.make_staff(brand)


@pytest.fixture
def case(brand, sofia) -> Complaint:
    ana = factories.make_affiliate(brand, "Ana", code="=ana")
    customer = factories.make_customer(brand, "Carla Ruiz", "carla@correo.example")
    product = factories.make_product(brand, "botas")
    purchase = factories.make_purchase(customer, affiliate=ana, product=product)
    case = make_complaint(purchase, now=factories.NOW)
    Remedy.objects.create(complaint=case, kind="apology", state="offered", created_at=factories.NOW)
    resolve_complaint(case, resolution="Hecho", cause="late", by=sofia, now=factories.NOW + HOUR)
    return case


def open_page(user, name: str, brand: Brand, query: str = "?days=36500"):
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client.get(reverse(f"dashboards:{name}", args=[brand.slug]) + query)


def test_staff_read_how_their_cases_go(brand, sofia, case):
    html = open_page(sofia, "cases_of_brand", brand).content.decode()

    assert "1 case was opened" in html
    assert "It came late" in html
    assert "Apology" in html
    assert "Carla" not in html


def test_each_case_is_a_row_that_no_spreadsheet_runs(brand, sofia, case):
    response = open_page(sofia, "cases_of_brand_export", brand)
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]

    head, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    given = dict(zip(head, row, strict=True))
    assert (given["number"], given["cause"], given["product"], given["affiliate"]) == (
        case.number,
        "late",
        "botas",
        "'=ana",
    )
    assert given["opened"] == "2026-03-10T12:00:00+00:00"
    assert "Carla" not in text
    assert "carla@" not in text
    assert AccessLog.objects.filter(user=sofia, purpose="export", object_type="complaint").count() == 1


@pytest.mark.parametrize("name", ["cases_of_brand", "cases_of_brand_export"])
def test_nobody_else_gets_either(brand, sofia, case, name):
    olga = factories.make_staff(factories.make_brand("otra"), "Olga")
    bruno = factories.make_member(factories.make_affiliate(brand, "Bruno"))

    assert open_page(olga, name, brand).status_code == 404
    assert open_page(bruno, name, brand).status_code == 404
    assert open_page(sofia, name, brand, "?days=7").status_code == 404
