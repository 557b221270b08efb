"""Cases opened by customers and shops, and found by staff, over HTTP; beside django-helpdesk."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Brand, User
from accounts.paging import PAGE_SIZE
from intake.bench.measuring import Contest, Skipped
from intake.bench.pages import survey_tokens
from intake.bench.peers import PeerMissing, peer_site, python_of
from intake.bench.servers import FORM, JSON, OURS, Client, serving, visit_all
from intake.bench.world import as_bytes, fresh, key_of_shop, make_brand

PEER = "django-helpdesk"
LOOKS = 40  # of each kind in a round
TEXT = "La cafetera llegó con la tapa rota y nadie contesta desde el lunes."


def cases(brand: Brand, staff: User, words: Sequence[str], *, count: int, size: int) -> Iterator[Contest | Skipped]:
    """Of a brand with so many cases, whose staff this is; made of these words, as are the peer's."""
    try:
        python = python_of(PEER)
    except PeerMissing as missing:
        yield Skipped(f"cases opened and found, against {PEER}", str(missing))
        return
    with serving(OURS) as ours, peer_site(python, "peer_desk", str(count), *words) as (theirs, told):
        desk = json.loads(told)
        yield from opened(size, ours, theirs, queue=desk["queue"], key=desk["key"])
        yield from found(words, ours, theirs, count=count, our_session=session_of(staff), session=desk["session"])


def opened(size: int, ours: int, theirs: int, *, queue: str, key: str) -> Iterator[Contest]:
    """By customers on a page, and by a program. Theirs are not written to; the mail of ours is in the ledger."""
    brand, requests = make_brand(), max(1, size // 100)
    our_key, tokens = key_of_shop(brand), list[str]()

    def prepare() -> None:
        tokens[:] = survey_tokens(brand, requests)

    def report(client: Client, token: str) -> None:
        client.get(f"/s/{token}/report/", status=200)
        fields = urlencode({"kind": "complaint", "text": TEXT})
        client.post(f"/s/{token}/report/", fields.encode(), status=303, kind=FORM)

    def report_theirs(client: Client, number: int) -> None:
        page = client.get("/tickets/submit/", status=200)
        [cookie] = re.findall(rb"csrftoken=[^;]+", page.headers)
        token = re.findall(rb'name="csrfmiddlewaretoken" value="([^"]*)"', page.body)[0]
        fields = {"csrfmiddlewaretoken": token, "queue": queue, "title": TEXT, "body": TEXT, "priority": "3"}
        body = urlencode(fields | {"submitter_email": address(number)}).encode()
        client.post("/tickets/submit/", body, status=302, kind=FORM, headers=f"Cookie: {cookie.decode()}\r\n")

    def post(client: Client, number: int) -> None:
        case = {"email": address(number), "kind": "complaint", "subject": TEXT, "text": TEXT}
        client.post("/api/v1/complaints/", as_bytes(case), status=201, kind=JSON, headers=our_key)

    def post_theirs(client: Client, number: int) -> None:
        ticket = {"queue": queue, "title": TEXT, "description": TEXT, "priority": 3}
        ticket["submitter_email"] = address(number)
        client.post("/api/tickets/", as_bytes(ticket), status=201, kind=JSON, headers=key)

    yield Contest(
        "a case opened on a page, GET and POST",
        PEER,
        1.2,
        3,
        lambda: visit_all(ours, report, tokens),
        lambda: visit_all(theirs, report_theirs, fresh(requests)),
        prepare=prepare,
    )
    yield Contest(
        "a case opened by API",
        PEER,
        1.2,
        3,
        lambda: visit_all(ours, post, fresh(requests)),
        lambda: visit_all(theirs, post_theirs, fresh(requests)),
    )


def found(
    words: Sequence[str], ours: int, theirs: int, *, count: int, our_session: str, session: str
) -> Iterator[Contest]:
    """What staff look at first, and what a word finds. The peer's page is empty until its script asks for the rows."""
    inbox = reverse("admin:complaints_complaint_changelist")
    searches = [random.Random(LOOKS).choice(words) for _look in range(LOOKS)]  # noqa: S311 (no secret)

    def look(client: Client, query: str) -> None:
        client.get(f"{inbox}{query}", status=200, headers=our_session)

    def look_at_theirs(client: Client, query: str) -> None:
        page = client.get(f"/tickets/{query}", status=200, headers=session)
        [rows] = set(re.findall(rb'"(/datatables_ticket_list/[^"]+)"', page.body))
        as_many = urlencode({"start": 0, "length": PAGE_SIZE})
        client.get(f"{rows.decode()}?{as_many}", status=200, headers=session, timed_as="its rows")

    for what, queries in {
        "the open ones": [""] * LOOKS,
        "those with a word": [f"?{urlencode({'q': word})}" for word in searches],
    }.items():
        yield Contest(
            f"{what} among {count:,} cases, as a page",
            PEER,
            4,
            8,
            lambda queries=queries: visit_all(ours, look, queries),  # type: ignore[misc]
            lambda queries=queries: visit_all(theirs, look_at_theirs, queries),  # type: ignore[misc]
        )


def session_of(user: User) -> str:
    """The header that their browser sends."""
    browser = Browser()
    browser.force_login(user)
    return f"Cookie: {settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}\r\n"


def address(number: int) -> str:
    return f"cliente{number}@cliente{number}.example"
