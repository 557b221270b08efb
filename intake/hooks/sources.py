"""Who reads what is stored, by its source."""

from collections.abc import Callable, Mapping
from typing import Any

from intake.hooks import postback, shopify, stripe, woocommerce
from intake.hooks.news import News
from intake.models import Source

READERS: dict[str, Callable[[str, Mapping[str, Any]], News]] = {
    Source.SHOPIFY: shopify.read,
    Source.WOOCOMMERCE: woocommerce.read,
    Source.STRIPE: stripe.read,
    Source.POSTBACK: postback.read,
}
