"""Cases in from a shop's own forms and tools, and out to them."""

from typing import Any

from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import CursorPagination
from accounts.authentication import key_of
from accounts.models import Brand, Scope
from accounts.services import note_read
from affiliates.models import Purchase
from complaints.forms import LONGEST_TEXT
from complaints.models import Complaint
from complaints.services import Problem, customers_by_email, open_complaint
from complaints.services.by_hand import is_address_of

KINDS = [choice for choice in Complaint.Kind.choices if choice[0] != Complaint.Kind.FOLLOW_UP]


class NewComplaintSerializer(serializers.Serializer[Any]):
    """Who it is about is told by the purchase or by the e-mail; by both, where they say the same."""

    purchase = serializers.CharField(max_length=120, required=False, allow_null=True, help_text="The shop's id.")
    email = serializers.EmailField(max_length=320, required=False, allow_null=True)
    kind = serializers.ChoiceField(KINDS)
    subject = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=LONGEST_TEXT, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        brand: Brand = self.context["brand"]
        purchase = self.purchase_of(brand, attrs.get("purchase"))
        if purchase is None and not attrs.get("email"):
            needed = serializers.ErrorDetail(_("Say which purchase it is about, or who writes."), "required")
            raise serializers.ValidationError({"purchase": [needed], "email": [needed]})
        if purchase and attrs.get("email") and not is_address_of(purchase.customer, attrs["email"]):
            message = _("The purchase and the e-mail belong to two different people.")
            raise serializers.ValidationError({"email": message}, "customer_mismatch")
        return attrs | {"purchase": purchase}

    def purchase_of(self, brand: Brand, external_id: str | None) -> Purchase | None:
        if not external_id:
            return None
        purchase = Purchase.objects.select_related("customer").filter(brand=brand, external_id=external_id).first()
        if purchase is None:
            message = _("There is no purchase of this id.")
            raise serializers.ValidationError({"purchase": message}, "unknown_purchase")
        return purchase


class ComplaintSerializer(serializers.ModelSerializer[Complaint]):
    purchase = serializers.CharField(source="purchase.external_id", allow_null=True, default=None, read_only=True)

    class Meta:
        model = Complaint
        fields = ("number", "kind", "state", "purchase", "opened_at", "legal_due_at", "service_due_at")
        read_only_fields = fields


class NewestFirst(CursorPagination):
    ordering = ("-opened_at", "-id")  # type: ignore[assignment]


class ComplaintsView(APIView):
    scopes = {"GET": Scope.COMPLAINTS_READ, "POST": Scope.COMPLAINTS_WRITE}
    pagination_class = NewestFirst

    @extend_schema(operation_id="complaints_list", responses=ComplaintSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Cases, newest first."""
        pages = self.pagination_class()
        cases = Complaint.objects.filter(brand=key_of(request).brand).select_related("purchase")
        page = pages.paginate_queryset(cases, request, view=self)
        note_read(key_of(request), object_type="complaint")
        return pages.get_paginated_response(ComplaintSerializer(page, many=True).data)

    @extend_schema(
        operation_id="complaints_create",
        request=NewComplaintSerializer,
        responses={201: ComplaintSerializer, 200: ComplaintSerializer},
    )
    def post(self, request: Request) -> Response:
        """Open a case for a customer who wrote to you: it is acknowledged to them by e-mail.

        What comes while the purchase has an open case is added to that one: 200 and the same number.
        """
        brand = key_of(request).brand
        serializer = NewComplaintSerializer(data=request.data, context={"brand": brand})
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        problem = Problem(kind=given["kind"], subject=given["subject"], text=given["text"], wants_contact=True)
        customer = None if given["purchase"] else customers_by_email(brand, [given["email"]])[given["email"]]
        complaint, is_new = open_complaint(
            brand, problem, purchase=given["purchase"], customer=customer, now=timezone.now()
        )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(ComplaintSerializer(complaint).data, status=code)


api_urlpatterns = [path("complaints/", ComplaintsView.as_view(), name="complaints")]
