"""Whoever claimed a sale is told the answer by mail. It is owed to them: it goes at least once, to each one mail."""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.translation import override

from accounts.models import User
from affiliates.marks import mark_of
from affiliates.models import AffiliateMember, Claim
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mails


def tell_answer(claim: Claim, *, now: datetime) -> None:
    """To who filed it, if they still sign in for the affiliate; else to its owners; else to its address, if any."""
    queue_mails([_mail(claim, to, user, now=now) for to, user in _readers(claim)])


def _readers(claim: Claim) -> Iterator[tuple[str, User | None]]:
    members = claim.affiliate.members.filter(user__is_active=True).select_related("user").order_by("pk")
    told = members.filter(user=claim.filed_by_id) or members.filter(role=AffiliateMember.Role.OWNER)
    if told:
        yield from ((member.user.email, member.user) for member in told)
    elif claim.affiliate.email:
        yield claim.affiliate.email, None


def _mail(claim: Claim, to: str, user: User | None, *, now: datetime) -> MailRequest:
    language = claim.brand.language_for(user.language if user else "")
    with override(language):
        reason = str(claim.get_reason_display())
    return MailRequest(
        brand=claim.brand,
        template="affiliates/claim_answered",
        to=to,
        language=language,
        dedupe_key=f"claim:{claim.pk}:answer:{user.pk if user else 0}",
        guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
        not_before=now,
        context={
            "is_accepted": claim.state == Claim.State.ACCEPTED,
            "order": claim.order_reference,
            "reason": reason,
            "answer": claim.answer,
            "path": reverse(
                "dashboards:claim",
                kwargs={
                    "brand": claim.brand.slug,
                    "code": claim.affiliate.code,
                    "mark": mark_of(claim.affiliate_id, f"claim:{claim.pk}"),
                },
            ),
        },
    )
