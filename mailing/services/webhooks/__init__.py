"""Telling other systems what happened: set up where to (keeping), write it down (announcing), bring it (delivering)."""

from mailing.services.webhooks.announcing import announce, audiences_of
from mailing.services.webhooks.delivering import deliver_webhooks
from mailing.services.webhooks.keeping import (
    TooManyTests,
    change_endpoint,
    end_endpoint,
    forget_old_webhooks,
    forget_previous_secret,
    new_endpoint,
    note,
    pause_endpoint,
    renew_secret,
    replay,
    replay_since,
    resume_endpoint,
    send_test,
)

__all__ = [
    "TooManyTests",
    "announce",
    "audiences_of",
    "change_endpoint",
    "deliver_webhooks",
    "end_endpoint",
    "forget_old_webhooks",
    "forget_previous_secret",
    "new_endpoint",
    "note",
    "pause_endpoint",
    "renew_secret",
    "replay",
    "replay_since",
    "resume_endpoint",
    "send_test",
]
