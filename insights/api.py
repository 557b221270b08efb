"""What an affiliate's customers say, for the brand's own programs: as the affiliate sees it, or as staff do."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import key_of
from accounts.clock import database_now
from accounts.models import ApiKey, Scope
from affiliates.models import Affiliate
from insights.models import QualityVerdict, Verdict
from insights.privacy import Insights, affiliate_insights, parse_period
from insights.quality import QUALITY_WARNING, figure_of


class InsightsQuerySerializer(serializers.Serializer[dict[str, str]]):
    period = serializers.CharField(default="all", help_text="all, 2026, 2026-Q1 or 2026-03")
    view = serializers.ChoiceField(choices=["affiliate", "staff"], default="affiliate")

    def validate_period(self, value: str) -> str:
        try:
            parse_period(value)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        return value


class FigureSerializer(serializers.Serializer[Any]):
    """A share from 0 to 1, or an NPS from -100 to 100, with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()
    reference = serializers.FloatField(allow_null=True, help_text="The programme without this affiliate.")
    verdict = serializers.ChoiceField(
        choices=["well_below", "below", "as_expected", "above", "well_above"], allow_null=True
    )


class AspectSerializer(serializers.Serializer[Any]):
    aspect = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    mentions = serializers.IntegerField()
    share = serializers.FloatField(help_text="Would keep it, of the n who mention it.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    verdict = serializers.ChoiceField(
        choices=["keep", "improve", "inconclusive"], allow_null=True, help_text="null with fewer than 20 answers"
    )
    n = serializers.IntegerField()
    owner = serializers.CharField()


class MissingSerializer(serializers.Serializer[Any]):
    fact = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    n = serializers.IntegerField()
    share = serializers.FloatField()


class ExpectationSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    status = serializers.ChoiceField(choices=["open", "in_progress", "met"])


class AdviceSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    evidence = serializers.CharField()


class ProgrammeSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    csat = FigureSerializer(allow_null=True)
    nps = FigureSerializer(allow_null=True)
    affiliate_rating = FigureSerializer(allow_null=True)
    promise_kept = FigureSerializer(allow_null=True)
    keep = AspectSerializer(many=True)
    improve = AspectSerializer(many=True)
    missing = MissingSerializer(many=True)
    next_sale = AdviceSerializer(many=True)
    headline = serializers.CharField()


class InsightsSerializer(serializers.Serializer[Insights]):
    affiliate = serializers.CharField()
    period = serializers.CharField()
    view = serializers.ChoiceField(choices=["affiliate", "staff"])
    as_of = serializers.DateField(allow_null=True)
    shown = serializers.BooleanField(help_text="False with fewer answers than a block: then `programme` speaks.")
    state = serializers.ChoiceField(choices=["few", "some", "many"])
    n = serializers.IntegerField(source="own.n", default=None, allow_null=True)
    csat = FigureSerializer(source="own.csat", default=None, allow_null=True)
    nps = FigureSerializer(source="own.nps", default=None, allow_null=True)
    affiliate_rating = FigureSerializer(source="own.affiliate_rating", default=None, allow_null=True)
    promise_kept = FigureSerializer(source="own.promise_kept", default=None, allow_null=True)
    keep = AspectSerializer(source="own.keep", many=True, default=())
    improve = AspectSerializer(source="own.improve", many=True, default=())
    missing = MissingSerializer(source="own.missing", many=True, default=())
    expectations = ExpectationSerializer(many=True)
    next_sale = AdviceSerializer(source="own.next_sale", many=True, default=())
    headline = serializers.CharField(source="own.headline", default="")
    programme = ProgrammeSerializer(allow_null=True)


class AffiliateInsightsView(APIView):
    scopes = {"GET": Scope.AFFILIATES_READ}

    @extend_schema(
        parameters=[InsightsQuerySerializer], responses=InsightsSerializer, operation_id="affiliate_insights"
    )
    def get(self, request: Request, code: str) -> Response:
        """What the affiliate's customers say: in published blocks (`view=affiliate`), or all of it (`view=staff`)."""
        assert isinstance(request.auth, ApiKey)
        affiliate = get_object_or_404(Affiliate.objects.select_related("brand"), brand=request.auth.brand, code=code)
        asked = InsightsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        insights = affiliate_insights(
            affiliate, **asked.validated_data, language=get_language() or "es", now=database_now()
        )
        return Response(InsightsSerializer(insights).data)


class QualityFigureSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True, help_text="From 0 to 1.")
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    reference = serializers.FloatField(allow_null=True, help_text="All other affiliates together.")
    verdict = serializers.ChoiceField(
        choices=Verdict.values, allow_null=True, help_text="null where the others are too few to be compared with."
    )


class VolumeSerializer(serializers.Serializer[Any]):
    """Of what was bought in the quarter, as it stood when the quarter was judged."""

    purchases = serializers.IntegerField()
    customers = serializers.IntegerField()
    refunded = serializers.IntegerField()
    complained = serializers.IntegerField()


class QualitySerializer(serializers.Serializer[QualityVerdict]):
    affiliate = serializers.CharField(source="affiliate.code")
    quarter = serializers.CharField(source="code")
    csat = serializers.SerializerMethodField()
    affiliate_rating = serializers.SerializerMethodField()
    volume = VolumeSerializer(source="*")
    judged_at = serializers.DateTimeField()
    warning = serializers.SerializerMethodField()

    @extend_schema_field(QualityFigureSerializer)
    def get_csat(self, row: QualityVerdict) -> dict[str, Any]:
        return figure_of(row.satisfied, row.answers, row.reference, row.verdict)

    @extend_schema_field(QualityFigureSerializer)
    def get_affiliate_rating(self, row: QualityVerdict) -> dict[str, Any]:
        return figure_of(row.rated_well, row.ratings, row.rating_reference, row.rating_verdict)

    def get_warning(self, row: QualityVerdict) -> str:
        return str(QUALITY_WARNING)


class QualityQuerySerializer(serializers.Serializer[dict[str, str]]):
    quarter = serializers.RegexField(
        r"\A(?:19|20)\d\d-Q[1-4]\Z", required=False, help_text="Of this quarter only, such as 2026-Q3."
    )
    affiliate = serializers.CharField(required=False, max_length=60, help_text="Of this affiliate only, by code.")


class QualityView(generics.ListAPIView[QualityVerdict]):
    scopes = {"GET": Scope.AFFILIATES_READ}
    serializer_class = QualitySerializer
    queryset = QualityVerdict.objects.all()

    def get_queryset(self) -> QuerySet[QualityVerdict]:
        rows: QuerySet[QualityVerdict] = QualityVerdict.objects.filter(brand=key_of(self.request).brand)
        asked = QualityQuerySerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        if quarter := asked.validated_data.get("quarter"):
            rows = parse_period(quarter).of(rows, "quarter")
        if code := asked.validated_data.get("affiliate"):
            rows = rows.filter(affiliate__code=code)
        return rows.select_related("affiliate")

    @extend_schema(parameters=[QualityQuerySerializer], operation_id="affiliate_quality")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How good each affiliate's quarters were, each judged once when it is over, from 20 answers on."""
        return self.list(request, *args, **kwargs)


api_urlpatterns: list[URLPattern] = [
    path("affiliates/<str:code>/insights/", AffiliateInsightsView.as_view(), name="affiliate-insights"),
    path("quality/", QualityView.as_view(), name="quality"),
]
