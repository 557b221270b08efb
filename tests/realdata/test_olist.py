"""Real orders and answers, faults and all, go in and come out as worked out by others.

Read from the folder that POSTVENTA_TEST_DATA names: the data may be used for tests but is no part of the project.
"""

import csv
import gzip
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from affiliates.models import Purchase
from intake.services import create_brand
from mailing.models import OutgoingMail
from surveys.models import Invitation, Response

pytestmark = [pytest.mark.django_db, pytest.mark.realdata]

PURCHASES_MAPPING = """
external_id = "purchase_id"
affiliate = "affiliate_id"
email = "customer_email"
sku = "product_id"
category = "product_category"
promised_on = "estimated_delivery_on"
state = "status"

[values.state]
delivered = "open"
shipped = "open"
invoiced = "open"
processing = "open"
approved = "open"
canceled = "cancelled"
unavailable = "cancelled"
"""
FEEDBACK_MAPPING = """
external_id = "feedback_id"
purchase = "purchase_id"
csat = "score"
comment = "comment_text"
title = "comment_title"
"""
AS_EXPECTED = {
    "purchases": "purchases",
    "customers": "customers",
    "amount_total": "amount_total",
    "delivered": "delivered",
    "answers": "purchases_answered",
}
# Of two answers to one purchase the later counts with us, and both in what is expected.
BUT_FOR_SECOND_ANSWERS = {
    "csat_mean": "score_mean",
    "comments": "comments",
    **{f"csat_{n}": f"score_{n}" for n in range(1, 6)},
}
LONGEST = 120  # seconds, for either file


@pytest.fixture
def olist(real_data: Path) -> Path:
    folder = real_data / "olist"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def run(*args: object) -> str:
    out = StringIO()
    call_command(*map(str, args), "--brand", "olist", stdout=out, stderr=StringIO())
    return out.getvalue()


def import_both(folder: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "purchases.toml").write_text(PURCHASES_MAPPING)
    (tmp_path / "feedback.toml").write_text(FEEDBACK_MAPPING)
    purchases = run(
        "import_purchases", folder / "purchases.csv.gz", "--mapping", tmp_path / "purchases.toml", "--create-affiliates"
    )
    return [
        purchases,
        run("import_feedback", folder / "feedback.csv.gz", "--mapping", tmp_path / "feedback.toml"),
    ]


def answered_twice(folder: Path) -> set[str]:
    """Affiliates with a purchase that has two answers."""
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(folder / "feedback.csv.gz"):
        answers[row["affiliate_id"]][row["purchase_id"]] += 1
    return {affiliate for affiliate, counts in answers.items() if max(counts.values()) > 1}


def test_real_orders_and_answers_come_out_as_they_went_in(olist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    create_brand("olist", name="Olist", country="BR", timezone="America/Sao_Paulo", survey_notice_default=True)

    started = time.monotonic()
    first = import_both(olist, tmp_path)
    seconds = time.monotonic() - started
    second = import_both(olist, tmp_path)

    assert first == [
        "12510 imported, 0 updated, 0 duplicate, 0 rejected\n",
        "12408 imported, 54 updated, 0 duplicate, 0 rejected\n",
    ]
    assert second == [
        "0 imported, 0 updated, 12510 duplicate, 0 rejected\n",
        "0 imported, 0 updated, 12462 duplicate, 0 rejected\n",
    ]
    assert seconds < 2 * LONGEST
    assert (Purchase.objects.count(), Response.objects.count()) == (12_510, 12_408)
    assert not OutgoingMail.objects.exists()
    assert not Invitation.objects.filter(state__in=["planned", "held"]).exists()

    exported = {row["affiliate"]: row for row in csv.DictReader(StringIO(run("export_affiliates")))}
    expected = {row["affiliate_id"]: row for row in rows(olist / "expected_per_affiliate.csv.gz")}
    twice = answered_twice(olist)

    assert len(twice) == 38
    assert exported.keys() == expected.keys()
    for ours, theirs in AS_EXPECTED.items():
        assert {a: row[ours] for a, row in exported.items()} == {a: row[theirs] for a, row in expected.items()}, ours
    for ours, theirs in BUT_FOR_SECOND_ANSWERS.items():
        got = {affiliate: row[ours] for affiliate, row in exported.items() if affiliate not in twice}
        assert got == {affiliate: row[theirs] for affiliate, row in expected.items() if affiliate not in twice}, ours
    assert {row["currency"] for row in exported.values()} == {"BRL"}
