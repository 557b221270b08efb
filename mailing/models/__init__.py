"""The ledger of all mail the product sends, and of all it tells other systems. It knows nothing of surveys."""

from mailing.models.mails import MailEvent, OutgoingMail, OutgoingMailQuerySet
from mailing.models.pacing import MailDomain
from mailing.models.suppressions import Suppression, SuppressionQuerySet, scopes_against
from mailing.models.watching import Alarm, Heartbeat, TaskRun
from mailing.models.webhooks import (
    OF_BRAND,
    AdministratedQuerySet,
    Delivery,
    DeliveryAttempt,
    DeliveryQuerySet,
    Endpoint,
    EndpointQuerySet,
    WebhookEvent,
)

__all__ = [
    "OF_BRAND",
    "AdministratedQuerySet",
    "Alarm",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryQuerySet",
    "Endpoint",
    "EndpointQuerySet",
    "Heartbeat",
    "MailDomain",
    "MailEvent",
    "OutgoingMail",
    "OutgoingMailQuerySet",
    "Suppression",
    "SuppressionQuerySet",
    "TaskRun",
    "WebhookEvent",
    "scopes_against",
]
