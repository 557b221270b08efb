"""Into the ledger, and out of it again before anything is sent."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
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


State = OutgoingMail.State

# Those that may still be sent: what waits can be stopped, what is on its way only if it comes back, and of the rest
# staff might want another try.
WAITS = Q(state__in=[State.QUEUED, State.CLAIMED])
IS_FINAL = ~Q(cancel_wanted__in=["", OutgoingMail.Reason.TAKEN_BACK])
MAY_GO_OUT = [State.QUEUED, State.CLAIMED, State.HANDING_OVER, State.UNCERTAIN, State.FAILED]


def cancel_mails(mails: QuerySet[Any] | Iterable[int], *, reason: str) -> int:
    """Nobody wants these (a queryset, or ids) sent any more; how many of them might still have been.

    What waits is cancelled; a worker that holds one finds it gone at its last look. What is being handed over, is
    uncertain or failed keeps the wish, and is cancelled or refused where it would be sent again (`cancel_wanted`). The
    reason is the caller's word, kept with the mail. One of staff, or an answer, stands whatever comes after it: who was
    taken back may be asked again, they may not.
    """
    # One statement: between two a mail could come back from a server, and be missed by both.
    return OutgoingMail.objects.filter(pk__in=mails, state__in=MAY_GO_OUT).update(
        state=_where_it_waits("state", Value(State.CANCELLED)),
        reason=_where_it_waits("reason", Value(reason)),
        lease_owner=_where_it_waits("lease_owner", None),
        lease_until=_where_it_waits("lease_until", None),
        updated_at=_where_it_waits("updated_at", Now()),
        cancel_wanted=Case(When(WAITS | IS_FINAL, then=F("cancel_wanted")), default=Value(reason)),
    )


def _where_it_waits(field: str, value: Any) -> Case:
    return Case(When(WAITS, then=value), default=F(field))


def want_again(mails: Iterable[int]) -> int:
    """Of these, what was taken back and may yet come back from a server is to be sent after all; how many."""
    taken_back = OutgoingMail.objects.filter(pk__in=mails, state__in=MAY_GO_OUT)
    wanted = taken_back.filter(cancel_wanted=OutgoingMail.Reason.TAKEN_BACK)
    return wanted.update(cancel_wanted="", updated_at=Now())


def take_back_put_aside(mails: Iterable[int]) -> int:
    """Whoever asked for these has decided anew: another mail goes out in their place, or none. How many."""
    put_aside = OutgoingMail.objects.put_aside().filter(pk__in=mails)
    return put_aside.update(reason=OutgoingMail.Reason.TAKEN_BACK, cancel_wanted="", updated_at=Now())


def settle_called_back(mails: Iterable[int]) -> int:
    """Whoever asked for these knows that they were called back in time; how many."""
    return OutgoingMail.objects.called_back().filter(pk__in=mails).update(cancel_wanted="")


@transaction.atomic
def retry_mail(mail: OutgoingMail, *, by: User, now: datetime) -> OutgoingMail:
    """Staff send a failed or uncertain mail again, under the same Message-ID and with the same links.

    PermissionDenied: they may not write for its brand. ValidationError: it is in another state, or its time is over.
    """
    again = OutgoingMail.objects.select_for_update(of=("self",)).select_related("brand").get(pk=mail.pk)
    if not by.may_write_for(again.brand):
        raise PermissionDenied(_("Your role may read this brand’s mail, not send it."))
    if again.state not in (State.FAILED, State.UNCERTAIN):
        raise ValidationError(_("Only a mail that failed or is uncertain can be sent again."))
    if again.cancel_wanted:
        raise ValidationError(_("Whoever asked for this mail has taken it back meanwhile."))
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
    again.state, again.reason, again.attempts, again.not_before = State.QUEUED, "", 0, now
    again.save(update_fields=["state", "reason", "attempts", "not_before", "updated_at"])
    return again


@transaction.atomic
def cancel_mail(mail: OutgoingMail, *, by: User, now: datetime) -> bool:
    """Staff take a mail back, for good, and are named in its story. False: it is with the server, and is only not tried
    again.

    PermissionDenied: they may not write for its brand. ValidationError: it has an end, or was called back before.
    """
    if not by.may_write_for(mail.brand):
        raise PermissionDenied(_("Your role may read this brand’s mail, not stop it."))
    locked = OutgoingMail.objects.select_for_update(no_key=True).get(pk=mail.pk)
    is_with_server = locked.state == State.HANDING_OVER
    if not locked.may_be_cancelled:
        raise ValidationError(_("Only a mail that waits can be cancelled."))
    cancel_mails([mail.pk], reason=OutgoingMail.Reason.MANUAL)
    MailEvent.objects.create(
        brand_id=mail.brand_id,
        mail=mail,
        kind=MailEvent.Kind.CALLED_BACK if is_with_server else MailEvent.Kind.CANCELLED,
        source="staff",
        event_id=f"{mail.uuid}:cancelled",  # once: what was cancelled is never queued again
        detail=str(by),
        occurred_at=now,
    )
    return not is_with_server
