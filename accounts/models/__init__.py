"""Who there is: brands (the tenants, with their rules), people, roles and keys."""

from typing import TYPE_CHECKING

from accounts.models.brands import (
    ATTRIBUTION_METHODS,
    FORMAL_SPANISH,
    KNOWING_CUSTOMERS,
    TAKING_FILES,
    Brand,
    BrandOwnedQuerySet,
    BrandQuerySet,
    CustomersQuerySet,
    Role,
    Row,
    default_attribution_order,
    default_languages,
    validate_attribution_order,
    validate_timezone,
)
from accounts.models.keys import ApiKey, ApiKeyQuerySet, Scope, all_scopes
from accounts.models.people import Membership, User, UserManager, UserQuerySet
from accounts.models.records import AccessLog, AccessLogQuerySet, AuditEntry, AuditEntryQuerySet

if TYPE_CHECKING:
    from accounts.models.brands import Viewer as Viewer

__all__ = [
    "ATTRIBUTION_METHODS",
    "FORMAL_SPANISH",
    "KNOWING_CUSTOMERS",
    "TAKING_FILES",
    "AccessLog",
    "AccessLogQuerySet",
    "ApiKey",
    "ApiKeyQuerySet",
    "AuditEntry",
    "AuditEntryQuerySet",
    "Brand",
    "BrandOwnedQuerySet",
    "BrandQuerySet",
    "CustomersQuerySet",
    "Membership",
    "Role",
    "Row",
    "Scope",
    "User",
    "UserManager",
    "UserQuerySet",
    "all_scopes",
    "default_attribution_order",
    "default_languages",
    "validate_attribution_order",
    "validate_timezone",
]
