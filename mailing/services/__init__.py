"""What other apps may ask of the mail ledger, and the engine that empties it."""

from mailing.services.claiming import recover_expired_leases
from mailing.services.queueing import (
    MailRequest,
    cancel_mail,
    cancel_mails,
    queue_mail,
    queue_mails,
    retry_mail,
    settle_called_back,
    take_back_put_aside,
    want_again,
)
from mailing.services.reports import MailReport, record_mail_event
from mailing.services.restoring import (
    doubt_mail,
    doubt_mails,
    hold_mail,
    lost_until,
    note_lost_time,
    release_mail,
)
from mailing.services.sending import send_due_mail
from mailing.services.settling import Settlement, settle_mail
from mailing.services.suppression import forget_wishes, resubscribe, suppress, unsubscribe

__all__ = [
    "MailReport",
    "MailRequest",
    "Settlement",
    "cancel_mail",
    "cancel_mails",
    "doubt_mail",
    "doubt_mails",
    "forget_wishes",
    "hold_mail",
    "lost_until",
    "note_lost_time",
    "queue_mail",
    "queue_mails",
    "record_mail_event",
    "recover_expired_leases",
    "release_mail",
    "resubscribe",
    "retry_mail",
    "send_due_mail",
    "settle_called_back",
    "settle_mail",
    "suppress",
    "take_back_put_aside",
    "unsubscribe",
    "want_again",
]
