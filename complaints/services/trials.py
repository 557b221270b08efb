"""What a test purchase left at the desk, removed when it is undone."""

from django.db import transaction

from affiliates.models import Purchase
from affiliates.services import lock_test_purchase
from complaints.models import Complaint


@transaction.atomic
def remove_test_cases(purchase: Purchase) -> None:
    """Delete the cases that were opened on it, with all that was written in them. ValidationError: a real purchase."""
    Complaint.objects.filter(purchase=lock_test_purchase(purchase)).delete()
