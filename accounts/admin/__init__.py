"""The admin for brands, people and keys, and the rules that every admin page of the house follows."""

from accounts.admin import brands, keys, records
from accounts.admin.rules import (
    MOST_LISTED,
    WRITING_ROLES,
    AdministratorsAdmin,
    BoundedPaginator,
    BrandModelAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    brand_id_of,
    brands_with_role,
    has_role,
    may_name_customers,
    may_open,
    roles_of,
    way_to_brand,
)

__all__ = [
    "MOST_LISTED",
    "WRITING_ROLES",
    "AdministratorsAdmin",
    "BoundedPaginator",
    "BrandModelAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "brand_id_of",
    "brands",
    "brands_with_role",
    "has_role",
    "keys",
    "may_name_customers",
    "may_open",
    "records",
    "roles_of",
    "way_to_brand",
]
