from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import ApiError
from accounts.authentication import key_of
from accounts.models import Scope
from affiliates.attribution import CLOCK_TOLERANCE
from affiliates.destinations import is_allowed_destination
from affiliates.models import Affiliate, Click, LinkPromise, TrackingLink
from affiliates.services import CodeTaken, check_code, create_affiliate, create_link, destination_error, record_click
from affiliates.sub_ids import LONGEST, read_sub_ids
from affiliates.visitors import key_from_shop


class AffiliateSerializer(serializers.ModelSerializer[Affiliate]):
    code = serializers.CharField(max_length=60, validators=[check_code])
    name = serializers.CharField(max_length=120)
    public_name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    email = serializers.EmailField(required=False, allow_blank=True, default="")

    class Meta:
        model = Affiliate
        fields = ("code", "name", "public_name", "email", "status", "joined_at")
        read_only_fields = ("status", "joined_at")


class AffiliatesView(generics.ListCreateAPIView[Affiliate]):
    scopes = {"GET": Scope.AFFILIATES_READ, "POST": Scope.AFFILIATES_WRITE}
    serializer_class = AffiliateSerializer
    queryset = Affiliate.objects.all()

    def get_queryset(self) -> QuerySet[Affiliate]:
        return Affiliate.objects.filter(brand=key_of(self.request).brand)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add an affiliate, active from now on."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            affiliate = create_affiliate(key_of(request).brand, **given.validated_data, now=timezone.now())
        except CodeTaken:
            refuse_taken_code()
        return Response(self.get_serializer(affiliate).data, status=status.HTTP_201_CREATED)


class AffiliateField(serializers.SlugRelatedField[Affiliate]):
    """An affiliate of the key's brand, by code."""

    def get_queryset(self) -> QuerySet[Affiliate]:
        return Affiliate.objects.filter(brand=key_of(self.context["request"]).brand)


class SubIdsSerializer(serializers.Serializer[Any]):
    sub1 = serializers.CharField(max_length=LONGEST, required=False, allow_blank=True)
    sub2 = serializers.CharField(max_length=LONGEST, required=False, allow_blank=True)
    sub3 = serializers.CharField(max_length=LONGEST, required=False, allow_blank=True)
    sub4 = serializers.CharField(max_length=LONGEST, required=False, allow_blank=True)
    sub5 = serializers.CharField(max_length=LONGEST, required=False, allow_blank=True)


class LinkSerializer(serializers.ModelSerializer[TrackingLink]):
    affiliate = AffiliateField(slug_field="code", queryset=Affiliate.objects.all())
    destination = serializers.CharField(max_length=2000, help_text="A page of the shop, on one of the brand's hosts.")
    code = serializers.CharField(
        max_length=60, required=False, default="", validators=[check_code], help_text="Made up unless named."
    )
    campaign = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    promises = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, default=list, write_only=True
    )
    sub_ids = SubIdsSerializer(required=False, help_text="What a click gets that brings none of its own.")
    url = serializers.SerializerMethodField()
    is_paused = serializers.SerializerMethodField()

    class Meta:
        model = TrackingLink
        fields = (
            "affiliate",
            "code",
            "destination",
            "campaign",
            "promises",
            "sub_ids",
            "url",
            "is_paused",
            "created_at",
        )

    def validate_destination(self, destination: str) -> str:
        brand = key_of(self.context["request"]).brand
        if not is_allowed_destination(destination, brand.allowed_hosts):
            raise destination_error(brand)
        return destination

    def get_url(self, link: TrackingLink) -> str:
        return settings.BASE_URL + link.get_absolute_url()

    def get_is_paused(self, link: TrackingLink) -> bool:
        return link.paused_at is not None

    def to_representation(self, link: TrackingLink) -> dict[str, Any]:
        standing = [promise.text for promise in link.promises.all() if promise.withdrawn_at is None]
        return {**super().to_representation(link), "promises": standing}


class LinksView(generics.ListCreateAPIView[TrackingLink]):
    scopes = {"GET": Scope.LINKS_READ, "POST": Scope.LINKS_WRITE}
    serializer_class = LinkSerializer
    queryset = TrackingLink.objects.all()

    def get_queryset(self) -> QuerySet[TrackingLink]:
        links = TrackingLink.objects.filter(affiliate__brand=key_of(self.request).brand)
        promises = Prefetch("promises", LinkPromise.objects.order_by("id"))
        links = links.select_related("affiliate").prefetch_related(promises)
        code = serializers.CharField(required=False, allow_null=True, max_length=60)
        if named := code.run_validation(self.request.query_params.get("affiliate")):
            links = links.filter(affiliate__code=named)
        return links

    @extend_schema(parameters=[OpenApiParameter("affiliate", str, description="Of this affiliate only, by code.")])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a link of an affiliate to a page of the shop, with what is promised there."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            link = create_link(**given.validated_data)
        except CodeTaken:
            refuse_taken_code()
        return Response(self.get_serializer(link).data, status=status.HTTP_201_CREATED)


class ClickSerializer(serializers.Serializer[Any]):
    link = serializers.CharField(max_length=60, help_text="The link's code.")
    occurred_at = serializers.DateTimeField(required=False, help_text="Now unless said.")
    visitor = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="An opaque key of yours: the same for one visitor."
    )
    sub_ids = SubIdsSerializer(required=False, help_text="The link's own fill what is not given.")

    def validate_link(self, code: str) -> TrackingLink:
        link = TrackingLink.objects.filter(code=code, affiliate__brand=key_of(self.context["request"]).brand).first()
        if link is None:
            raise serializers.ValidationError(_("There is no such link."), "unknown")
        return link

    def validate_occurred_at(self, occurred_at: datetime) -> datetime:
        if occurred_at > self.context["now"] + CLOCK_TOLERANCE:
            raise serializers.ValidationError(_("A click lies in the past."), "in_the_future")
        return occurred_at


class ClickCreatedSerializer(serializers.Serializer[Any]):
    click_id = serializers.CharField()


class ClicksView(APIView):
    scopes = {"POST": Scope.LINKS_WRITE}

    @extend_schema(request=ClickSerializer, responses={201: ClickCreatedSerializer})
    def post(self, request: Request) -> Response:
        """Record a click that did not come by way of the link itself; quote its id with the purchase."""
        now = timezone.now()
        serializer = ClickSerializer(data=request.data, context={"request": request, "now": now})
        serializer.is_valid(raise_exception=True)
        given, link = serializer.validated_data, serializer.validated_data["link"]
        visitor = key_from_shop(key_of(request).brand.pk, given.get("visitor", ""))
        sub_ids = link.sub_ids | read_sub_ids(given.get("sub_ids", {}))
        click_id = record_click(
            link.pk,
            kind=Click.Kind.VISIT,
            visitor=visitor,
            occurred_at=given.get("occurred_at", now),
            sub_ids=sub_ids,
        )
        return Response({"click_id": click_id}, status=status.HTTP_201_CREATED)


def refuse_taken_code() -> NoReturn:
    message = _("This code is in use already.")
    fields = [{"field": "code", "code": "taken", "message": message}]
    raise ApiError(status.HTTP_409_CONFLICT, "code_taken", message, fields)


api_urlpatterns = [
    path("affiliates/", AffiliatesView.as_view(), name="affiliates"),
    path("links/", LinksView.as_view(), name="links"),
    path("clicks/", ClicksView.as_view(), name="clicks"),
]
