"""What a framework does at the least: the other side of comparisons over HTTP. Its own URLs (bare_site.py)."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template import engines
from django.urls import include, path
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt
from rest_framework import generics, serializers

from affiliates.models import Product
from mailing.tokens import TOKEN_LENGTH
from surveys import suspicion
from surveys.forms import AskedBlock, SurveyForm
from surveys.models import Invitation, Wave
from surveys.questionnaire import questionnaire_for

TEMPLATE = "surveys/answer.html"
SMALL = engines["django"].from_string("<h1>{{ title }}</h1>{% for word in words %}<p>{{ word }}</p>{% endfor %}")


def show(request: HttpRequest) -> HttpResponse:
    return HttpResponse(SMALL.render({"title": "Bench", "words": range(10)}))


def show_survey(request: HttpRequest, token: str) -> HttpResponse:
    """The page that customers see, of a context that costs nothing to put together."""
    return render(request, TEMPLATE, prepared_page())


@dataclass(frozen=True)
class PlainBlock:
    """Its questions by their template at each visit, where ours remembers what it rendered for others."""

    block: AskedBlock
    removal = None

    @property
    def html(self) -> SafeString:
        rendered = (asked.render(place, is_dependent=opens) for asked, place, opens in self.block.questions)
        return SafeString("".join(rendered))


@cache
def prepared_page() -> dict[str, Any]:
    """Of the newest invitation; what its form would work out at each visit is worked out once."""
    invitation = Invitation.objects.select_related("brand").filter(wave=Wave.FIRST).latest("pk")
    translation.activate("es")
    form = SurveyForm(questionnaire=questionnaire_for(invitation, language="es"))
    worked_out = ("consents", "consents_shown", "asks_for_comments", "errors", "answers")
    return {
        "brand": invitation.brand,
        "contact": invitation.brand.reply_to,
        "other_languages": [code for code in invitation.brand.languages if code != "es"],
        "token": "A" * TOKEN_LENGTH,
        "form": {name: form[name] if name in form.fields else getattr(form, name) for name in worked_out}
        | {"blocks": [PlainBlock(block) for block in form.blocks]},
        "nonce": suspicion.make_nonce("", now=timezone.now()),
        "wording": form.questionnaire.wording,
        "wave": invitation.wave,
    }


def lead_on(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("https://bench.example/?bench=1")


@csrf_exempt
def insert(request: HttpRequest) -> HttpResponse:
    Product.objects.create(brand_id=request.POST["brand"], sku=request.POST["sku"])
    return HttpResponse(status=303, headers={"Location": "/"})


class ProductSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ("brand", "sku", "name")
        validators: list[Any] = []  # the database's own answer is enough for one row


class ProductsView(generics.CreateAPIView[Product]):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    serializer_class = ProductSerializer


urlpatterns = [
    path("healthz", show),
    path("survey/<str:token>/", show_survey),
    path("lead-on/", lead_on),
    path("insert/", insert),
    path("rows/", ProductsView.as_view()),
    path("", include("postventa.urls")),  # pages name them
]
