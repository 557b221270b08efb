"""Which customer a purchase is about: by the shop's id, else by e-mail."""

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from json.encoder import encode_basestring_ascii

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.statements import select
from affiliates.models import Affiliate, Customer
from affiliates.services.copying import new_row
from affiliates.services.inputs import CustomerInput, FieldError
from mailing.addresses import hash_address, known_hashes

MEANT = """
FROM affiliates_customer
WHERE brand_id = %s AND (external_id = ANY(%s) OR email_hash = ANY(%s::bytea[]) OR id = ANY(%s::bigint[]))
ORDER BY id FOR NO KEY UPDATE
"""
LEARNT_FIELDS = (
    "external_id",
    "email",
    "email_hash",
    "name",
    "language",
    "timezone",
    "survey_notice",
    "acquiring_affiliate",
    "acquired_at",
    "updated_at",
)


class CustomerMismatch(Exception):
    """The shop's id and the e-mail belong to two different people."""

    def as_error(self) -> FieldError:
        message = _("The customer's id and e-mail belong to two different people.")
        return FieldError("customer", "customer_mismatch", message)


class Customers:
    """The customers that a batch is about, each one object: those we had, what we learn of them, and new ones."""

    def __init__(
        self, brand: Brand, found: Iterable[Customer] = (), *, hashes: dict[str, list[bytes]] | None = None
    ) -> None:
        self.brand = brand
        self.by_id: dict[int, Customer] = {}
        self.by_external_id: dict[str, Customer] = {}
        self.by_email_hash: dict[bytes, Customer] = {}
        self.hashes = hashes or {}
        self.new: list[Customer] = []
        self.changed: set[Customer] = set()
        for customer in found:
            self.by_id[customer.pk] = customer
            self._index(customer)

    @classmethod
    def of(cls, brand: Brand, given: Sequence[CustomerInput], *, also: Iterable[int]) -> "Customers":
        """Those that the batch may mean, and those with the ids in `also`; locked against other changes."""
        hashes = {each.email: known_hashes(each.email) for each in given if each.email}
        digests = [digest for each in hashes.values() for digest in each]
        ids = [each.external_id for each in given if each.external_id]
        found = select([Customer], MEANT, [brand.pk, ids, digests, list(also)])
        return cls(brand, (customer for (customer,) in found), hashes=hashes)

    def find(self, given: CustomerInput) -> Customer | None:
        """CustomerMismatch: id and e-mail name two people."""
        by_id = self.by_external_id.get(given.external_id) if given.external_id else None
        by_email = self._by_email(given.email) if given.email else None
        if by_email and given.external_id and by_email.external_id not in (None, given.external_id):
            raise CustomerMismatch
        if by_id and by_email and by_id is not by_email:
            raise CustomerMismatch
        return by_id or by_email

    def resolve(self, given: CustomerInput) -> Customer:
        """The customer meant, made where there is none, knowing what was just told. May raise CustomerMismatch."""
        customer = self.find(given)
        if customer is None:
            return self._add(given)
        if given.external_id and customer.external_id is None:
            self._learn(customer, external_id=given.external_id)
        if given.email and not self._has_email(customer, given.email):
            self._learn(customer, email=given.email, email_hash=hash_address(given.email))
        self.update(customer, given)
        self._index(customer)
        return customer

    def update(self, customer: Customer, given: CustomerInput) -> bool:
        """Take over what may change without being somebody else; whether anything did."""
        told = {name: getattr(given, name) for name in ("name", "language", "timezone") if getattr(given, name)}
        if given.survey_notice is not None:
            told["survey_notice"] = given.survey_notice
        return self._learn(customer, **told)

    def acquire(self, customer: Customer, affiliate: Affiliate, *, at: datetime) -> None:
        customer.acquiring_affiliate_id, customer.acquired_at = affiliate.id, at
        if customer.id:
            self.changed.add(customer)

    def save_changed(self) -> None:
        changed = sorted(self.changed, key=lambda customer: customer.pk)
        for customer in changed:
            customer.updated_at = timezone.now()
        if changed:
            Customer.objects.bulk_update(changed, LEARNT_FIELDS)

    def _add(self, given: CustomerInput) -> Customer:
        customer = new_row(
            Customer,
            {"brand": self.brand},
            external_id=given.external_id or None,
            email=given.email or None,
            # Of all keys the newest: its version is the first byte.
            email_hash=max(self._hashes(given.email)) if given.email else None,
            name=given.name,
            language=given.language,
            timezone=given.timezone,
            survey_notice=given.survey_notice,
        )
        self.new.append(customer)
        self._index(customer)
        return customer

    def _learn(self, customer: Customer, **values: object) -> bool:
        news = {name: value for name, value in values.items() if getattr(customer, name) != value}
        for name, value in news.items():
            setattr(customer, name, value)
        if news and customer.pk:
            self.changed.add(customer)
        return bool(news)

    def _by_email(self, email: str) -> Customer | None:
        for digest in self._hashes(email):
            if customer := self.by_email_hash.get(digest):
                return customer
        return None

    def _has_email(self, customer: Customer, email: str) -> bool:
        return customer.email_hash is not None and bytes(customer.email_hash) in self._hashes(email)

    def _hashes(self, email: str) -> list[bytes]:
        if email not in self.hashes:
            self.hashes[email] = known_hashes(email)
        return self.hashes[email]

    def _index(self, customer: Customer) -> None:
        # An address given up within the batch stays taken until its end: one statement writes all rows, in any order.
        if customer.external_id:
            self.by_external_id[customer.external_id] = customer
        if customer.email_hash:
            self.by_email_hash[bytes(customer.email_hash)] = customer


def identity_hash(given: CustomerInput, *, key_version: int | None = None) -> bytes:
    """Who the shop said bought it, as a keyed hash: behind one byte naming the key, as addresses are hashed.

    Of an e-mail already normalised, as everywhere here.
    """
    keys = settings.PSEUDONYM_KEYS
    version = key_version or max(keys)
    # As json.dumps() writes the two in a list, without its preparations.
    external_id, email = (
        encode_basestring_ascii(name) if name else "null" for name in (given.external_id, given.email)
    )
    message = f"postventa:identity:v1:[{external_id}, {email}]".encode()
    return bytes([version]) + hmac.digest(keys[version].encode(), message, "sha256")


def is_same_identity(stored: bytes | memoryview, given: CustomerInput) -> bool:
    """Also under an older key; a key no longer configured cannot contradict."""
    digest = bytes(stored)
    return digest[0] not in settings.PSEUDONYM_KEYS or digest == identity_hash(given, key_version=digest[0])
