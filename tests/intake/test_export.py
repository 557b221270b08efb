import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Brand
from affiliates.models import Purchase
from complaints.models import Complaint
from complaints.services import Problem, open_complaint
from intake.exports import AffiliateRow
from intake.services import create_brand
from surveys.models import Response
from surveys.services.importing import ImportedResponse, import_responses
from tests.factories import NOW, make_affiliate, make_customer, make_purchase

pytestmark = pytest.mark.django_db

HEADER = (
    "affiliate,purchases,customers,amount_total,currency,delivered,answers,csat_mean,csat_1,csat_2,csat_3,csat_4,"
    "csat_5,nps,comments,complaints,repeat_customers"
)


@pytest.fixture
def brand() -> Brand:
    return create_brand("lumbre", name="Lumbre")


def export(*args: str) -> list[str]:
    """The lines of the file, without the quotes that stand around every cell."""
    out = StringIO()
    call_command("export_affiliates", "--brand", "lumbre", *args, stdout=out)
    assert all(line.startswith('"') and line.endswith('"') for line in out.getvalue().splitlines())
    return [",".join(cells) for cells in csv.reader(StringIO(out.getvalue()))]


def answer(purchase: Purchase, csat: int | None, nps: int | None = None, comment: str = "", days: int = 1) -> None:
    row = ImportedResponse(
        f"R-{purchase.external_id}",
        purchase.external_id,
        answered_at=NOW - timedelta(days=days),
        csat=csat,
        nps=nps,
        comment=comment,
    )
    [result] = import_responses(purchase.brand, [row], now=NOW)
    assert result.status == "created"


def test_each_affiliate_has_a_row_a_currency(brand):
    ana, bruno = make_affiliate(brand, "Ana"), make_affiliate(brand, "Bruno")
    make_affiliate(brand, "Nora")
    carla, luis = make_customer(brand, "Carla"), make_customer(brand, "Luis")
    first = make_purchase(carla, affiliate=ana, amount=Decimal("10.00"))
    second = make_purchase(carla, affiliate=ana, amount=Decimal("20.50"))
    make_purchase(luis, affiliate=ana, amount=Decimal("5.00"), currency="USD", delivered_at=None)
    rivals = make_purchase(luis, affiliate=bruno, amount=Decimal("7.00"))
    make_purchase(luis, amount=Decimal("99.00"))
    answer(first, 5, 10, comment="Bien")
    answer(second, 2, 3)
    answer(rivals, None, 9)
    open_complaint(brand, Problem(Complaint.Kind.COMPLAINT, "Roto"), purchase=second, now=NOW)

    assert export() == [
        HEADER,
        "ana,2,1,30.50,EUR,2,2,3.5000,0,1,0,0,1,0,1,1,1",
        "ana,1,1,5.00,USD,0,0,,0,0,0,0,0,,0,0,0",
        "bruno,1,1,7.00,EUR,1,1,,0,0,0,0,0,100,0,0,0",
        "nora,0,0,0.00,,0,0,,0,0,0,0,0,,0,0,0",
    ]


def test_a_period_takes_purchases_by_purchase_and_answers_by_answer(brand):
    ana = make_affiliate(brand, "Ana")
    # Half past eleven in the evening of 31 January in Madrid, and half an hour after midnight of 1 February.
    january = make_purchase(make_customer(brand), affiliate=ana, purchased_at=datetime(2026, 1, 31, 22, 30, tzinfo=UTC))
    make_purchase(make_customer(brand), affiliate=ana, purchased_at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    answer(january, 4, days=20)  # on 18 February

    assert export("--period", "2026-01")[1] == "ana,1,1,49.90,EUR,1,0,,0,0,0,0,0,,0,0,0"
    assert export("--period", "2026-02")[1] == "ana,1,1,49.90,EUR,1,1,4.0000,0,0,0,1,0,,0,0,0"
    assert export("--period", "2026-Q1")[1] == "ana,2,2,99.80,EUR,2,1,4.0000,0,0,0,1,0,,0,0,0"
    assert export("--period", "2025")[1] == "ana,0,0,0.00,,0,0,,0,0,0,0,0,,0,0,0"


def test_suspect_answers_and_returned_purchases_do_not_count_as_success(brand):
    ana, carla = make_affiliate(brand, "Ana"), make_customer(brand)
    answer(make_purchase(carla, affiliate=ana), 5)
    make_purchase(carla, affiliate=ana, state="refunded")
    Response.objects.update(is_suspect=True)

    assert export()[1] == "ana,2,1,99.80,EUR,2,0,,0,0,0,0,0,,0,0,0"


def test_another_brand_and_a_wrong_period_give_nothing(brand):
    olga = create_brand("ceniza", name="Ceniza")
    make_purchase(make_customer(olga), affiliate=make_affiliate(olga, "Ana"))

    assert export() == [HEADER]
    with pytest.raises(CommandError, match="2026-Q1"):
        export("--period", "spring")


def test_a_code_is_no_formula(brand):
    make_affiliate(brand, "Ana", code="=1+1")

    assert export()[1].startswith("'=1+1,0,")


@pytest.mark.parametrize(
    ("nps", "shown"), [({}, ""), ({10: 1, 8: 1}, "50"), ({0: 1, 10: 2, 8: 5}, "13"), ({0: 2, 10: 1, 8: 5}, "-13")]
)
def test_nps_is_whole_with_halves_away_from_zero(nps, shown):
    assert AffiliateRow(nps=nps).nps_shown == shown
