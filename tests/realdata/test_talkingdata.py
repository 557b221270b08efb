"""A real log of clicks and conversions, replayed: each conversion is credited once, to the channel that led to it.

What is expected is worked out here from the file alone, by sorting clicks, without a line of the product.
"""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand
from accounts.services import create_api_key
from affiliates.models import Attribution, Click, Purchase, TrackingLink
from affiliates.services.copying import copy_values
from affiliates.visitors import key_from_shop
from intake.services import create_brand
from tests.factories import make_affiliate, make_link

pytestmark = [pytest.mark.django_db, pytest.mark.realdata]

Model = Brand.AttributionModel


@dataclass(frozen=True)
class Seen:
    """A line of the file. `visitor` is who the log can tell apart: address, device and system, all coded."""

    number: int
    channel: str
    visitor: str
    at: datetime
    converted_at: datetime | None


@pytest.fixture(scope="module")
def log(real_data: Path) -> list[Seen]:
    path = real_data / "talkingdata_clicks" / "clicks.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return list(read(path))


def read(path: Path) -> Iterator[Seen]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            yield Seen(
                number,
                row["affiliate_id"],
                ":".join((row["visitor_ip_code"], row["device_code"], row["os_code"])),
                datetime.fromisoformat(row["clicked_at"]),
                datetime.fromisoformat(row["converted_at"]) if row["converted"] == "1" else None,
            )


def channel_named_by(log: list[Seen], conversion: Seen, model: str) -> str:
    """Of the visitor's clicks until they bought, the last or the first; of two in one second, the one logged first."""
    seen = [s for s in log if s.visitor == conversion.visitor and s.at <= (conversion.converted_at or s.at)]
    by_time = sorted(seen, key=lambda s: (s.at, s.number))
    deciding = by_time[-1].at if model == Model.LAST else by_time[0].at
    return next(s.channel for s in by_time if s.at == deciding)


def post(client: Client, url: str, body: Any) -> Any:
    response = client.post(url, json.dumps(body), content_type="application/json")
    assert response.status_code in (200, 201), response.content
    return response.json()


def replay_clicks(shop: Client, brand: Brand, log: list[Seen]) -> dict[int, str]:
    """Buyers' clicks by the API, in the order of the log; the others are the haystack. Click ids by line."""
    links = {
        channel: make_link(make_affiliate(brand, channel), channel) for channel in sorted({s.channel for s in log})
    }
    buyers = {s.visitor for s in log if s.converted_at}
    copy_crowd(brand, links, [s for s in log if s.visitor not in buyers])
    click_ids = {}
    for s in log:
        if s.visitor in buyers:
            body = {"link": s.channel, "occurred_at": s.at.isoformat(), "visitor": s.visitor}
            click_ids[s.number] = post(shop, "/api/v1/clicks/", body)["click_id"]
    return click_ids


def copy_crowd(brand: Brand, links: dict[str, TrackingLink], crowd: list[Seen]) -> None:
    keys = {visitor: key_from_shop(brand.pk, visitor) for visitor in {s.visitor for s in crowd}}
    rows = [(f"line-{s.number}", links[s.channel].pk, Click.Kind.VISIT, keys[s.visitor], s.at, s.at) for s in crowd]
    copy_values(Click, ["public_id", "link_id", "kind", "visitor", "occurred_at", "created_at"], rows)


def buy(shop: Client, conversions: list[Seen], click_ids: dict[int, str], model: str) -> dict[int, dict[str, Any]]:
    """What the API answers to each conversion, which quotes the click that the log has it at."""
    orders = [
        {
            "external_id": f"{model}-{s.number}",
            "purchased_at": s.converted_at.isoformat() if s.converted_at else None,
            "amount": "1.00",
            "currency": "CNY",
            "customer": {"external_id": f"{model}-{s.number}"},
            "click_id": click_ids[s.number],
        }
        for s in conversions
    ]
    results = post(shop, "/api/v1/purchases/batch/", orders)["results"]
    assert {result["status"] for result in results} == {"created"}
    return {s.number: result["attribution"] for s, result in zip(conversions, results, strict=True)}


def test_every_conversion_is_credited_once_to_the_channel_that_the_log_names(log):
    brand = create_brand("talking", name="Talking", timezone="Asia/Shanghai", allowed_hosts=["talking.example"])
    _key, text = create_api_key(brand, name="tienda")
    shop = Client(headers={"Authorization": f"Bearer {text}"})
    conversions = [s for s in log if s.converted_at]
    expected = {
        model: {s.number: channel_named_by(log, s, model) for s in conversions} for model in (Model.LAST, Model.FIRST)
    }
    click_ids = replay_clicks(shop, brand, log)

    credited = defaultdict(dict)
    for model in (Model.LAST, Model.FIRST):
        Brand.objects.filter(pk=brand.pk).update(attribution_model=model)
        for number, attribution in buy(shop, conversions, click_ids, model).items():
            assert (attribution["method"], attribution["reason"]) == ("click", "click_in_window")
            credited[model][number] = attribution["affiliate"]

    assert (len(log), len(conversions), Click.objects.count()) == (62_658, 72, 62_658)
    assert credited == expected
    assert expected[Model.LAST] != expected[Model.FIRST]  # or the log could not tell one from the other
    assert Attribution.objects.current().filter(affiliate__isnull=False).count() == 2 * 72
    assert Purchase.objects.count() == 2 * 72


def test_a_replayed_conversion_changes_nothing(log):
    brand = create_brand("talking", name="Talking", allowed_hosts=["talking.example"])
    _key, text = create_api_key(brand, name="tienda")
    shop = Client(headers={"Authorization": f"Bearer {text}"})
    conversion = next(s for s in log if s.converted_at)
    click_ids = replay_clicks(shop, brand, [s for s in log if s.visitor == conversion.visitor])
    first = buy(shop, [conversion], click_ids, Model.LAST)
    order = Purchase.objects.get()

    again = post(
        shop,
        "/api/v1/purchases/",
        {
            "external_id": order.external_id,
            "purchased_at": order.purchased_at.isoformat(),
            "amount": "1",
            "currency": "cny",
            "customer": {"external_id": order.external_id},
            "click_id": order.click_ids[0],
        },
    )

    assert (again["duplicate"], again["attribution"]) == (True, first[conversion.number])
    assert (Purchase.objects.count(), Attribution.objects.count()) == (1, 1)
