"""For a shop's own page of privacy: have a customer erased, or told what is held of them."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import key_of
from accounts.models import Brand, Scope
from affiliates.models import Customer
from intake.models import Erasure
from intake.rights.erasing import customers_called, request_erasure
from intake.rights.exporting import note_export, told_of
from intake.values import is_storable


class WhoSerializer(serializers.Serializer[Any]):
    """By the shop's id, else by the e-mail."""

    external_id = serializers.CharField(max_length=120, required=False, allow_null=True)
    email = serializers.EmailField(max_length=320, required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs.get("external_id") or attrs.get("email")):  # an empty one names nobody
            needed = serializers.ErrorDetail(_("Say who: by the shop's id or by e-mail."), "required")
            raise serializers.ValidationError({"external_id": [needed], "email": [needed]})
        return attrs


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    id = serializers.UUIDField(source="uuid")
    is_done = serializers.BooleanField()
    rows = serializers.DictField(source="counts", child=serializers.IntegerField(), help_text="By table.")

    class Meta:
        model = Erasure
        fields = ("id", "requested_at", "step", "is_done", "finished_at", "rows")


class ToldSerializer(serializers.Serializer[Any]):
    brand = serializers.CharField()
    told_at = serializers.DateTimeField()
    held = serializers.DictField(child=serializers.ListField(child=serializers.DictField()), help_text="By table.")


class EraseView(APIView):
    scopes = {"POST": Scope.CUSTOMERS}

    @extend_schema(operation_id="customers_erase", request=WhoSerializer, responses={202: ErasureSerializer})
    def post(self, request: Request) -> Response:
        """Have a customer erased, for good. It begins within seconds; the answer's id tells how far it is."""
        customer = named_by(request)
        erasure = request_erasure(customer, door=Erasure.Door.API, by=key_of(request), now=timezone.now())
        return Response(ErasureSerializer(erasure).data, status=status.HTTP_202_ACCEPTED)


class ExportView(APIView):
    scopes = {"POST": Scope.CUSTOMERS}

    @extend_schema(operation_id="customers_export", request=WhoSerializer, responses=ToldSerializer)
    def post(self, request: Request) -> Response:
        """All that is held of a customer. By POST, so that no address stands in a log; it is noted who asked."""
        customer = named_by(request)
        note_export(customer, by=key_of(request))
        return Response(told_of(customer, now=timezone.now()))


class ErasureView(APIView):
    scopes = {"GET": Scope.CUSTOMERS}

    @extend_schema(operation_id="erasures_retrieve", responses=ErasureSerializer)
    def get(self, request: Request, erasure: str) -> Response:
        """How far an erasure is; once done, its certificate, which names nobody."""
        found = get_object_or_404(Erasure, brand=key_of(request).brand, uuid=erasure)
        return Response(ErasureSerializer(found).data)


def named_by(request: Request) -> Customer:
    who = WhoSerializer(data=request.data)
    who.is_valid(raise_exception=True)
    found = find(key_of(request).brand, who.validated_data)
    if found is None:
        raise Http404
    return found


def find(brand: Brand, given: dict[str, Any]) -> Customer | None:
    external_id = given.get("external_id")
    if not external_id:
        return next(iter(customers_called(given["email"], brand=brand)), None)
    if not is_storable(external_id):
        return None
    return Customer.objects.select_related("brand").filter(brand=brand, external_id=external_id).first()


rights_urlpatterns = [
    path("customers/erase/", EraseView.as_view(), name="customer-erase"),
    path("customers/export/", ExportView.as_view(), name="customer-export"),
    path("erasures/<uuid:erasure>/", ErasureView.as_view(), name="erasure"),
]
