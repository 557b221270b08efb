"""A customer leaves: their cases go, with the thread, the files and the words they were found by."""

from collections.abc import Collection
from urllib.parse import quote

from django.db import transaction
from django.db.models import Q

from accounts.models import Brand
from accounts.personal_data import erase_all
from complaints.models import Complaint, IncomingMail, SavedView
from complaints.personal_data import HELD


@transaction.atomic
def erase_cases(customer_id: int, *, brand: Brand, address: str) -> dict[str, int]:
    """How many rows of each table. What came from this address goes too, and what staff keep as a search for it."""
    counts = erase_all(HELD, customer_id)
    if address:
        counts |= _erase_named(brand, address)
    return counts


@transaction.atomic
def forget_cases(cases: Collection[int]) -> None:
    """These cases with all that hangs on them. The caller has opened the door that lets history go."""
    IncomingMail.objects.filter(complaint__in=cases).delete()
    Complaint.objects.filter(pk__in=cases).delete()


@transaction.atomic
def erase_stranger(brand: Brand, address: str) -> dict[str, int]:
    """What came from an address that is no customer's, and staff's searches for it; how many rows of each table."""
    return _erase_named(brand, address)


def _erase_named(brand: Brand, address: str) -> dict[str, int]:
    named = Q(query__icontains=address) | Q(query__icontains=quote(address))
    found = [
        SavedView.objects.filter(named, user__memberships__brand=brand),
        IncomingMail.objects.filter(Q(brand=brand) | Q(brand=None), sender__iexact=address),
    ]
    return {rows.model._meta.label: count for rows in found if (count := rows.delete()[0])}
