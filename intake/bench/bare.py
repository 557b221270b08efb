"""What a framework does at the least: the other side of comparisons over HTTP. Its own URLs (bare_site.py)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import engines
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework import generics, serializers

from affiliates.models import Product

SMALL = engines["django"].from_string("<h1>{{ title }}</h1>{% for word in words %}<p>{{ word }}</p>{% endfor %}")


def show(request: HttpRequest) -> HttpResponse:
    return HttpResponse(SMALL.render({"title": "Bench", "words": range(10)}))


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
    path("show/", show),
    path("lead-on/", lead_on),
    path("insert/", insert),
    path("rows/", ProductsView.as_view()),
]
