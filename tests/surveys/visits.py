"""Opening a survey's page and sending it, as a customer does."""

import re
from datetime import datetime
from typing import Any

import time_machine
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from mailing.models import OutgoingMail
from surveys.models import Response
from surveys.services.answering import said_in
from tests.factories import NOW

NONCE = re.compile(r'name="nonce" value="([^"]+)"')


def url_of(mail: OutgoingMail) -> str:
    return reverse("surveys:answer", args=[mail.token])


def thanks_of(mail: OutgoingMail) -> str:
    return reverse("complaints:thanks", args=[mail.token])


def see(mail: OutgoingMail, query: str = "", *, at: datetime = NOW, client: Client | None = None) -> Any:
    with time_machine.travel(at, tick=False):
        return (client or Client()).get(url_of(mail) + query)


def send(
    mail: OutgoingMail,
    *,
    at: datetime = NOW,
    after: float = 20,
    client: Client | None = None,
    query: str = "",
    **data: Any,
) -> Any:
    """Open the page, wait `after` seconds, send the form."""
    client = client or Client()
    with time_machine.travel(at, tick=False) as clock:
        nonce = NONCE.search(client.get(url_of(mail)).content.decode())
        clock.shift(after)
        return client.post(url_of(mail) + query, {"nonce": nonce.group(1) if nonce else "", **data})


def given() -> dict[str, Any]:
    return {key: g.as_json for key, g in said_in(Response.objects.get()).given.items()}


def is_checked(html: str, name: str, value: str) -> bool:
    tags = [tag for tag in re.findall(r"<input[^>]*>", html) if f'name="{name}"' in tag and f'value="{value}"' in tag]
    assert len(tags) == 1, f"{name}={value} is on the page {len(tags)} times"
    return " checked" in tags[0]


def pages_behind(mail: OutgoingMail) -> dict[str, Any]:
    """Every page to which a survey's mail can lead, by what it is; it answers on the way."""
    rated = {"first": see(mail), "rated": see(mail, "?q=2"), "all": see(mail, "?step=all")}
    send(mail, step=1, csat="2")
    steps = {f"step {number}": see(mail, f"?step={number}") for number in range(1, 6)}
    send(mail, step=2, go="finish", nps="9")
    return {
        **rated,
        **steps,
        "thanks": Client().get(thanks_of(mail)),
        "to change": see(mail),
        "wrong": see(mail, "report/"),
        "no more": Client().get(f"/u/{mail.token}/"),
        "closed": see(mail, at=NOW.replace(year=2027)),
    }


def words_of(html: str) -> str:
    return " ".join(strip_tags(re.sub(r"<(style|title)>.*?</\1>", " ", html, flags=re.DOTALL)).split())
