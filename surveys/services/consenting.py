"""Keeps which words somebody agreed to: what the box says may be worded otherwise tomorrow."""

from datetime import datetime
from hashlib import sha256

from django.db import transaction

from surveys.models import ConsentWording, GivenConsent, Response


@transaction.atomic
def keep_consent(response: Response, *, wording: str, now: datetime) -> None:
    """They agree to `wording`, as it stood beside the box, in place of what they had agreed to. Empty: no more."""
    GivenConsent.objects.standing().filter(response=response).update(withdrawn_at=now)
    if not wording:
        return
    told = {"language": response.language, "text": wording, "first_agreed_at": now}
    version, _created = ConsentWording.objects.get_or_create(
        brand=response.brand, digest=sha256(wording.encode()).digest(), defaults=told
    )
    GivenConsent.objects.create(response=response, wording=version, agreed_at=now)
