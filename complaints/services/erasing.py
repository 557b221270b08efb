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
    """How many rows of each table. Their mail that is in no case, and staff's searches for the address, go too."""
    views = 0
    if address:
        named = Q(query__icontains=address) | Q(query__icontains=quote(address))
        views = SavedView.objects.filter(named, user__memberships__brand=brand).delete()[0]
        IncomingMail.objects.filter(brand=brand, sender__iexact=address).delete()
    return erase_all(HELD, customer_id) | ({SavedView._meta.label: views} if views else {})
