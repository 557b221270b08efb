"""`Idempotency-Key`: whoever repeats a request gets the first answer again, and nothing is done twice."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiError
from accounts.authentication import key_of
from intake.models import IdempotencyKey

KEPT = timedelta(days=30)
MAX_LENGTH = 255


def answer_once(request: Request, work: Callable[[], Response], *, now: datetime) -> Response:
    """The answer of `work`, or the one that the same key got before.

    Key and work share a transaction: of two at once the second waits for the first, and a refusal, which changes
    nothing, leaves the key free for a corrected request.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return work()
    if not 0 < len(key) <= MAX_LENGTH or not key.isprintable():
        message = _("An Idempotency-Key has 1 to %(limit)d printable characters.") % {"limit": MAX_LENGTH}
        raise ApiError(status.HTTP_400_BAD_REQUEST, "invalid_idempotency_key", message)
    with transaction.atomic():
        row, is_new = _claim(request, key, now=now)
        if not is_new:
            return _replay(row, request)
        response = work()
        row.status = response.status_code
        row.body = json.loads(JSONRenderer().render(response.data))
        row.save(update_fields=["status", "body"])
        return response


def forget_old_keys(*, now: datetime) -> int:
    """Delete the answers that nobody gets again; how many."""
    deleted, _by_model = IdempotencyKey.objects.filter(created_at__lt=now - KEPT).delete()
    return deleted


def _claim(request: Request, key: str, *, now: datetime) -> tuple[IdempotencyKey, bool]:
    """Insert first: the unique constraint makes simultaneous requests wait for each other."""
    api_key = key_of(request)
    IdempotencyKey.objects.filter(brand=api_key.brand, key=key, created_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                brand=api_key.brand, api_key=api_key, key=key, request_hash=_digest(request), status=0, body={}
            )
    except IntegrityError:
        return IdempotencyKey.objects.get(brand=api_key.brand, key=key), False
    return row, True


def _replay(row: IdempotencyKey, request: Request) -> Response:
    if bytes(row.request_hash) != _digest(request):
        message = _("This Idempotency-Key was used for another request.")
        raise ApiError(status.HTTP_409_CONFLICT, "idempotency_key_reused", message)
    return Response(row.body, status=row.status, headers={"Idempotent-Replayed": "true"})


def _digest(request: Request) -> bytes:
    """Of what was asked, not of how it was spelled: blanks and the order of names do not matter."""
    asked = [request.method, request.path, request.data]
    return sha256(json.dumps(asked, sort_keys=True).encode()).digest()
