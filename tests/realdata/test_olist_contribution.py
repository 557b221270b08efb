"""Customers, repeat purchases and cohorts of real shops, as worked out here by hand from the same file."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pytest

from affiliates.models import Affiliate
from insights.loyalty import brand_loyalty, own_loyalty
from insights.models import Cohort, Contribution
from insights.services import measure_brand
from intake.services import create_brand
from tests.realdata.test_olist import PURCHASES_MAPPING, olist, rows, run

__all__ = ["olist"]
pytestmark = [pytest.mark.django_db, pytest.mark.realdata]

ZONE = ZoneInfo("America/Sao_Paulo")
LAST_DAY = datetime(2018, 9, 1, tzinfo=UTC)  # in the middle of the story: the last customers have no 90 days yet
Bought = dict[str, list[datetime]]


def standing_purchases(folder, until: datetime) -> dict[str, Bought]:
    """When each customer bought, by affiliate and ("") of all, cancelled orders left out."""
    found: defaultdict[str, defaultdict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for row in rows(folder / "purchases.csv.gz"):
        at = datetime.fromisoformat(row["purchased_at"]).replace(tzinfo=ZONE).astimezone(UTC)
        if row["status"] not in ("canceled", "unavailable"):
            for who in ("", row["affiliate_id"]):
                found[who][row["customer_email"].strip().lower()].append(at)
    return {who: {customer: sorted(times) for customer, times in each.items()} for who, each in found.items()}


def repeat_of(bought: Bought, now: datetime) -> tuple[int, int]:
    """Of whom it can be told by now: who bought again within ninety days, and all."""
    ninety = timedelta(days=90)
    settled = [times for times in bought.values() if times[0] <= now - ninety]
    return sum(any(at - times[0] <= ninety for at in came_back(times)) for times in settled), len(settled)


def came_back(times: list[datetime]) -> list[datetime]:
    """On a later day: what was ordered together comes as several orders of one minute."""
    return [at for at in times if at.astimezone(ZONE).date() > times[0].astimezone(ZONE).date()]


def cohorts_of(bought: Bought) -> Counter[tuple[date, int]]:
    cells: Counter[tuple[date, int]] = Counter()
    for times in bought.values():
        months = {(local.year, local.month) for local in (at.astimezone(ZONE) for at in times)}
        year, month = min(months)
        for later in {12 * (y - year) + m - month for y, m in months}:
            if later <= 12:
                cells[date(year, month, 1), later] += 1
    return cells


def test_customers_repeat_purchases_and_cohorts_agree_with_the_file(olist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    brand = create_brand("olist", name="Olist", country="BR", timezone=str(ZONE), survey_notice_default=True)
    (tmp_path / "purchases.toml").write_text(PURCHASES_MAPPING)
    run("import_purchases", olist / "purchases.csv.gz", "--mapping", tmp_path / "purchases.toml", "--create-affiliates")
    bought = standing_purchases(olist, LAST_DAY)

    measure_brand(brand, now=LAST_DAY)

    staff = {
        row.affiliate.code if row.affiliate else "": row
        for row in Contribution.objects.filter(audience="staff").select_related("affiliate")
        if row.customers
    }
    assert staff.keys() == bought.keys()
    assert {who: row.customers for who, row in staff.items()} == {who: len(each) for who, each in bought.items()}
    assert {who: (row.repeated, row.settled) for who, row in staff.items()} == {
        who: repeat_of(each, LAST_DAY) for who, each in bought.items()
    }
    gaps = {
        who: [(min(back) - times[0]).total_seconds() / 86400 for times in each.values() if (back := came_back(times))]
        for who, each in bought.items()
    }
    for who, row in staff.items():
        assert row.days_to_second == (pytest.approx(median(gaps[who])) if gaps[who] else None), who
    cells: defaultdict[str, dict[tuple[date, int], int]] = defaultdict(dict)
    for cell in Cohort.objects.filter(audience="staff").select_related("affiliate"):
        cells[cell.affiliate.code if cell.affiliate else ""][cell.month, cell.later] = cell.customers
    assert cells == {who: cohorts_of(each) for who, each in bought.items()}

    found = brand_loyalty(brand)
    assert found.repeat.value == repeat_of(bought[""], LAST_DAY)[0] / repeat_of(bought[""], LAST_DAY)[1]
    assert found.customers > 10_000

    # What the largest affiliate is told, and what the many small ones are not.
    largest = max(bought.keys() - {""}, key=lambda who: len(bought[who]))
    told = own_loyalty(Affiliate.objects.get(code=largest))
    assert told.repeat.n > 100
    assert told.repeat.reference == pytest.approx(found.repeat.value, abs=0.01)
    small = [who for who, each in bought.items() if who and len(each) < 5]
    assert len(small) > 500
    assert not Contribution.objects.filter(audience="affiliate", customers__lt=5).exists()
    assert not Cohort.objects.filter(audience="affiliate", customers__lt=5).exists()
