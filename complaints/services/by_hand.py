"""Cases that staff open: somebody called, or wrote where no machine listens."""

from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from affiliates.models import Customer, Purchase
from complaints.models import Complaint, ComplaintEvent
from complaints.services.handling import DOUBLE_TAP, WRITING_ROLES
from complaints.services.opening import Problem, customers_by_email, open_complaint
from mailing.addresses import known_hashes


@transaction.atomic
def open_by_hand(
    brand: Brand, problem: Problem, *, order: str = "", email: str = "", by: User, now: datetime
) -> tuple[Complaint, bool]:
    """The case, and whether it is new: the purchase may have an open one, which then gets what was said.

    The order tells the customer; without one the address does, and without both the case belongs to nobody.
    """
    if by.role_in(brand) not in WRITING_ROLES:
        raise PermissionDenied(_("Your role may read cases, not change them."))
    purchase = purchase_of(brand, order) if order else None
    if purchase and email and not is_address_of(purchase.customer, email):
        raise ValidationError({"email": _("The purchase and the e-mail belong to two different people.")})
    customer = customers_by_email(brand, [email])[email] if email and purchase is None else None
    if purchase is None and (opened := opened_just_now(brand, problem, customer, by=by, now=now)):
        return opened, False
    return open_complaint(brand, problem, purchase=purchase, customer=customer, by=by, now=now)


def opened_just_now(
    brand: Brand, problem: Problem, customer: Customer | None, *, by: User, now: datetime
) -> Complaint | None:
    """The same by the same colleague within a minute: a double tap. Of a purchase there is one open case anyway."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # the second tap waits for the first
    same = ComplaintEvent.objects.filter(kind=ComplaintEvent.Kind.OPENED, actor=by, at__gt=now - DOUBLE_TAP)
    same = same.filter(complaint__brand=brand, complaint__customer=customer, complaint__subject=problem.subject[:200])
    event = same.filter(text=problem.text).select_related("complaint").first()
    return event.complaint if event else None


def purchase_of(brand: Brand, order: str) -> Purchase:
    purchase = Purchase.objects.select_related("customer").filter(brand=brand, external_id=order).first()
    if purchase is None:
        raise ValidationError({"order": _("There is no purchase of this id.")}, code="unknown_purchase")
    return purchase


def is_address_of(customer: Customer, email: str) -> bool:
    """Also where we know no address of theirs: then nothing contradicts."""
    return customer.email_hash is None or bytes(customer.email_hash) in known_hashes(email)
