"""A brand's own endpoints for what it wants to be told (docs/webhooks.md), set up by its own programs."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import IF_MATCH, refuse_unless_match, version
from accounts.authentication import key_of
from accounts.models import Scope
from mailing.models import OF_BRAND, Delivery, DeliveryAttempt, Endpoint
from mailing.services.webhooks import (
    TooManyTests,
    change_endpoint,
    end_endpoint,
    new_endpoint,
    note,
    pause_endpoint,
    renew_secret,
    replay,
    replay_since,
    resume_endpoint,
    send_test,
)
from mailing.services.webhooks.keeping import EVENTS_OF_BRAND
from mailing.targets import LONGEST_URL

EVENTS = [(str(kind), kind.label) for kind in EVENTS_OF_BRAND]


class WebhookSerializer(serializers.ModelSerializer[Endpoint]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    url = serializers.CharField(max_length=LONGEST_URL, help_text="https, on the public internet.")
    events = serializers.ListField(child=serializers.ChoiceField(EVENTS), min_length=1, max_length=50)
    description = serializers.CharField(max_length=100, allow_blank=True, required=False)

    class Meta:
        model = Endpoint
        fields = (
            *("id", "url", "events", "description", "state", "pause_reason", "paused_at"),
            *("failing_since", "delivered_at", "created_at"),
        )
        read_only_fields = ("state", "pause_reason", "paused_at", "failing_since", "delivered_at", "created_at")


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(read_only=True, help_text="Shown this once. Signs what is sent there.")

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class WebhookChangeSerializer(WebhookSerializer):
    state = serializers.ChoiceField(
        [Endpoint.State.ACTIVE, Endpoint.State.PAUSED],
        required=False,
        help_text="While it is paused, what happens waits; active again, it gets all of it.",
    )

    class Meta(WebhookSerializer.Meta):
        read_only_fields = ("pause_reason", "paused_at", "failing_since", "delivered_at", "created_at")  # type: ignore[assignment]


class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ("at", "milliseconds", "status", "problem", "reply")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    id = serializers.CharField(source="event.public_id", help_text="The event’s `webhook-id`.")
    type = serializers.CharField(source="event.kind")
    timestamp = serializers.DateTimeField(source="event.occurred_at")
    data = serializers.JSONField(source="event.data")  # type: ignore[assignment]  # DRF has a property of that name
    next_try_at = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Delivery
        fields = ("id", "type", "timestamp", "data", "state", "tries", "next_try_at", "finished_at", "attempts")

    @staticmethod
    def get_next_try_at(delivery: Delivery) -> Any:
        is_pending = delivery.state == Delivery.State.PENDING
        return serializers.DateTimeField().to_representation(delivery.not_before) if is_pending else None


class ReplaySerializer(serializers.Serializer[Any]):
    """One event, or all since a moment."""

    event = serializers.RegexField(r"\Aevt_[0-9a-f]{32}\Z", required=False)
    since = serializers.DateTimeField(required=False)
    only_failed = serializers.BooleanField(required=False, default=False, help_text="Of all since then.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("event" in attrs) == ("since" in attrs):
            raise serializers.ValidationError(_("Name one event, or since when: one of both."), "one_of_both")
        return attrs


COUNT = inline_serializer("Replayed", {"deliveries": serializers.IntegerField()})
SECRET = inline_serializer("RenewedSecret", {"secret": serializers.CharField()})
SENT = inline_serializer("TestSent", {"id": serializers.CharField(help_text="The test’s `webhook-id`.")})


def endpoints_of(request: Request) -> QuerySet[Endpoint]:
    """Of the key's brand, and none of its affiliates'."""
    return Endpoint.objects.standing().filter(brand=key_of(request).brand, audience=OF_BRAND)


class WebhooksView(generics.ListCreateAPIView[Endpoint]):
    scopes = {"GET": Scope.WEBHOOKS, "POST": Scope.WEBHOOKS}
    serializer_class = WebhookSerializer
    queryset = Endpoint.objects.none()

    def get_queryset(self) -> QuerySet[Endpoint]:
        return endpoints_of(self.request)

    @extend_schema(request=WebhookSerializer, responses={201: NewWebhookSerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Be told what happens, at an address of yours. The answer holds the secret, this once."""
        given = WebhookSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with transaction.atomic():
            endpoint, secret = new_endpoint(key_of(request).brand, **given.validated_data)
            note(endpoint, "", by=key_of(request))
        told = {**WebhookSerializer(endpoint).data, "secret": secret}
        return Response(told, status=status.HTTP_201_CREATED)


class WebhookView(APIView):
    scopes = {"GET": Scope.WEBHOOKS, "PATCH": Scope.WEBHOOKS, "DELETE": Scope.WEBHOOKS}

    @extend_schema(responses=WebhookSerializer)
    def get(self, request: Request, endpoint: UUID) -> Response:
        """Where it leads, and whether it is well."""
        return answer_of(get_object_or_404(endpoints_of(request), uuid=endpoint))

    @extend_schema(parameters=[IF_MATCH], request=WebhookChangeSerializer, responses=WebhookSerializer)
    @transaction.atomic
    def patch(self, request: Request, endpoint: UUID) -> Response:
        """Change its address or events, pause or resume it. What waits goes to the new address."""
        row = get_object_or_404(endpoints_of(request).select_for_update(), uuid=endpoint)
        refuse_unless_match(request, version_of(row))
        given = WebhookChangeSerializer(row, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        state = wanted.pop("state", row.state)
        if wanted:
            kept = {"url": row.url, "events": row.events, "description": row.description}
            change_endpoint(row, **{**kept, **wanted})
        if state == Endpoint.State.PAUSED:
            pause_endpoint(row, now=timezone.now())
        else:
            resume_endpoint(row)
        note(row, "changed", by=key_of(request))
        row.refresh_from_db()
        return answer_of(row)

    @extend_schema(parameters=[IF_MATCH], responses={204: None})
    @transaction.atomic
    def delete(self, request: Request, endpoint: UUID) -> Response:
        """End it for good. What waits for it is dropped."""
        row = get_object_or_404(endpoints_of(request).select_for_update(), uuid=endpoint)
        refuse_unless_match(request, version_of(row))
        end_endpoint(row)
        note(row, "end", by=key_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def answer_of(endpoint: Endpoint) -> Response:
    return Response(WebhookSerializer(endpoint).data, headers={"ETag": version_of(endpoint)})


def version_of(endpoint: Endpoint) -> str:
    """Of what can be changed here: what is delivered meanwhile is no conflict."""
    return version(endpoint.url, endpoint.events, endpoint.description, endpoint.state)


class WebhookSecretView(APIView):
    scopes = {"POST": Scope.WEBHOOKS}

    @extend_schema(request=None, responses=SECRET, operation_id="webhooks_secret")
    @transaction.atomic
    def post(self, request: Request, endpoint: UUID) -> Response:
        """A new secret, shown this once. For a day the one before signs too."""
        row = get_object_or_404(endpoints_of(request), uuid=endpoint)
        secret = renew_secret(row, now=timezone.now())
        note(row, "secret", by=key_of(request))
        return Response({"secret": secret})


class WebhookTestView(APIView):
    scopes = {"POST": Scope.WEBHOOKS}

    @extend_schema(request=None, responses={202: SENT}, operation_id="webhooks_test")
    def post(self, request: Request, endpoint: UUID) -> Response:
        """Send `webhook.test` there, in a moment. How it went is among the deliveries."""
        try:
            delivery = send_test(get_object_or_404(endpoints_of(request), uuid=endpoint))
        except TooManyTests:
            raise exceptions.Throttled(wait=60) from None
        return Response({"id": delivery.event.public_id}, status=status.HTTP_202_ACCEPTED)


class WebhookReplayView(APIView):
    scopes = {"POST": Scope.WEBHOOKS}

    @extend_schema(request=ReplaySerializer, responses={202: COUNT}, operation_id="webhooks_replay")
    @transaction.atomic
    def post(self, request: Request, endpoint: UUID) -> Response:
        """Bring one event again, or all since a moment, with the ids they had."""
        row = get_object_or_404(endpoints_of(request), uuid=endpoint)
        given = ReplaySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        if "event" in wanted:
            deliveries = Delivery.objects.filter(endpoint=row)
            one = get_object_or_404(deliveries, event__uuid=wanted["event"].removeprefix("evt_"))
            count = replay(deliveries.filter(pk=one.pk))
        else:
            count = replay_since(row, wanted["since"], only_failed=wanted["only_failed"])
        note(row, "again", by=key_of(request))
        return Response({"deliveries": count}, status=status.HTTP_202_ACCEPTED)


class WebhookDeliveriesView(generics.ListAPIView[Delivery]):
    scopes = {"GET": Scope.WEBHOOKS}
    serializer_class = DeliverySerializer
    queryset = Delivery.objects.none()

    @extend_schema(operation_id="webhooks_deliveries")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was sent there or waits, newest first, with every try."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Delivery]:
        row = get_object_or_404(endpoints_of(self.request), uuid=self.kwargs["endpoint"])
        attempts = Prefetch("attempts", DeliveryAttempt.objects.order_by("at", "pk"))
        return Delivery.objects.filter(endpoint=row).select_related("event").prefetch_related(attempts)


api_urlpatterns = [
    path("webhooks/", WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<uuid:endpoint>/", WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:endpoint>/secret/", WebhookSecretView.as_view(), name="webhook-secret"),
    path("webhooks/<uuid:endpoint>/test/", WebhookTestView.as_view(), name="webhook-test"),
    path("webhooks/<uuid:endpoint>/replay/", WebhookReplayView.as_view(), name="webhook-replay"),
    path("webhooks/<uuid:endpoint>/deliveries/", WebhookDeliveriesView.as_view(), name="webhook-deliveries"),
]
