"""What other systems are told of answers: whose and when, never what they say. The API tells it to whoever may ask."""

from collections.abc import Iterator
from typing import Any

from affiliates.models import Attribution
from affiliates.representations import code_of
from mailing.models import WebhookEvent
from mailing.services.webhooks import announce
from surveys.models import Response


def tell_answered(response: Response, *, is_first: bool) -> None:
    """A customer has answered, or changed the answer; or staff have found that it was none (`suspect`)."""
    announce(response.brand, WebhookEvent.Kind.FEEDBACK_RECEIVED, _news(response, is_first))


def _news(response: Response, is_first: bool) -> Iterator[dict[str, Any]]:
    invitation = response.invitation
    purchase = invitation.purchase
    if purchase and purchase.is_test:
        return
    credits = Attribution.objects.current().select_related("affiliate")
    credit = credits.filter(purchase=purchase).first() if purchase else None
    yield {
        "invitation": invitation.pk,
        "wave": invitation.wave,
        "purchase": purchase.external_id if purchase else None,
        "affiliate": code_of(credit.affiliate) if credit else None,
        "answered_at": response.answered_at,
        "updated_at": response.updated_at,
        "first": is_first,
        "suspect": response.is_suspect,
    }
