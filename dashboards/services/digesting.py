"""A summary by mail on a person's Monday morning, once a week or once a month, and none where nothing is new.

Which week was last looked at stands with the person, under a lock, and the ledger takes a week's summary once.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import override

from affiliates.models import Affiliate, AffiliateMember
from dashboards.pages import write_digest
from dashboards.selectors import News, news_since
from insights.comparing import falls_of
from insights.models import Preference
from insights.privacy import affiliate_insights
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail

log = structlog.get_logger(__name__)

MORNING, NOON = time(8), time(12)  # where the person is
A_PAGE = 500  # people held in memory
FIRST_REACH = {Preference.Rhythm.WEEKLY: timedelta(days=7), Preference.Rhythm.MONTHLY: timedelta(days=31)}
GOOD_FOR = timedelta(days=2)  # what could not be sent by then is not sent


def send_digests(*, now: datetime) -> int:
    """Write to whoever's morning it is, if this week was not looked at yet and something is new; to how many.

    Mornings after Monday too: machines that stood still on it catch up.
    """
    return sum(_write_to(member, monday, now=now) for member, monday in _due(now))


def _due(now: datetime) -> Iterator[tuple[AffiliateMember, date]]:
    zones = _readers().order_by().values_list("zone", flat=True).distinct()
    for zone in list(zones):
        here = now.astimezone(ZoneInfo(zone))
        if not MORNING <= here.time() < NOON:
            continue
        monday = here.date() - timedelta(days=here.weekday())
        began = datetime.combine(monday, MORNING, tzinfo=ZoneInfo(zone))
        waiting = _readers().filter(zone=zone, created_at__lt=began).exclude(preference__decided_for__gte=monday)
        # By id, page after page: those at whom we fail stay waiting, and must not stand before all others for ever.
        last = 0
        while page := list(waiting.filter(pk__gt=last).order_by("pk")[:A_PAGE]):
            yield from ((member, monday) for member in page)
            last = page[-1].pk


def _readers() -> QuerySet[Any]:
    """Who signs in and has accepted the terms, with the time zone they live by."""
    zone = Coalesce(NullIf("user__timezone", Value("")), "affiliate__brand__timezone")
    active = AffiliateMember.objects.filter(user__is_active=True, affiliate__status=Affiliate.Status.ACTIVE)
    return (
        active.filter(accepted_terms_at__isnull=False)
        .exclude(preference__rhythm=Preference.Rhythm.NEVER)
        .select_related("user", "affiliate__brand")
        .annotate(zone=zone)
    )


def _write_to(member: AffiliateMember, monday: date, *, now: datetime) -> bool:
    """False: another worker is at it, or there is nothing to tell. A fault with one leaves the others theirs."""
    Preference.objects.get_or_create(member=member)
    try:
        with transaction.atomic():
            free = Preference.objects.select_for_update(skip_locked=True).filter(member=member)
            preference = free.exclude(decided_for__gte=monday).exclude(rhythm=Preference.Rhythm.NEVER).first()
            return preference is not None and _decide(preference, member, monday, now)
    except Exception:
        log.exception("digest_failed", member=member.pk)
        return False


def _decide(preference: Preference, member: AffiliateMember, monday: date, now: datetime) -> bool:
    is_due = preference.rhythm == Preference.Rhythm.WEEKLY or monday.day <= 7
    since = preference.told_at or now - FIRST_REACH[Preference.Rhythm(preference.rhythm)]
    told = _tell(member, since, now) if is_due else None
    if told:
        queue_mail(_mail(member, monday, told, now))
        preference.told_at = now
    preference.decided_for = monday
    preference.save(update_fields=["decided_for", "told_at"])
    return told is not None


def _tell(member: AffiliateMember, since: datetime, now: datetime) -> dict[str, Any] | None:
    """All of it as the portal shows it: published blocks, and alerts made of them."""
    affiliate, language = member.affiliate, _language(member)
    with override(language):
        news, falls = news_since(affiliate, since, language), falls_of(affiliate, language)
        fallen = [fall for fall in falls if fall.alert.opened_at > since]
        if not (_has_news(news) or fallen):
            return None
        insights = affiliate_insights(affiliate, language=language, now=now)
        return write_digest(insights, news, fallen)


def _has_news(news: News) -> bool:
    return bool(news.answers > 0 or news.recovered or news.messages)


def _language(member: AffiliateMember) -> str:
    return member.affiliate.brand.language_for(member.user.language)


def _mail(member: AffiliateMember, monday: date, told: dict[str, Any], now: datetime) -> MailRequest:
    affiliate = member.affiliate
    return MailRequest(
        brand=affiliate.brand,
        template="dashboards/digest",
        to=member.user.email,
        language=_language(member),
        dedupe_key=f"digest:{member.pk}:{monday:%G-W%V}",
        guarantee=OutgoingMail.Guarantee.AT_MOST_ONCE,
        not_before=now,
        expires_at=now + GOOD_FOR,
        scopes=(OutgoingMail.DIGEST,),
        context={
            **told,
            "name": member.user.get_short_name(),
            "affiliate": str(affiliate),
            "portal": f"/portal/affiliates/{affiliate.brand.slug}/{affiliate.code}/",
        },
    )
