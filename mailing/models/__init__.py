"""The ledger of all mail the product sends. It knows addresses and templates, and nothing of surveys."""

from mailing.models.mails import MailEvent, OutgoingMail, OutgoingMailQuerySet
from mailing.models.pacing import MailDomain
from mailing.models.suppressions import Suppression, SuppressionQuerySet, scopes_against
from mailing.models.watching import Alarm, Heartbeat

__all__ = [
    "Alarm",
    "Heartbeat",
    "MailDomain",
    "MailEvent",
    "OutgoingMail",
    "OutgoingMailQuerySet",
    "Suppression",
    "SuppressionQuerySet",
    "scopes_against",
]
