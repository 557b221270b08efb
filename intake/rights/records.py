"""The access log, found by whom it is about: a customer's address, an order or a case."""

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.records import AccessLogAdmin
from accounts.models import Brand
from affiliates.models import Customer, Purchase
from complaints.models import Complaint
from mailing.addresses import known_hashes


class CustomersAccessLogAdmin(AccessLogAdmin):
    search_help_text = _("A customer’s or a colleague’s whole e-mail address, an order or a case")

    def named_by(self, request: HttpRequest, term: str) -> Q:
        return super().named_by(request, term) | looks_at(
            term, brands=list(Brand.objects.administered_by(request.user))
        )


def looks_at(term: str, *, brands: list[Brand]) -> Q:
    """Every look at this customer: at their page, their purchases or their cases."""
    customers = Customer.objects.filter(brand__in=brands)
    found = Q(email_hash__in=known_hashes(term)) | Q(external_id=term)
    about = Q(purchases__external_id=term) | Q(complaints__number=term)
    people = list(customers.filter(found | about).distinct().values_list("pk", flat=True))
    purchases = Purchase.objects.filter(customer__in=people).values_list("pk", flat=True)
    cases = Complaint.objects.filter(Q(customer__in=people) | Q(purchase__customer__in=people)).distinct()
    ids = {"customer": people, "purchase": purchases, "complaint": cases.values_list("pk", flat=True)}
    wanted = Q(pk__in=[])
    for kind, pks in ids.items():
        wanted |= Q(object_type=kind, object_id__in=[str(pk) for pk in pks])
    return wanted
