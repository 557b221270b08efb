"""What other apps may ask of the mail ledger, and the engine that empties it."""

from mailing.services.queueing import MailRequest, cancel_mails, queue_mail, queue_mails, retry_mail
from mailing.services.suppression import suppress, unsubscribe

__all__ = ["MailRequest", "cancel_mails", "queue_mail", "queue_mails", "retry_mail", "suppress", "unsubscribe"]
