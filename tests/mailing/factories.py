"""Mail for tests: one request, with what a test is not about filled in."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import Brand
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail

_numbers = itertools.count(1)


def make_request(brand: Brand, **fields: Any) -> MailRequest:
    """A survey mail that is due now."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "template": "tests/hello",
        "to": f"carla{number}@correo.example",
        "language": "es",
        "dedupe_key": f"hello:{number}",
        "context": {"name": "Carla"},
        "guarantee": OutgoingMail.Guarantee.AT_MOST_ONCE,
        "scopes": ("surveys", f"purchase:{number}"),
        "not_before": datetime.now(UTC) - timedelta(minutes=1),
    }
    return MailRequest(brand=brand, **{**defaults, **fields})


def make_answer_request(brand: Brand, **fields: Any) -> MailRequest:
    """A mail that answers a customer: no scopes, and it has to arrive."""
    return make_request(brand, **{"scopes": (), "guarantee": OutgoingMail.Guarantee.AT_LEAST_ONCE, **fields})


def make_mail(brand: Brand, **fields: Any) -> OutgoingMail:
    return queue_mail(make_request(brand, **fields))
