"""A brand's hooks and their secrets."""

import secrets
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.sealing import seal
from intake.models import Hook

SHORTEST_SECRET = 8


def check_secret(secret: str) -> None:
    """ValidationError: it is none."""
    if len(secret) < SHORTEST_SECRET or len(secret) > 200 or not (secret.isascii() and secret.isprintable()):
        message = _("A secret has %(least)d to 200 printable characters.")
        raise ValidationError(message, "invalid_secret", {"least": SHORTEST_SECRET})


@transaction.atomic
def set_hook_secret(brand: Brand, source: str, secret: str = "", *, now: datetime) -> tuple[Hook, str]:
    """The hook and its new secret, made up unless given; the one before holds until `forget_previous_secret`.

    The text is shown this once and kept sealed. ValidationError: a secret that is none.
    """
    secret = secret.strip() or secrets.token_hex(32)
    check_secret(secret)
    # The brand's row stands for the hook that does not exist yet: two people at once must not both think it is new.
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)
    hook = Hook.objects.filter(brand=brand, source=source).first() or Hook(brand=brand, source=source)
    if hook.pk:
        hook.sealed_previous, hook.changed_at = hook.sealed_secret, now
    hook.sealed_secret = seal(secret)
    hook.full_clean()
    hook.save()
    return hook, secret


def forget_previous_secret(hook: Hook) -> bool:
    """From now on only the newest secret holds; whether there was an older one."""
    return bool(Hook.objects.filter(pk=hook.pk, sealed_previous__isnull=False).update(sealed_previous=None))
