"""Opening a survey's page and sending it, as a customer does."""

import re
from datetime import datetime
from typing import Any

import time_machine
from django.test import Client
from django.urls import reverse

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
