"""What moves the score of real customers comes out by itself, as worked out here by hand from the same files."""

import re
from collections import defaultdict
from statistics import mean

import pytest
from scipy.stats import ttest_ind

from insights.circumstances import read_effects
from insights.models import Circumstance, TellingWord
from insights.services import measure_brand, rebuild_rollups
from intake.services import create_brand
from tests.factories import NOW
from tests.realdata.pages import walk_the_portal
from tests.realdata.test_olist import import_both, olist, rows

__all__ = ["olist"]
pytestmark = [pytest.mark.django_db, pytest.mark.realdata]


def last_scores(folder) -> dict[str, int]:
    """Of two answers to one purchase the later counts."""
    feedback = sorted(rows(folder / "feedback.csv.gz"), key=lambda row: row["answered_at"])
    return {row["purchase_id"]: int(row["score"]) for row in feedback}


def scores_by_lateness(folder) -> tuple[dict[bool, list[int]], dict[bool, set[str]]]:
    """Scores, and customers, of what was delivered later than promised and of what was not."""
    scores, given, customers = last_scores(folder), defaultdict(list), defaultdict(set)
    for row in rows(folder / "purchases.csv.gz"):
        if row["delivered_at"]:
            is_late = row["delivered_at"][:10] > row["estimated_delivery_on"]
            customers[is_late].add(row["customer_email"])
            if row["purchase_id"] in scores:
                given[is_late].append(scores[row["purchase_id"]])
    return given, customers


def share_saying(folder, words: str, scores: set[int]) -> float:
    """Of the comments with these scores."""
    said = [
        re.search(words, row["comment_text"], re.IGNORECASE)
        for row in rows(folder / "feedback.csv.gz")
        if row["comment_text"] and int(row["score"]) in scores
    ]
    return sum(map(bool, said)) / len(said)


def test_late_deliveries_and_orders_not_received_come_out_by_themselves(olist, tmp_path, monkeypatch, client):
    monkeypatch.chdir(tmp_path)
    brand = create_brand("olist", name="Olist", country="BR", timezone="America/Sao_Paulo", survey_notice_default=True)
    import_both(olist, tmp_path)
    rebuild_rollups(brand, now=NOW)
    given, customers = scores_by_lateness(olist)
    between = ttest_ind(given[True], given[False], equal_var=False).confidence_interval()

    measure_brand(brand, now=NOW)

    effects = read_effects(Circumstance.objects.filter(brand=brand).cells(Circumstance.Audience.STAFF))
    first = effects[0]
    assert (first.kind, first.code, first.is_demonstrated) == ("late", "late", True)
    assert (first.having.answers, first.without.answers) == (len(given[True]), len(given[False])) == (765, 11_288)
    assert first.difference == pytest.approx(mean(given[True]) - mean(given[False]))
    assert first.interval == pytest.approx(tuple(between))
    assert first.having.satisfied == sum(score >= 4 for score in given[True])
    assert first.customers == len(customers[True])
    assert first.touched == pytest.approx(len(customers[True]) / len(customers[True] | customers[False]))
    assert -2.2 < first.difference < -1.9

    unhappy = TellingWord.objects.filter(brand=brand, side=TellingWord.Side.UNHAPPY, theme="entrega")
    forms = [word.form for word in unhappy]
    assert forms[:3] == ["não recebi", "não chegou", "não foi entregue"]
    assert "atraso" in forms
    for words in (r"n[aã]o recebi\b", r"\batras[oa]s?\b"):
        assert share_saying(olist, words, {1, 2}) > 2.5 * share_saying(olist, words, {4, 5})

    walk_the_portal(client, brand)
