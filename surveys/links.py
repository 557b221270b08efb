"""What the link in a survey's mail leads to, read in one statement.

A customer waits for this page and everybody who opens or answers reads it, so the statement is written by hand: the
same by the ORM took four, and five times as long to put together and to plan.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

from accounts.models import Brand
from affiliates.models import Customer, Product, Purchase
from mailing.models import OutgoingMail
from mailing.tokens import hash_token
from surveys.models import Invitation, InvitationMail, Response

M = TypeVar("M", bound=Model)
# In the order in which their columns are read.
ROWS: dict[str, type[Model]] = {
    "link": InvitationMail,
    "mail": OutgoingMail,
    "invitation": Invitation,
    "purchase": Purchase,
    "customer": Customer,
    "product": Product,
    "brand": Brand,
    "response": Response,
}


@dataclass(frozen=True)
class OpenedLink:
    """`link` knows its mail, and its invitation with brand, purchase, customer and product."""

    link: InvitationMail
    standing: Response | None  # what a human answered here before
    credited: str | None  # the public name of the affiliate credited with the purchase; None: nobody is
    catalogues: str  # another as soon as the brand's facts or aspects are


def open_link(token: str) -> OpenedLink | None:
    """None for a token that no survey's mail carries; unknown and malformed ones cost the same."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [hash_token(token)])
        row = cursor.fetchone()
    if row is None:
        return None
    values = iter(row)
    link, mail, invitation = _read(InvitationMail, values), _read(OutgoingMail, values), _read(Invitation, values)
    purchase, customer, product = _read(Purchase, values), _read(Customer, values), _read(Product, values)
    brand, standing = _read(Brand, values), _read(Response, values)
    is_credited, credited, catalogues = values
    link.mail, link.invitation = mail, invitation
    invitation.brand, invitation.purchase = brand, _found(purchase)
    purchase.customer, purchase.product = customer, _found(product)
    return OpenedLink(link, _found(standing), credited if is_credited else None, catalogues)


@cache
def _statement() -> str:
    """In parts that are planned one by one: a join of eight tables takes longer to plan than all of this to run."""
    return f"""
        WITH asked AS MATERIALIZED (
            SELECT {_columns("link", "mail", "invitation")}
            FROM mailing_outgoingmail mail
            JOIN surveys_invitationmail link ON link.mail_id = mail.id
            JOIN surveys_invitation invitation ON invitation.id = link.invitation_id
            WHERE mail.token_hash = %s
        ), bought AS MATERIALIZED (
            SELECT {_columns("purchase", "customer", "product")}
            FROM affiliates_purchase purchase
            JOIN affiliates_customer customer ON customer.id = purchase.customer_id
            LEFT JOIN affiliates_product product ON product.id = purchase.product_id
            WHERE purchase.id = (SELECT invitation_purchase_id FROM asked)
        ), credited AS MATERIALIZED (
            SELECT affiliate.public_name
            FROM affiliates_attribution attribution
            JOIN affiliates_affiliate affiliate ON affiliate.id = attribution.affiliate_id
            WHERE attribution.purchase_id = (SELECT invitation_purchase_id FROM asked) AND attribution.is_current
        )
        SELECT asked.*, bought.*, {_columns("brand", "response")},
            EXISTS (SELECT FROM credited),
            (SELECT public_name FROM credited),
            concat_ws(
                '/',
                (SELECT sum(hash_record_extended(f, 0)) FROM surveys_fact f WHERE f.brand_id = brand.id),
                (SELECT sum(hash_record_extended(a, 0)) FROM surveys_aspect a WHERE a.brand_id = brand.id)
            )
        FROM asked
        JOIN accounts_brand brand ON brand.id = asked.invitation_brand_id
        LEFT JOIN bought ON true
        LEFT JOIN surveys_response response
            ON response.invitation_id = asked.invitation_id AND NOT response.is_suspect
    """  # noqa: S608 - names of our own tables and columns


def _columns(*names: str) -> str:
    columns = ((name, field.column) for name in names for field in ROWS[name]._meta.concrete_fields)
    return ", ".join(f'{name}."{column}" AS "{name}_{column}"' for name, column in columns)


def _read(model: type[M], values: Iterator[Any]) -> M:
    """The next of a row's values as a row of its table."""
    fields = model._meta.concrete_fields
    found = [_converted(field, value) for field, value in zip(fields, islice(values, len(fields)), strict=True)]
    return model.from_db(connection.alias, [field.attname for field in fields], found)


def _found(row: M) -> M | None:
    """None where the join found none."""
    return row if row.pk is not None else None


def _converted(field: Any, value: Any) -> Any:
    """As the ORM does it: JSON, for one, comes as text."""
    return field.from_db_value(value, None, connection) if hasattr(field, "from_db_value") else value
