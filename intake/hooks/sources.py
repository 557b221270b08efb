"""Every source by its name."""

from intake.hooks import shopify
from intake.hooks.delivery import ShopHook

HOOKS: dict[str, ShopHook] = {hook.source: hook for hook in (shopify.HOOK,)}
