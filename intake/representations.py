"""Purchases as the API says them. Plain functions: a batch answers with a thousand of them."""

from typing import Any

from affiliates.models import Attribution, Customer, Product, Purchase, Refund
from affiliates.representations import attribution_as_json
from affiliates.services import FieldError
from intake.services import Taken
from surveys.selectors import SurveyState


def taken_as_json(taken: Taken) -> dict[str, Any]:
    """The answer to a purchase that was created, updated or known."""
    recorded = taken.recorded
    assert recorded.purchase is not None
    return {
        "external_id": recorded.purchase.external_id,
        "duplicate": recorded.status == "duplicate",
        "updated": recorded.status == "updated",
        "attribution": attribution_as_json(recorded.attribution),
        "survey": survey_as_json(taken.survey),
    }


def survey_as_json(survey: SurveyState | None) -> dict[str, Any] | None:
    if survey is None:
        return None
    return {"state": survey.state, "scheduled_for": survey.scheduled_for, "reason": survey.reason or None}


def purchase_as_json(
    purchase: Purchase,
    attribution: Attribution | None,
    survey: SurveyState | None,
    refunds: list[Refund],
    *,
    follow_up: SurveyState | None,
) -> dict[str, Any]:
    """All that was told of a purchase and what came of it."""
    return {
        "external_id": purchase.external_id,
        "purchased_at": purchase.purchased_at,
        "delivered_at": purchase.delivered_at,
        "activated_at": purchase.activated_at,
        "promised_on": purchase.promised_on,
        "amount": None if purchase.amount is None else f"{purchase.amount:.2f}",
        "currency": purchase.currency or None,
        "state": purchase.state,
        "product": _product(purchase.product),
        "customer": _customer(purchase.customer),
        "click_ids": purchase.click_ids,
        "coupon": purchase.coupon_code or None,
        "affiliate": purchase.declared_affiliate or None,
        "referral": purchase.referral_code or None,
        "recommended_by": purchase.recommended_by or None,
        "metadata": purchase.metadata,
        "refunds": [refund_as_json(refund) for refund in refunds],
        "attribution": attribution_as_json(attribution),
        "survey": survey_as_json(survey),
        "follow_up": survey_as_json(follow_up),
    }


def refund_as_json(refund: Refund) -> dict[str, Any]:
    return {
        "external_id": refund.external_id,
        "amount": f"{refund.amount:.2f}",
        "reason": refund.reason,
        "refunded_at": refund.refunded_at,
    }


def errors_as_json(errors: tuple[FieldError, ...] | list[FieldError]) -> list[dict[str, str]]:
    return [{"field": error.field, "code": error.code, "message": str(error.message)} for error in errors]


def _product(product: Product | None) -> dict[str, Any] | None:
    if product is None:
        return None
    return {"sku": product.sku, "name": product.name, "category": product.category, "kind": product.kind}


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "email": customer.email,
        "external_id": customer.external_id,
        "name": customer.name,
        "language": customer.language or None,
        "timezone": customer.timezone or None,
        "survey_notice": customer.survey_notice,
    }
