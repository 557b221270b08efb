"""The doors for shops: no key, a signature. Every refusal of a signature reads the same, whatever was wrong."""

from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import ApiError
from intake.hooks import shopify
from intake.hooks.delivery import Delivery, ShopHook
from intake.hooks.processing import process_event
from intake.hooks.receiving import NotSigned, Unreadable, receive


class ReceivedSerializer(serializers.Serializer[Any]):
    received = serializers.BooleanField()
    duplicate = serializers.BooleanField()


def header(name: str, description: str, *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, required=required)


class HookView(APIView):
    """A shop's webhook. What is signed is stored before it is answered, and worked at once or a little later."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    hook: ShopHook

    def receive(self, request: Request, brand: str) -> Response:
        now = timezone.now()
        delivery = Delivery(request.headers, read_body(request))
        if self.hook.is_greeting(delivery):
            return received(is_new=True)
        try:
            event, is_new = receive(self.hook, brand, delivery, now=now)
        except NotSigned:
            refuse_signature()
        except Unreadable:
            raise ApiError(status.HTTP_400_BAD_REQUEST, "parse_error", _("This is no JSON object.")) from None
        if is_new:
            process_event(event, now=now)
        return received(is_new=is_new)


class ShopifyHookView(HookView):
    hook = shopify.HOOK

    @extend_schema(
        operation_id="hooks_shopify",
        auth=[],
        request=OpenApiTypes.OBJECT,
        parameters=[
            header("X-Shopify-Hmac-Sha256", "Base64 of the HMAC-SHA-256 of the body."),
            header("X-Shopify-Topic", "Such as `orders/create`."),
            header("X-Shopify-Event-Id", "The same again is answered and not worked twice.", required=False),
        ],
        responses=ReceivedSerializer,
    )
    def post(self, request: Request, brand: str) -> Response:
        """Orders, fulfillments and refunds from Shopify."""
        return self.receive(request, brand)


def read_body(request: Request) -> bytes:
    """The bytes as they came, whatever they call themselves: only these are signed. ApiError: too many."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > settings.HOOK_MAX_BYTES:
        refuse_size()
    try:
        body: bytes = request._request.body
    except RequestDataTooBig:
        refuse_size()
    if len(body) > settings.HOOK_MAX_BYTES:
        refuse_size()
    return body


def received(*, is_new: bool) -> Response:
    return Response({"received": True, "duplicate": not is_new})


def refuse_signature() -> NoReturn:
    raise ApiError(status.HTTP_401_UNAUTHORIZED, "invalid_signature", _("The signature is missing or not valid."))


def refuse_size() -> NoReturn:
    message = _("This is larger than %(limit)d bytes.") % {"limit": settings.HOOK_MAX_BYTES}
    raise ApiError(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, "too_large", message)


hook_urlpatterns = [
    path("hooks/shopify/<str:brand>/", ShopifyHookView.as_view(), name="hook-shopify"),
]
