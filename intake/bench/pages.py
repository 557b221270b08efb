"""Requests over HTTP: real web servers of one shape, ours and bare ones, and four clients that keep connections."""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

from accounts.clock import database_now
from accounts.models import Brand
from affiliates.services import create_link
from intake.bench.mails import queue_mails
from intake.bench.measuring import Contest, Skipped, Work
from intake.bench.peers import PeerMissing, peer_site, python_of
from intake.bench.servers import BARE, FORM, JSON, OURS, Client, serving, visit_all
from intake.bench.world import as_bytes, fresh, key_of_shop, make_brand, purchase_as_json
from mailing.models import OutgoingMail

PEER = "django-survey-and-report"
ANSWER = "full answer, GET and POST"


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


def surveys(size: int) -> Iterator[Contest | Skipped]:
    brand, requests = make_brand(), max(1, size // 40)
    tokens: list[str] = []

    def prepare() -> None:
        tokens[:] = survey_tokens(brand, requests)

    def answer_bare(client: Client, number: int) -> None:
        client.get(f"/survey/{number}/", status=200)
        fields = urlencode({"brand": brand.pk, "sku": f"bench-{number}"})
        client.post("/insert/", fields.encode(), status=303, kind=FORM)

    with serving(OURS) as ours:
        with serving(BARE) as bare:
            prepare()
            check_same_page(ours, f"/s/{tokens[0]}/?step=all", bare, "/survey/0/")
            yield Contest(
                ANSWER,
                "the same template bare, and one insert",
                0.35,
                0.60,
                lambda: visit_all(ours, answer, tokens),
                lambda: visit_all(bare, answer_bare, fresh(requests)),
                prepare=prepare,
            )
        try:
            python = python_of(PEER)
        except PeerMissing as missing:
            yield Skipped(f"{ANSWER}, against {PEER}", str(missing))
            return
        with peer_site(python, "peer_survey") as (theirs, path):
            yield Contest(
                ANSWER,
                PEER,
                4,
                8,
                lambda: visit_all(ours, answer, tokens),
                lambda: visit_all(theirs, answer_peer, [path] * requests),
                prepare=prepare,
            )


def answer(client: Client, token: str) -> None:
    """All questions on one page, as the peer shows them."""
    page = client.get(f"/s/{token}/?step=all", status=200).body
    [nonce] = re.findall(rb'name="nonce" value="([^"]*)"', page)
    fields = {"nonce": nonce, "csat": "5", "nps": "9", "keep_text": "Todo bien."}
    client.post(f"/s/{token}/", urlencode(fields).encode(), status=303, kind=FORM)


def check_same_page(ours: int, our_path: str, bare: int, bare_path: str) -> None:
    """Both sides must ask as much: RuntimeError where the bare page has more or fewer inputs than ours."""
    pages = [Client(port).get(path, status=200).body for port, path in ((ours, our_path), (bare, bare_path))]
    inputs = [sorted(re.findall(rb'<(?:input|textarea)[^>]* name="([^"]*)"', page)) for page in pages]
    if inputs[0] != inputs[1]:
        raise RuntimeError(f"The bare page is not ours: {inputs[1]} instead of {inputs[0]}.")


def answer_peer(client: Client, path: str) -> None:
    page = client.get(path, status=200)
    [cookie] = re.findall(rb"csrftoken=[^;]+", page.headers)
    [token] = re.findall(rb'name="csrfmiddlewaretoken" value="([^"]*)"', page.body)[:1]
    names = re.findall(rb'name="(question_[0-9]+)"', page.body)
    overall, recommend, *_others = dict.fromkeys(names)
    words = re.findall(rb'<textarea[^>]*name="(question_[0-9]+)"', page.body)
    fields = {b"csrfmiddlewaretoken": token, overall: b"5", recommend: b"9", words[0]: b"Todo bien."}
    client.post(path, urlencode(fields).encode(), status=302, kind=FORM, headers=f"Cookie: {cookie.decode()}\r\n")


def survey_tokens(brand: Brand, number: int) -> list[str]:
    """Of so many new mails, sent a while ago."""
    known = OutgoingMail.objects.filter(brand=brand).order_by("-pk").values_list("pk", flat=True).first() or 0
    queue_mails(brand, number)
    mails, sent_at = OutgoingMail.objects.filter(brand=brand, pk__gt=known), database_now() - timedelta(hours=1)
    mails.update(state=OutgoingMail.State.SENT, handed_over_at=sent_at, sent_at=sent_at)
    return [mail.token for mail in mails]
