"""Answers for the brand's own systems."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers

from accounts.authentication import key_of
from accounts.models import Scope
from accounts.services import note_read
from affiliates.models import Attribution
from surveys.models import Answer, Response


class FeedbackSerializer(serializers.ModelSerializer[Response]):
    """What a customer answered, in full: for the brand alone, never for an affiliate."""

    invitation = serializers.IntegerField(source="invitation_id")
    wave = serializers.CharField(source="invitation.wave")
    purchase = serializers.SerializerMethodField(help_text="The shop's id; null where a case had no purchase.")
    affiliate = serializers.SerializerMethodField(help_text="Code of who is credited with the purchase now, or null.")
    suspect = serializers.BooleanField(source="is_suspect", help_text="Counts nowhere until somebody decides.")
    hide_comment = serializers.BooleanField(source="hides_comment")
    publish = serializers.BooleanField(source="publishes")
    answers = serializers.SerializerMethodField(help_text="By question: a number, a list of codes, or words.")

    class Meta:
        model = Response
        fields = (
            "invitation",
            "wave",
            "purchase",
            "affiliate",
            "answered_at",
            "updated_at",
            "language",
            "answers",
            "hide_comment",
            "publish",
            "suspect",
            "suspect_reasons",
        )

    def get_purchase(self, response: Response) -> str | None:
        purchase = response.invitation.purchase
        return purchase.external_id if purchase else None

    def get_affiliate(self, response: Response) -> str | None:
        purchase = response.invitation.purchase
        credited = next(iter(purchase.attributions.all()), None) if purchase else None  # prefetched: the current one
        return credited.affiliate.code if credited and credited.affiliate else None

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_answers(self, response: Response) -> dict[str, Any]:
        return {answer.question.key: answer.value for answer in response.answers.all()}


class FeedbackFilter(serializers.Serializer[Any]):
    since = serializers.DateTimeField(required=False, help_text="Only what was answered or changed since this moment.")
    affiliate = serializers.CharField(required=False, help_text="Only purchases now credited to this affiliate's code.")
    invitation = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="Only the answer to this one, as events name it."
    )


class FeedbackView(generics.ListAPIView[Response]):
    scopes = {"GET": Scope.FEEDBACK_READ}
    serializer_class = FeedbackSerializer
    queryset = Response.objects.none()

    @extend_schema(parameters=[FeedbackFilter])
    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Answers, newest first. Whatever changed later has a new `updated_at`: ask again with `since`."""
        answer = super().get(*args, **kwargs)
        note_read(key_of(self.request), object_type="response")
        return answer

    def get_queryset(self) -> QuerySet[Response]:
        wanted = FeedbackFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        current = Attribution.objects.current()
        answers = Answer.objects.select_related("question").order_by("question__position")
        responses: QuerySet[Response] = (
            Response.objects.filter(brand=key_of(self.request).brand)
            .select_related("invitation__purchase")
            .prefetch_related(Prefetch("answers", answers))
            .prefetch_related(Prefetch("invitation__purchase__attributions", current.select_related("affiliate")))
        )
        if since := wanted.validated_data.get("since"):
            responses = responses.filter(updated_at__gte=since)
        if invitation := wanted.validated_data.get("invitation"):
            responses = responses.filter(invitation=invitation)
        if code := wanted.validated_data.get("affiliate"):
            credited = current.filter(affiliate__code=code, affiliate__brand=key_of(self.request).brand)
            responses = responses.filter(invitation__purchase__in=credited.values("purchase"))
        return responses


api_urlpatterns = [path("feedback/", FeedbackView.as_view(), name="feedback")]
