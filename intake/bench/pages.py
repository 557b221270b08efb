"""Requests over HTTP: real web servers of one shape, ours and bare ones, and four clients that keep connections."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

from accounts.models import Brand
from affiliates.services import create_link
from intake.bench.mails import queue_mails
from intake.bench.measuring import Contest, Work
from intake.bench.servers import BARE, FORM, JSON, OURS, Client, serving, visit_all
from intake.bench.world import as_bytes, fresh, key_of_shop, make_brand, purchase_as_json
from mailing.models import OutgoingMail


def singles(size: int) -> Iterator[Contest]:
    brand, requests = make_brand(), max(1, size // 20)
    key, bodies = key_of_shop(brand), list[bytes]()

    def prepare() -> None:
        bodies[:] = [as_bytes(purchase_as_json()) for _request in range(requests)]

    def post_ours(client: Client, body: bytes) -> None:
        client.post("/api/v1/purchases/", body, status=201, kind=JSON, headers=key)

    def post_theirs(client: Client, number: int) -> None:
        body = as_bytes({"brand": brand.pk, "sku": f"bench-{number}", "name": "Bench"})
        client.post("/rows/", body, status=201, kind=JSON)

    with serving(OURS) as ours, serving(BARE) as bare:
        yield Contest(
            "one purchase by API",
            "bare DRF POST of one row",
            0.35,
            0.60,
            lambda: visit_all(ours, post_ours, bodies),
            lambda: visit_all(bare, post_theirs, fresh(requests)),
            prepare=prepare,
        )


def redirects(size: int) -> Iterator[Contest]:
    brand, requests = make_brand(), max(1, size // 5)
    [number] = fresh(1)
    link = create_link(brand.affiliates.all()[0], "https://bench.example/", code=f"bench{number}")

    def follow(port: int, path: str) -> Work:
        return lambda: visit_all(port, lambda client, _time: client.get(path, status=302), range(requests))

    with serving(OURS) as ours, serving(BARE) as bare:
        yield Contest(
            "redirect of a tracking link, click stored",
            "bare Django view",
            0.40,
            0.60,
            follow(ours, f"/r/{link.code}"),
            follow(bare, "/lead-on/"),
        )


def surveys(size: int) -> Iterator[Contest]:
    brand, requests = make_brand(), max(1, size // 40)
    tokens: list[str] = []

    def prepare() -> None:
        tokens[:] = survey_tokens(brand, requests)

    def insert(client: Client, number: int) -> None:
        client.get("/show/", status=200)
        fields = urlencode({"brand": brand.pk, "sku": f"bench-{number}"})
        client.post("/insert/", fields.encode(), status=303, kind=FORM)

    with serving(OURS) as ours, serving(BARE) as bare:
        yield Contest(
            "full answer, GET and POST",
            "bare template and one insert",
            0.35,
            0.60,
            lambda: visit_all(ours, answer, tokens),
            lambda: visit_all(bare, insert, fresh(requests)),
            prepare=prepare,
        )


def answer(client: Client, token: str) -> None:
    page = client.get(f"/s/{token}/?q=5", status=200).body
    nonce = re.search(rb'name="nonce" value="([^"]*)"', page)
    fields = {"nonce": nonce[1] if nonce else b"", "csat": "5", "nps": "9", "keep_text": "Todo bien."}
    client.post(f"/s/{token}/", urlencode(fields).encode(), status=303, kind=FORM)


def survey_tokens(brand: Brand, number: int) -> list[str]:
    """Of so many new mails."""
    known = OutgoingMail.objects.filter(brand=brand).order_by("-pk").values_list("pk", flat=True).first() or 0
    queue_mails(brand, number)
    return [mail.token for mail in OutgoingMail.objects.filter(brand=brand, pk__gt=known)]
