"""How the API and events say who is credited. Plain functions: a batch answers with a thousand of them."""

from typing import Any

from affiliates.models import Affiliate, Attribution


def attribution_as_json(attribution: Attribution | None) -> dict[str, Any] | None:
    if attribution is None:
        return None
    return {
        "affiliate": code_of(attribution.affiliate),
        "method": attribution.method,
        "confidence": attribution.confidence,
        "reason": attribution.reason,
        "window_ends_at": attribution.window_ends_at,
        "acquiring_affiliate": code_of(attribution.acquiring_affiliate),
        "indirect_affiliate": code_of(attribution.indirect_affiliate),
    }


def code_of(affiliate: Affiliate | None) -> str | None:
    return affiliate.code if affiliate else None
