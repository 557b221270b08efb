"""What the link in a survey's mail leads to, read in one statement.

A customer waits for this page and everybody who opens or answers reads it: by the ORM it took four statements.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

from accounts.models import Brand
from accounts.statements import select
from affiliates.models import Customer, Product, Purchase
from mailing.models import OutgoingMail
from mailing.tokens import hash_token
from surveys.models import Aspect, Fact, Invitation, InvitationMail, Response

M = TypeVar("M", bound=Model)
ROWS = (InvitationMail, OutgoingMail, Invitation, Brand, Purchase, Customer, Product, Response)
# Another as soon as a brand's facts or aspects are.
FINGERPRINT = """
    concat_ws(
        '/',
        (SELECT sum(hash_record_extended(fact, 0)) FROM surveys_fact fact WHERE fact.brand_id = accounts_brand.id),
        (SELECT sum(hash_record_extended(aspect, 0)) FROM surveys_aspect aspect
         WHERE aspect.brand_id = accounts_brand.id)
    )
"""
BEHIND_TOKEN = f""",
        attribution.affiliate_id, affiliate.public_name, {FINGERPRINT}
    FROM mailing_outgoingmail
    JOIN surveys_invitationmail ON surveys_invitationmail.mail_id = mailing_outgoingmail.id
    JOIN surveys_invitation ON surveys_invitation.id = surveys_invitationmail.invitation_id
    JOIN accounts_brand ON accounts_brand.id = surveys_invitation.brand_id
    LEFT JOIN affiliates_purchase ON affiliates_purchase.id = surveys_invitation.purchase_id
    LEFT JOIN affiliates_customer ON affiliates_customer.id = affiliates_purchase.customer_id
    LEFT JOIN affiliates_product ON affiliates_product.id = affiliates_purchase.product_id
    LEFT JOIN surveys_response
        ON surveys_response.invitation_id = surveys_invitation.id AND NOT surveys_response.is_suspect
    LEFT JOIN affiliates_attribution attribution
        ON attribution.purchase_id = surveys_invitation.purchase_id AND attribution.is_current
    LEFT JOIN affiliates_affiliate affiliate ON affiliate.id = attribution.affiliate_id
    WHERE mailing_outgoingmail.token_hash = %s
"""

# In one statement with their fingerprint, which is true of them whoever changes them meanwhile.
CHIPS = f"""
    SELECT {FINGERPRINT}, chip.catalogue, chip.code, chip.labels, chip.is_active
    FROM accounts_brand
    LEFT JOIN (
        SELECT brand_id, 'fact' AS catalogue, code, labels, is_active, position FROM surveys_fact
        UNION ALL SELECT brand_id, 'aspect', code, labels, is_active, position FROM surveys_aspect
    ) chip ON chip.brand_id = accounts_brand.id
    WHERE accounts_brand.id = %s
    ORDER BY chip.position, chip.code
"""  # noqa: S608 - a text of our own
Chip = Mapping[str, Any]  # code, labels by language, is_active


@dataclass(frozen=True)
class OpenedLink:
    """`link` knows its mail, and its invitation with brand, purchase, customer and product."""

    link: InvitationMail
    standing: Response | None  # what a human answered here before
    credited: str | None  # the public name of the affiliate credited with the purchase; None: nobody is
    catalogues: str  # another as soon as the brand's facts or aspects are


def open_link(token: str) -> OpenedLink | None:
    """None for a token that no survey's mail carries; unknown and malformed ones cost the same."""
    for link, mail, invitation, brand, purchase, customer, product, standing, *rest in select(
        ROWS, BEHIND_TOKEN, [hash_token(token)]
    ):
        affiliate, public_name, catalogues = rest
        link.mail, link.invitation = mail, invitation
        invitation.brand, invitation.purchase = brand, _found(purchase)
        purchase.customer, purchase.product = customer, _found(product)
        return OpenedLink(link, _found(standing), public_name if affiliate else None, catalogues)
    return None


class CataloguesChanged(Exception):
    """The brand's catalogues are not those of this fingerprint any more."""

    def __init__(self, catalogues: str) -> None:
        super().__init__(catalogues)
        self.catalogues = catalogues  # those of now


@lru_cache(maxsize=100)
def chips_of(brand: int, catalogues: str) -> Mapping[type[Fact] | type[Aspect], Sequence[Chip]]:
    """The brand's facts and aspects as they were when they had this fingerprint, or CataloguesChanged."""
    with connection.cursor() as cursor:
        cursor.execute(CHIPS, [brand])
        rows = cursor.fetchall()
    if rows[0][0] != catalogues:
        raise CataloguesChanged(rows[0][0])
    chips: dict[type[Fact] | type[Aspect], list[Chip]] = {Fact: [], Aspect: []}
    for _catalogues, catalogue, code, labels, is_active in rows:
        if catalogue:
            kind = Fact if catalogue == "fact" else Aspect
            chips[kind].append({"code": code, "labels": json.loads(labels), "is_active": is_active})
    return chips


def _found(row: M) -> M | None:
    """None where the join found none."""
    return row if row.pk is not None else None
