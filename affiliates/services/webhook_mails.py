"""A webhook that was paused because nothing arrives: whoever looks after it is told by mail, once each time."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Membership, User
from affiliates.models import Affiliate, AffiliateMember
from affiliates.services.telling import affiliate_of
from mailing.models import Endpoint, OutgoingMail
from mailing.services import MailRequest, queue_mails

REASONS = (Endpoint.PauseReason.FAILING, Endpoint.PauseReason.GONE)


def tell_of_paused_webhooks(*, now: datetime) -> int:
    """Write to a brand's administrators, or the owners of the affiliate whose webhook it is; how many mails.

    A mail's key names the pause, so that nobody is told of it twice.
    """
    paused = Endpoint.objects.filter(state=Endpoint.State.PAUSED, pause_reason__in=REASONS).select_related("brand")
    asked = [mail for endpoint in paused for mail in _mails(endpoint, now=now)]
    keys = [mail.dedupe_key for mail in asked]
    known = set(OutgoingMail.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
    return len(queue_mails([mail for mail in asked if mail.dedupe_key not in known]))


def _mails(endpoint: Endpoint, *, now: datetime) -> Iterator[MailRequest]:
    pk = affiliate_of(endpoint.audience)
    affiliate = Affiliate.objects.filter(pk=pk).first() if pk is not None else None
    if pk is not None and affiliate is None:  # an audience is a name: nothing keeps its affiliate
        return
    for user in _readers(endpoint, affiliate).order_by("pk"):
        yield MailRequest(
            brand=endpoint.brand,
            template="affiliates/webhook_paused",
            to=user.email,
            language=endpoint.brand.language_for(user.language),
            dedupe_key=f"webhook:{endpoint.pk}:paused:{endpoint.paused_at:%Y%m%dT%H%M%S.%f}:{user.pk}",
            guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
            not_before=now,
            context={
                "url": endpoint.url,
                "is_gone": endpoint.pause_reason == Endpoint.PauseReason.GONE,
                "hours": _hours_without(endpoint, now),
                "path": _page_of(endpoint, affiliate),
            },
        )


def _hours_without(endpoint: Endpoint, now: datetime) -> int:
    return int((now - (endpoint.failing_since or now)).total_seconds() // 3600)


def _readers(endpoint: Endpoint, affiliate: Affiliate | None) -> QuerySet[User]:
    active = User.objects.filter(is_active=True)
    if affiliate:
        owner = AffiliateMember.Role.OWNER
        return active.filter(affiliate_members__affiliate=affiliate, affiliate_members__role=owner)
    return active.filter(memberships__brand=endpoint.brand, memberships__role=Membership.Role.ADMIN)


def _page_of(endpoint: Endpoint, affiliate: Affiliate | None) -> str:
    if affiliate is None:
        return reverse("admin:mailing_endpoint_change", args=[endpoint.pk])
    return reverse("dashboards:webhook", kwargs={"brand": endpoint.brand.slug, "code": affiliate.code})
