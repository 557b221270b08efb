"""A customer leaves: their cases go, with the thread, the files and the words they were found by."""

from urllib.parse import quote

from django.db import transaction
from django.db.models import Q

from accounts.models import Brand
from accounts.personal_data import erase_all
from complaints.models import IncomingMail, SavedView
from complaints.personal_data import HELD


@transaction.atomic
def erase_cases(customer_id: int, *, brand: Brand, address: str) -> dict[str, int]:
    """How many rows of each table. What came from this address goes too, and what staff keep as a search for it."""
    counts = erase_all(HELD, customer_id)
    if address:
        counts |= _erase_named(brand, address)
    return counts


def _erase_named(brand: Brand, address: str) -> dict[str, int]:
    named = Q(query__icontains=address) | Q(query__icontains=quote(address))
    found = [
        SavedView.objects.filter(named, user__memberships__brand=brand),
        IncomingMail.objects.filter(Q(brand=brand) | Q(brand=None), sender__iexact=address),
    ]
    return {rows.model._meta.label: count for rows in found if (count := rows.delete()[0])}
