"""A customer leaves: their words go, their bare scores stay without anything that leads to them."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.personal_data import erase_all
from surveys.models import (
    Answer,
    GivenConsent,
    Hold,
    Invitation,
    InvitationMail,
    Response,
    ResponseChange,
    ResponseRevision,
    SampleMail,
)
from surveys.personal_data import HELD


def invitations_of(customer_id: int, occasions: Iterable[str] = ()) -> QuerySet[Invitation]:
    """About their purchases, and about whatever else these occasions are."""
    return Invitation.objects.filter(Q(purchase__customer=customer_id) | Q(occasion__in=list(occasions)))


@transaction.atomic
def unlink_answers(customer_id: int, *, occasions: Iterable[str], kept_for: Mapping[int, int | None]) -> dict[str, int]:
    """Take away who answered, about what and when; how many rows of each table.

    Whoever has not answered was never asked.
    """
    counts = unlink(invitations_of(customer_id, occasions), kept_for=kept_for)
    rest = [held for held in HELD if held.model in (Hold, SampleMail)]
    return counts | erase_all(rest, customer_id)


@transaction.atomic
def unlink(invitations: QuerySet[Invitation], *, kept_for: Mapping[int, int | None]) -> dict[str, int]:
    """Of an answer its numbers and choices stay, in its month; the words go, and all that leads to a purchase.

    `kept_for`: by response, the affiliate in whose figures it stays; without one it counts for the whole programme
    alone. The caller has opened the door that lets history go (accounts.append_only).
    """
    locked = list(invitations.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    responses = list(Response.objects.filter(invitation__in=locked).select_related("brand", "invitation"))
    answered = {response.invitation_id for response in responses}
    counts = {
        Answer._meta.label: Answer.objects.filter(response__in=responses).exclude(text="").delete()[0],
        ResponseRevision._meta.label: ResponseRevision.objects.filter(response__in=responses).delete()[0],
        GivenConsent._meta.label: GivenConsent.objects.filter(response__in=responses).delete()[0],
        InvitationMail._meta.label: InvitationMail.objects.filter(invitation__in=locked).delete()[0],
        Response._meta.label: len(responses),
        Invitation._meta.label: len(locked),
    }
    for response in responses:
        _unlink(response, kept_for.get(response.pk))
    Invitation.objects.filter(pk__in=[each.pk for each in locked if each.pk not in answered]).delete()
    return {name: count for name, count in counts.items() if count}


@transaction.atomic
def unlink_old(invitations: QuerySet[Invitation], *, kept_for: Mapping[int, int | None]) -> dict[str, int]:
    """The same of answers that are too old. That their occasions were asked about stays known, and no more: nobody asks
    again, and an old file counts nothing twice."""
    occasions = list(invitations.values("brand_id", "survey_id", "wave", "occasion", "purchase_id"))
    counts = unlink(invitations, kept_for=kept_for)
    asked = {"state": Invitation.State.QUEUED, "was_answered": True}
    Invitation.objects.bulk_create(Invitation(**occasion, **asked) for occasion in occasions)
    return counts


def _unlink(response: Response, affiliate_id: int | None) -> None:
    month = _month_of(response.answered_at, ZoneInfo(response.brand.timezone))
    Invitation.objects.filter(pk=response.invitation_id).update(
        purchase=None,
        occasion=f"erased:{uuid.uuid4().hex}",
        scheduled_for=None,
        remind_at=None,
        sent_elsewhere_at=None,
        created_at=month,
        updated_at=month,
    )
    Response.objects.filter(pk=response.pk).update(
        external_id=None,
        language="",
        answered_at=month,
        updated_at=month,
        kept_for=affiliate_id,
        hides_comment=True,
        publishes=False,
        is_quotable=False,
        follow_up=Response.FollowUp.NONE,
        followed_up_at=None,
        resumes_at=None,
        is_unlinked=True,
    )
    ResponseChange.objects.create(response=response)


def _month_of(moment: datetime, zone: ZoneInfo) -> datetime:
    """Its month's first moment, on the brand's calendar."""
    return moment.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
