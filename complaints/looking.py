"""Who else has a case open just now: marks in the cache that last a minute and a half, and are missed by nobody."""

from contextlib import suppress

from django.core.cache import cache
from redis.exceptions import RedisError

from accounts.models import User
from complaints.models import Complaint

LASTS = 90  # seconds; an open page renews its mark every 30


def mark_looking(complaint: Complaint, user: User, *, now: float) -> list[str]:
    """Note that the user has the case open; the names of the others who have. Nobody where the cache does not answer.

    Two who come at the very same moment may miss each other until the next mark.
    """
    key = f"desk:looking:{complaint.pk}"
    with suppress(RedisError):
        seen: dict[str, tuple[str, float]] = cache.get(key) or {}
        fresh = {who: mark for who, mark in seen.items() if mark[1] > now - LASTS and who != str(user.pk)}
        cache.set(key, {**fresh, str(user.pk): (str(user), now)}, LASTS)
        return sorted(name for name, _at in fresh.values())
    return []
