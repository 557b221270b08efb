from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.keys import hash_secret, new_key
from accounts.models import AccessLog, ApiKey, AuditEntry, Brand, Membership, Scope, User

NEW_EMAIL_SALT = "accounts.new_email"
NEW_EMAIL_LASTS = 2 * 3600  # seconds


def create_api_key(
    brand: Brand, *, name: str, scopes: Sequence[str] | None = None, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its full text, which is shown this once and kept nowhere. ValidationError: an unknown scope."""
    chosen = list(Scope.values) if scopes is None else list(dict.fromkeys(scopes))
    if unknown := [scope for scope in chosen if scope not in Scope.values]:
        raise ValidationError(
            _("Unknown scopes: %(unknown)s. There are: %(known)s."),
            params={"unknown": ", ".join(unknown), "known": ", ".join(Scope.values)},
        )
    prefix, secret, text = new_key()
    key = ApiKey.objects.create(
        brand=brand, name=name, prefix=prefix, secret_hash=hash_secret(secret), scopes=chosen, expires_at=expires_at
    )
    return key, text


@transaction.atomic
def rotate_api_key(key: ApiKey, *, overlap: timedelta, by: User | None, now: datetime) -> tuple[ApiKey, str]:
    """Another key that may do the same and lasts as long; for `overlap` both hold. ValidationError: the old is over."""
    old = ApiKey.objects.select_for_update(of=("self",)).select_related("brand").get(pk=key.pk)
    if not old.is_usable(now):
        raise ValidationError(_("This key holds no more: make a new one."), "unusable")
    lasts = old.expires_at - old.created_at if old.expires_at else None
    new, text = create_api_key(old.brand, name=old.name, scopes=old.scopes, expires_at=now + lasts if lasts else None)
    old.expires_at = min(filter(None, (old.expires_at, now + overlap)))
    old.save(update_fields=["expires_at"])
    record_change(by, old.brand, AuditEntry.Action.CHANGED, old, follows=new.pk)
    return new, text


@transaction.atomic
def revoke_api_key(key: ApiKey, *, by: User | None, now: datetime) -> bool:
    """It opens nothing from now on. False: it did not anyway."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        return False
    record_change(by, key.brand_id, AuditEntry.Action.CHANGED, key, state=["usable", "revoked"])
    return True


@transaction.atomic
def add_staff(brand: Brand, email: str, *, role: str, password: str | None = None, name: str = "") -> User:
    """Give a person a role among a brand's staff, creating their account where there is none.

    A known person keeps password and name; a new one reads the brand's clock. ValidationError: bad address, role or
    password.
    """
    if role not in Membership.Role.values:
        raise ValidationError(
            _("“%(role)s” is no role. There are: %(known)s."),
            params={"role": role, "known": ", ".join(Membership.Role.values)},
        )
    user = User.objects.filter(email=User.objects.normalize_email(email)).first()
    if user is None:
        user = User(email=User.objects.normalize_email(email), name=name, timezone=brand.timezone)
        if password is not None:
            validate_password(password, user)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    Membership.objects.update_or_create(user=user, brand=brand, defaults={"role": role})
    return user


# --- Another address -----------------------------------------------------------------------------------------------
def ask_for_new_email(user: User, email: str) -> None:
    """Write to the new address, whoever has it: only by the link in that mail does the change happen.

    Whether somebody has it already is told to its owner alone.
    """
    address = User.objects.normalize_email(email)
    if User.objects.filter(email=address).exists():
        title = _("You have an account already")
        text = _("Somebody wanted to use this address for another account. Nothing has changed: yours stays as it is.")
        _tell(user, address, title, text)
        return
    token = signing.dumps([user.pk, user.email, address], salt=NEW_EMAIL_SALT)
    url = f"{settings.BASE_URL}{reverse('accounts:confirm_email', args=[token])}"
    opening = _("Confirm that you want to sign in with this address. The link works once, for two hours:")
    _tell(user, address, _("Confirm your new address"), opening, url)


def new_email_in(token: str) -> tuple[User, str] | None:
    """Who asked for which address. None: it is over, was used, or they have changed theirs since."""
    try:
        pk, old, new = signing.loads(token, salt=NEW_EMAIL_SALT, max_age=NEW_EMAIL_LASTS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user = User.objects.filter(pk=pk, email=old, is_active=True).first()
    return (user, new) if user else None


@transaction.atomic
def confirm_new_email(user: User, email: str) -> None:
    """They sign in with it from now on; the address before is told. ValidationError: somebody has it meanwhile."""
    old = user.email
    if User.objects.filter(email=email).exists():
        raise ValidationError(_("This address cannot be used."), "taken")
    if User.objects.filter(pk=user.pk, email=old).update(email=email):
        EmailAddress.objects.filter(user=user).delete()  # allauth's copies of the one before
        text = _("You sign in with %(email)s from now on. Was it not you? Tell whoever invited you, at once.")
        _tell(user, old, _("Your address is changed"), text % {"email": email})


def _tell(user: User, to: str, title: str, *paragraphs: str) -> None:
    get_adapter().send_account_mail(user, to=to, title=title, paragraphs=list(paragraphs))


def record_access(
    by: User | ApiKey, brand: Brand | int, *, purpose: AccessLog.Purpose, object_type: str, object_id: str = ""
) -> None:
    """Note that a person or a program saw identified data. Ids only: nothing here ever needs erasing."""
    who = {"api_key": by} if isinstance(by, ApiKey) else {"user": by}
    AccessLog.objects.create(
        brand_id=id_of(brand), **who, purpose=purpose, object_type=object_type, object_id=object_id
    )


def record_list(by: User, rows: Mapping[int, int], *, object_type: str, criteria: int) -> None:
    """Note that a person saw a page of a list: how many rows of which brand (by id), chosen by how many criteria."""
    listed = {"user": by, "purpose": AccessLog.Purpose.LIST, "object_type": object_type, "criteria": criteria}
    AccessLog.objects.bulk_create(AccessLog(brand_id=brand, rows=count, **listed) for brand, count in rows.items())


def note_read(key: ApiKey, *, object_type: str, object_id: str = "") -> None:
    """A program was given identified data: one row, or a page of a list."""
    purpose = AccessLog.Purpose.VIEW if object_id else AccessLog.Purpose.EXPORT
    record_access(key, key.brand, purpose=purpose, object_type=object_type, object_id=object_id)


def record_change(
    by: User | None, brand: Brand | int, action: AuditEntry.Action, row: models.Model, **data: Any
) -> None:
    """Note who changed a row, in the transaction of the change. `data`: numbers, codes and ids, never personal data."""
    AuditEntry.objects.create(
        brand_id=id_of(brand),
        user=by,
        action=action,
        object_type=row._meta.model_name or "",
        object_id=str(row.pk),
        data=data,
    )


def id_of(brand: Brand | int) -> int:
    return brand if isinstance(brand, int) else brand.pk
