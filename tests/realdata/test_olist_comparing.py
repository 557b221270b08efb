"""What fell in the spring of 2018 at real shops comes out as an alert, and figures equal those worked out by hand."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from math import sqrt

import pytest
from scipy.stats import binomtest, norm
from statsmodels.stats.multitest import multipletests

from insights.models import Alert, BrandFigure, ShownCount
from insights.overview import compare_affiliates
from insights.services import rebuild_rollups
from insights.services.alerting import raise_alerts
from insights.services.reckoning import reckon_figures
from intake.services import create_brand
from tests.factories import NOW
from tests.realdata.test_olist import import_both, olist, rows

__all__ = ["olist"]
pytestmark = [pytest.mark.django_db, pytest.mark.realdata]
Cell = tuple[int, int]


def last_answers(folder) -> list[dict[str, str]]:
    """Of two answers to one purchase the later counts."""
    feedback = sorted(rows(folder / "feedback.csv.gz"), key=lambda row: row["answered_at"])
    return list({row["purchase_id"]: row for row in feedback}.values())


def published(before: date) -> dict[int | None, tuple[Cell, Cell]]:
    """Satisfied and all by affiliate: before the last three months, and in them."""
    since = date(before.year, before.month - 2, 1)
    cells: defaultdict[int | None, list[list[int]]] = defaultdict(lambda: [[0, 0], [0, 0]])
    for row in ShownCount.objects.filter(link=None, question="csat").exclude(value=""):
        side = cells[row.affiliate_id][row.month >= since]
        side[0] += row.count if row.value in "45" else 0
        side[1] += row.count
    return {affiliate: (tuple(early), tuple(late)) for affiliate, (early, late) in cells.items()}  # type: ignore[misc]


def p_value(early: Cell, late: Cell) -> float:
    """The N-1 test, by hand."""
    (x1, n1), (x2, n2) = early, late
    pooled, n = (x1 + x2) / (n1 + n2), n1 + n2
    z = (x2 / n2 - x1 / n1) * sqrt((n - 1) / n) / sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return float(2 * norm.sf(abs(z)))


def test_the_fall_of_spring_2018_is_found_and_nothing_that_chance_explains(olist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    brand = create_brand("olist", name="Olist", country="BR", timezone="America/Sao_Paulo", survey_notice_default=True)
    import_both(olist, tmp_path)
    rebuild_rollups(brand, now=NOW)

    # --- The funnel: each affiliate beside the programme ---
    field = compare_affiliates(brand)
    assert field is not None
    scores = defaultdict[str, list[int]](list)
    for row in last_answers(olist):
        scores[row["affiliate_id"]].append(int(row["score"]))
    for each in field.affiliates:
        # What has been published lacks fewer than a block of five.
        assert 0 <= len(scores[each.code]) - each.n < brand.k
        assert 0 <= sum(score >= 4 for score in scores[each.code]) - each.satisfied < brand.k
    satisfied, n = (sum(getattr(each, name) for each in field.affiliates) for name in ("satisfied", "n"))
    assert field.reference == satisfied / n
    if field.widening is None:
        for each in field.affiliates:
            p = binomtest(each.satisfied, each.n, field.reference).pvalue
            assert each.verdict == (None if each.n < 20 else each.verdict)
            assert (each.verdict in (None, "as_expected")) == (each.n < 20 or p >= 0.05)

    # --- The brand's own figures of 90 days ---
    night = datetime(2018, 9, 1, 6, tzinfo=UTC)
    reckon_figures(brand, now=night)
    first, last = date(2018, 9, 1) - timedelta(days=89), date(2018, 9, 1)
    recent = [
        int(r["score"]) for r in last_answers(olist) if first <= date.fromisoformat(r["answered_at"][:10]) <= last
    ]
    csat = BrandFigure.objects.get(brand=brand, figure="csat")
    assert (csat.n, csat.value) == (len(recent), sum(score >= 4 for score in recent) / len(recent))

    # --- Alerts, as of the first of April 2018 ---
    ShownCount.objects.filter(month__gte="2018-04-01").delete()
    spring = datetime(2018, 4, 1, 6, tzinfo=UTC)
    raise_alerts(brand, now=spring)
    # Of all that is read out of the words, delivery is what fell.
    assert set(Alert.objects.values_list("key", flat=True)) == {"csat", "entrega"}

    # Satisfaction by itself, against the same worked out by hand and by statsmodels.
    Alert.objects.all().delete()
    ShownCount.objects.filter(question__in=("keep", "improve")).delete()
    raise_alerts(brand, now=spring)
    cells = {a: sides for a, sides in published(date(2018, 4, 1)).items() if min(sides[0][1], sides[1][1]) >= 20}
    adjusted = dict(zip(cells, multipletests([p_value(*s) for s in cells.values()], method="fdr_bh")[1], strict=True))
    fallen = {
        affiliate
        for affiliate, ((x1, n1), (x2, n2)) in cells.items()
        if adjusted[affiliate] < 0.10 and x2 / n2 - x1 / n1 <= -0.05
    }
    assert set(Alert.objects.values_list("affiliate", flat=True)) == fallen
    programme = Alert.objects.get(affiliate=None)
    months = Counter(row["answered_at"][:7] for row in last_answers(olist))
    assert programme.n_now == pytest.approx(months["2018-02"] + months["2018-03"], rel=0.02)
    assert (round(programme.before, 2), round(programme.now, 2)) == (0.77, 0.72)
