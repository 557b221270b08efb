"""A hook gone silent: the administrators of its brand are told by mail, once a silence."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from accounts.models import Membership, User
from intake.models import Hook, InboundEvent
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mails


def tell_of_silent_hooks(*, now: datetime) -> int:
    """Write to the administrators of the brands whose hooks are silent for longer than expected; how many mails.

    Who was told of a silence is not told again while it lasts: a mail's key names the message after which it began.
    """
    events = InboundEvent.objects.filter(brand=OuterRef("brand"), source=OuterRef("source"))
    newest = Subquery(events.order_by("-received_at").values("received_at")[:1])
    hooks = Hook.objects.filter(expected_every__isnull=False).select_related("brand").annotate(newest_event_at=newest)
    asked = [mail for hook in hooks if hook.is_silent(hook.newest_event_at, now=now) for mail in _mails(hook, now=now)]
    known = set(
        OutgoingMail.objects.filter(dedupe_key__in=[mail.dedupe_key for mail in asked]).values_list(
            "dedupe_key", flat=True
        )
    )
    return len(queue_mails([mail for mail in asked if mail.dedupe_key not in known]))


def _mails(hook: Hook, *, now: datetime) -> Iterator[MailRequest]:
    since = hook.newest_event_at or hook.created_at  # type: ignore[attr-defined]
    administrators = User.objects.filter(
        is_active=True, memberships__brand=hook.brand, memberships__role=Membership.Role.ADMIN
    )
    for user in administrators.order_by("pk"):
        yield MailRequest(
            brand=hook.brand,
            template="intake/hook_silent",
            to=user.email,
            language=hook.brand.language_for(user.language),
            dedupe_key=f"hook:{hook.pk}:silent:{since:%Y%m%dT%H%M%S.%f}:{user.pk}",
            guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
            not_before=now,
            context={
                "source": str(hook.get_source_display()),
                "hours": int((now - since).total_seconds() // 3600),
                "has_spoken": hook.newest_event_at is not None,  # type: ignore[attr-defined]
                "path": reverse("admin:intake_hook_change", args=[hook.pk]),
            },
        )
