"""An affiliate turns its public page on or off, and says who may embed it."""

from collections.abc import Sequence
from datetime import datetime

from affiliates.models import Affiliate
from insights.models import PublicPage


def change_public_page(
    affiliate: Affiliate, *, is_on: bool, shows_words: bool, frame_hosts: Sequence[str]
) -> PublicPage:
    """Its address stays the same for good: what embeds it goes on working when it is turned on again."""
    wanted = {"is_on": is_on, "shows_words": shows_words, "frame_hosts": list(frame_hosts)}
    page, _is_new = PublicPage.objects.update_or_create(affiliate=affiliate, defaults=wanted)
    return page


def stop_public_page(page: PublicPage, *, now: datetime) -> bool:
    """Staff take it down, whatever the affiliate chooses. False: it is down already."""
    return bool(PublicPage.objects.filter(pk=page.pk, stopped_at=None).update(stopped_at=now, updated_at=now))


def allow_public_page(page: PublicPage, *, now: datetime) -> bool:
    return bool(PublicPage.objects.filter(pk=page.pk, stopped_at__isnull=False).update(stopped_at=None, updated_at=now))
