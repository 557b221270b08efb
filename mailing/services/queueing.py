"""Into the ledger, and out of it again before anything is sent."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from accounts.sealing import seal
from mailing.addresses import normalize_address
from mailing.models import MailEvent, OutgoingMail
from mailing.tokens import hash_token


@dataclass(frozen=True, kw_only=True)
class MailRequest:
    """One message to one address.

    `template`: "surveys/invitation" means templates/surveys/emails/invitation/{subject.txt,body.txt,body.html}.
    `context`: JSON; the templates also get token, base_url, brand and unsubscribe_url. `secrets`: the same, for what
    nobody may read in the table.
    `scopes`: what it is about, for whoever wants no more of it: "surveys", "purchase:17". Empty: it answers somebody.
    `guarantee`: an OutgoingMail.Guarantee.
    """

    brand: Brand
    template: str
    to: str
    language: str
    dedupe_key: str
    guarantee: str
    not_before: datetime
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    context: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)


def queue_mail(request: MailRequest) -> OutgoingMail:
    return queue_mails([request])[0]


def queue_mails(requests: Sequence[MailRequest]) -> list[OutgoingMail]:
    """Write them into the ledger, in the caller's transaction; a known dedupe_key gives the row that stands.

    In the order asked for. Whoever must not be written to is looked for when the mail is handed over, not here.
    """
    OutgoingMail.objects.bulk_create([_row_for(request) for request in requests], ignore_conflicts=True)
    # Read again: a row that stood before is not the one made here, and ON CONFLICT gives no ids.
    keys = [request.dedupe_key for request in requests]
    rows = OutgoingMail.objects.select_related("brand").in_bulk(keys, field_name="dedupe_key")
    return [rows[key] for key in keys]


def _row_for(request: MailRequest) -> OutgoingMail:
    mail = OutgoingMail(
        brand=request.brand,
        template=request.template,
        to_address=normalize_address(request.to),
        language=request.language,
        dedupe_key=request.dedupe_key,
        context=request.context,
        sealed_context=seal(json.dumps(request.secrets)) if request.secrets else None,
        guarantee=request.guarantee,
        scopes=list(request.scopes),
        not_before=request.not_before,
        expires_at=request.expires_at,
    )
    mail.token_hash = hash_token(mail.token)
    # Made once: a retry under the same Message-ID lets a mailbox drop the copy.
    mail.message_id = f"<{mail.uuid}@{normalize_address(mail.sender).rpartition('@')[2]}>"
    return mail


def cancel_mails(mails: QuerySet[Any] | Iterable[int], *, reason: str) -> int:
    """Cancel those (a queryset, or ids) that no worker is handing over yet; how many.

    A worker that holds one finds it gone at its last look. The reason is the caller's word, kept with the mail.
    """
    return (
        OutgoingMail.objects.unfinished()
        .filter(pk__in=mails)
        .update(state=OutgoingMail.State.CANCELLED, reason=reason, lease_owner=None, lease_until=None, updated_at=Now())
    )


def take_back_put_aside(mails: Iterable[int]) -> int:
    """Whoever asked for these has decided anew: another mail goes out in their place, or none. How many."""
    put_aside = OutgoingMail.objects.put_aside().filter(pk__in=mails)
    return put_aside.update(reason=OutgoingMail.Reason.TAKEN_BACK, updated_at=Now())


@transaction.atomic
def retry_mail(mail: OutgoingMail, *, by: User, now: datetime) -> OutgoingMail:
    """Staff send a failed or uncertain mail again, under the same Message-ID and with the same links.

    PermissionDenied: they may not write for its brand. ValidationError: it is in another state, or its time is over.
    """
    again = OutgoingMail.objects.select_for_update(of=("self",)).select_related("brand").get(pk=mail.pk)
    if not by.may_write_for(again.brand):
        raise PermissionDenied(_("Your role may read this brand’s mail, not send it."))
    if again.state not in (OutgoingMail.State.FAILED, OutgoingMail.State.UNCERTAIN):
        raise ValidationError(_("Only a mail that failed or is uncertain can be sent again."))
    if again.expires_at and again.expires_at <= now:
        raise ValidationError(_("It is too late to send this mail."))
    # Each retry by staff is an event of its own, however often the mail fails at the same count of tries.
    number = MailEvent.objects.filter(mail=again, kind=MailEvent.Kind.RETRIED).count() + 1
    MailEvent.objects.create(
        brand_id=again.brand_id,
        mail=again,
        kind=MailEvent.Kind.RETRIED,
        source="staff",
        event_id=f"{again.uuid}:{number}",
        detail=str(by),
        occurred_at=now,
    )
    again.state, again.reason, again.attempts, again.not_before = OutgoingMail.State.QUEUED, "", 0, now
    again.save(update_fields=["state", "reason", "attempts", "not_before", "updated_at"])
    return again


@transaction.atomic
def cancel_mail(mail: OutgoingMail, *, by: User, now: datetime) -> None:
    """Staff take a queued mail back, for good, and are named in its story.

    PermissionDenied: they may not write for its brand. ValidationError: a worker was faster, or it was never queued.
    """
    if not by.may_write_for(mail.brand):
        raise PermissionDenied(_("Your role may read this brand’s mail, not stop it."))
    if not cancel_mails([mail.pk], reason=OutgoingMail.Reason.MANUAL):
        raise ValidationError(_("Only a mail that waits can be cancelled."))
    MailEvent.objects.create(
        brand_id=mail.brand_id,
        mail=mail,
        kind=MailEvent.Kind.CANCELLED,
        source="staff",
        event_id=f"{mail.uuid}:cancelled",  # once: what was cancelled is never queued again
        detail=str(by),
        occurred_at=now,
    )
