"""The doors for shops: no key, a signature. Every refusal of a signature reads the same, whatever was wrong."""

from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import ApiError
from complaints.services.receiving import take_in
from intake.hooks import letters, postback, shopify, stripe, woocommerce
from intake.hooks.delivery import Delivery, ShopHook
from intake.hooks.mail import receive_mail_events
from intake.hooks.processing import process_event
from intake.hooks.receiving import BadParameters, NotSigned, Unreadable, receive, receive_postback
from intake.representations import errors_as_json
from mailing.providers import VIEWS, NotGenuine, check_genuine, confirm_subscription, subscription_to_confirm

# Bytes of a mail provider's message. It waits only seconds for its answer: a batch of hundreds is left to the worker.
WORKED_AT_ONCE = 20_000

WRONG_SIGNATURE = gettext_lazy("The signature is missing or not valid.")


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


class WooCommerceHookView(HookView):
    hook = woocommerce.HOOK

    @extend_schema(
        operation_id="hooks_woocommerce",
        auth=[],
        request=OpenApiTypes.OBJECT,
        parameters=[
            header("X-WC-Webhook-Signature", "Base64 of the HMAC-SHA-256 of the body."),
            header("X-WC-Webhook-Topic", "Such as `order.updated`."),
            header("X-WC-Webhook-Delivery-ID", "With the body, what makes a message unique.", required=False),
        ],
        responses=ReceivedSerializer,
    )
    def post(self, request: Request, brand: str) -> Response:
        """Orders and their refunds from WooCommerce."""
        return self.receive(request, brand)


class StripeHookView(HookView):
    hook = stripe.HOOK

    @extend_schema(
        operation_id="hooks_stripe",
        auth=[],
        request=OpenApiTypes.OBJECT,
        parameters=[header("Stripe-Signature", "`t=<seconds>,v1=<hex>`, at most five minutes old.")],
        responses=ReceivedSerializer,
    )
    def post(self, request: Request, brand: str) -> Response:
        """Paid checkout sessions and refunds from Stripe."""
        return self.receive(request, brand)


class NeedsSecret(ApiError):
    """Amazon sends the secret of its address only when asked for it so."""

    auth_header = 'Basic realm="Postventa"'


class MailHookView(APIView):
    """A mail provider's webhook, signed or with a secret in its address as that provider has it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="hooks_mail",
        auth=[],
        request=OpenApiTypes.OBJECT,
        parameters=[
            OpenApiParameter(
                "esp", str, OpenApiParameter.PATH, enum=sorted(VIEWS), description="As django-anymail names it."
            ),
            header(
                "Authorization", "Basic, with `ANYMAIL_WEBHOOK_SECRET`: of providers that sign nothing.", required=False
            ),
        ],
        responses=ReceivedSerializer,
    )
    def post(self, request: Request, esp: str) -> Response:
        """Deliveries, bounces, complaints and unsubscribings as the mail provider sends them."""
        now = timezone.now()
        if esp not in VIEWS:
            raise Http404
        body = read_body(request)
        try:
            check_genuine(esp, request._request)
        except NotGenuine:
            raise NeedsSecret(status.HTTP_401_UNAUTHORIZED, "invalid_signature", str(WRONG_SIGNATURE)) from None
        if url := subscription_to_confirm(esp, body):
            if not confirm_subscription(url):
                raise ApiError(status.HTTP_503_SERVICE_UNAVAILABLE, "unavailable", _("Amazon could not be reached."))
            return received(is_new=True)
        event, is_new = receive_mail_events(esp, body, now=now)
        if is_new and len(body) <= WORKED_AT_ONCE:
            process_event(event, now=now)
        return received(is_new=is_new)

    @extend_schema(exclude=True)
    def head(self, request: Request, esp: str) -> Response:
        """Some providers look whether somebody is at home before they take an address."""
        return Response(status=status.HTTP_200_OK if esp in VIEWS else status.HTTP_404_NOT_FOUND)


class LetterHookView(APIView):
    """Mail of customers, as the provider that takes it in for us sends it on, or as any server does that signs it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="hooks_inbound",
        auth=[],
        request={"message/rfc822": OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter(
                "esp",
                str,
                OpenApiParameter.PATH,
                enum=sorted([letters.RAW, *letters.VIEWS]),
                description="As django-anymail names it; `raw`: the mail itself, signed as Standard Webhooks.",
            ),
            header("webhook-id", "Of `raw` mail.", required=False),
            header("webhook-timestamp", "Of `raw` mail: seconds since 1970.", required=False),
            header("webhook-signature", "Of `raw` mail: `v1,` and base64, by INBOUND_MAIL_SECRET.", required=False),
            header("X-Recipient", "Of `raw` mail: to whom it was delivered, where that is known.", required=False),
        ],
        responses=ReceivedSerializer,
    )
    def post(self, request: Request, esp: str) -> Response:
        """A mail of a customer: into the case that it answers, or to be looked at by staff."""
        now = timezone.now()
        body = read_letter_body(request)
        if esp == letters.RAW:
            if not letters.is_signed(request.headers, body, now=now):
                refuse_signature()
            _mail, is_new = take_in(body, now=now, recipient=request.headers.get("X-Recipient", ""))
            return received(is_new=is_new)
        if esp not in letters.VIEWS:
            raise Http404
        try:
            check_genuine(esp, request._request, letters.VIEWS)
        except NotGenuine:
            refuse_signature()
        return received(is_new=letters.receive_letters(esp, request._request, now=now))

    @extend_schema(exclude=True)
    def head(self, request: Request, esp: str) -> Response:
        """Some providers look whether somebody is at home before they take an address."""
        return Response(status=status.HTTP_200_OK if esp in letters.VIEWS else status.HTTP_404_NOT_FOUND)


class PostbackSerializer(serializers.Serializer[Any]):
    order_id = serializers.CharField()
    event = serializers.CharField()
    received = serializers.BooleanField()


class PostbackView(APIView):
    """A GET that writes, since networks can do nothing else; hence no HEAD, which nobody means to write."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    http_method_names = ("get", "options")

    @extend_schema(
        operation_id="postback",
        auth=[],
        parameters=[
            OpenApiParameter("order_id", str, required=True),
            OpenApiParameter("event", str, enum=list(dict.fromkeys(postback.EVENTS.values())), default="sale"),
            OpenApiParameter("ts", int, required=True, description="Seconds since 1970; within ten minutes of now."),
            OpenApiParameter(
                "sig",
                str,
                required=True,
                description="HMAC-SHA-256, in hex, of all other parameters: sorted, percent-encoded by RFC 3986, "
                "joined by `&`.",
            ),
            *(OpenApiParameter(name, str) for name in ("click_id", "coupon", "affiliate", "amount", "currency")),
            *(OpenApiParameter(name, str) for name in ("email", "customer_id", "language", "sku", "refund_id")),
        ],
        responses=PostbackSerializer,
    )
    def get(self, request: Request, brand: str) -> Response:
        """Tell of a sale, a delivery, a cancellation or a refund by a signed address. Repeats are answered alike."""
        now = timezone.now()
        parameters = request.GET.dict()
        signed = [(name, value) for name, values in request.GET.lists() if name != "sig" for value in values]
        try:
            event, is_new = receive_postback(brand, parameters, signed=signed, now=now)
        except NotSigned:
            refuse_signature()
        except BadParameters as bad:
            message = _("Some of what was sent is not valid.")
            raise ApiError(status.HTTP_400_BAD_REQUEST, "invalid", message, errors_as_json(bad.errors)) from None
        if is_new:
            process_event(event, now=now)
        return Response({"order_id": parameters["order_id"], "event": event.kind, "received": True})


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


def read_letter_body(request: Request) -> bytes:
    """A mail with its files may be larger than any other body is; base64 adds a third. ApiError: too many bytes."""
    most = settings.INBOUND_MAX_BYTES * 4 // 3
    body = request._request.read(most + 1)
    if len(body) > most:
        refuse_size(most)
    request._request._body = body  # from which forms and signatures are read, as if Django had
    return body


def received(*, is_new: bool) -> Response:
    return Response({"received": True, "duplicate": not is_new})


def refuse_signature() -> NoReturn:
    raise ApiError(status.HTTP_401_UNAUTHORIZED, "invalid_signature", str(WRONG_SIGNATURE))


def refuse_size(limit: int = 0) -> NoReturn:
    message = _("This is larger than %(limit)d bytes.") % {"limit": limit or settings.HOOK_MAX_BYTES}
    raise ApiError(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, "too_large", message)


hook_urlpatterns = [
    path("hooks/shopify/<str:brand>/", ShopifyHookView.as_view(), name="hook-shopify"),
    path("hooks/woocommerce/<str:brand>/", WooCommerceHookView.as_view(), name="hook-woocommerce"),
    path("hooks/stripe/<str:brand>/", StripeHookView.as_view(), name="hook-stripe"),
    path("hooks/mail/<str:esp>/", MailHookView.as_view(), name="hook-mail"),
    path("hooks/inbound/<str:esp>/", LetterHookView.as_view(), name="hook-inbound"),
    path("postback/<str:brand>/", PostbackView.as_view(), name="postback"),
]
