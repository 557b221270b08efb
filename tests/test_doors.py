"""Every model and every URL, walked: a new one that is open, or that this file does not know, fails here."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts.models import Brand, Membership, User
from affiliates.models import Affiliate, AffiliateMember
from tests.world import World, make_world

OURS = ("accounts", "mailing", "affiliates", "surveys", "complaints", "insights", "intake")
# Lists of work that no door shows: ids of rows that changed, taken and deleted by insights; how fast mail may go;
# and what belongs to no brand: which processes are alive, and what is wrong with them. What is blocked no page shows.
INTERNAL = {
    "BlockedRecord",
    *("RetentionRun", "PurchaseChange", "ResponseChange", "ComplaintChange", "MailDomain", "Heartbeat", "Alarm"),
    *("TaskRun", "Reading"),
}
# What an affiliate's member may see of their own; all else is the staff's.
SEEN_BY_AFFILIATES = {
    "Action",
    "Affiliate",
    "AffiliateMember",
    "Alert",
    "Block",
    "Claim",
    "Coupon",
    "Finding",
    "FindingMessage",
    "HeardFeedback",
    "LinkPromise",
    "Preference",
    "PublicPage",
    "QuoteReport",
    "TrackingLink",
    "User",
}
# Pages for everybody, by the beginning of their path. A token, a code or a key is what opens the rest.
PUBLIC = {
    "": "what this is",
    "setup/": "the first brand, by token, while nobody can sign in",
    "help/": "glossary, and guides of a brand",
    "privacy/": "privacy",
    "language/": "choice of language",
    "brand/": "a brand's colour",
    "accounts/": "sign-in; allauth closes its own account pages, tested below",
    "affiliates/": "applying to a programme that takes applications; joining, by token",
    "staff/join/": "working for a brand, by token",
    "r/": "tracking links",
    "i/": "recommendation links",
    "s/": "surveys, by token",
    "o/": "what an affiliate shows in public, by token",
    "u/": "unsubscribe, by token",
    "c/": "a customer's own case, by token",
    "healthz": "alive",
    "readyz": "ready",
    "metrics": "by token or from this machine",
    "api/docs/": "documentation",
    "api/v1/schema/": "documentation",
    "api/v1/postback/": "signed",
    "api/v1/hooks/": "signed",
}


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def our_models() -> list[Any]:
    return [m for label in OURS for m in apps.get_app_config(label).get_models() if m.__name__ not in INTERNAL]


# One world for all models: making it takes longer than all that is asked of it.
def test_the_world_has_a_row_of_every_model(world: World) -> None:
    assert [model.__name__ for model in our_models() if not model.objects.exists()] == [], "tests/world.py lacks these"
    assert [model.__name__ for model in our_models() if not hasattr(model.objects, "visible_to")] == []


def test_rows_are_seen_only_by_those_they_belong_to(world: World) -> None:
    seen = {
        (model.__name__, str(user)): rows
        for model in our_models()
        for user in (AnonymousUser(), world.bruno, world.olga)
        if (rows := [row for row in model.objects.visible_to(user) if not belongs_to(row, user)])
    }

    assert seen == {}


def test_affiliates_see_only_the_tables_made_for_them(world: World) -> None:
    seen = {model.__name__ for model in our_models() if model.objects.visible_to(world.ana).exists()}

    assert seen == SEEN_BY_AFFILIATES


def test_administrators_see_all_of_their_brand(world: World) -> None:
    assert [m.__name__ for m in our_models() if not m.objects.visible_to(world.staff).exists()] == []


def test_a_closed_account_sees_nothing(world: World) -> None:
    User.objects.update(is_active=False)
    for user in (world.staff, world.ana):
        user.refresh_from_db()

        assert [model.__name__ for model in our_models() if model.objects.visible_to(user).exists()] == []


def test_a_suspended_affiliate_sees_nothing_of_its_own(world: World, client: Client) -> None:
    Affiliate.objects.filter(pk=world.affiliate.pk).update(status=Affiliate.Status.SUSPENDED)
    client.force_login(world.ana)
    own = f"/portal/affiliates/{world.brand.slug}/{world.affiliate.code}"

    assert not Affiliate.objects.visible_to(world.ana).exists()
    assert client.get(f"{own}/").status_code == 404
    assert client.get(f"{own}/insights.csv").status_code == 404
    assert client.get("/portal/insights.csv").headers["Content-Type"].startswith("text/html")


def belongs_to(row: Any, user: User | AnonymousUser) -> bool:
    """Their own account, their affiliate's rows, or rows of the brand they work for; a stranger has none."""
    if isinstance(user, AnonymousUser):
        return False
    if isinstance(row, User):
        return row == user
    brand = row if isinstance(row, Brand) else getattr(row, "brand", None)
    if brand and Membership.objects.filter(user=user, brand=brand).exists():
        return True
    affiliate = row if isinstance(row, Affiliate) else getattr(row, "affiliate", None)
    return bool(affiliate and AffiliateMember.objects.filter(user=user, affiliate=affiliate).exists())


# --- URLs ----------------------------------------------------------------------------------------------------------
def walk(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("\\Z").removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def paths(world: World) -> list[str]:
    """Every route of the site as a path somebody could type, with ids that exist."""
    values = {
        "token": "A" * 22,
        "slug": world.brand.slug,
        "brand": world.brand.slug,
        "external_id": world.purchase.external_id,
        "code": world.affiliate.code,
        "number": world.complaint.number,
        "object_id": str(world.complaint.pk),
        "app_label": "complaints",
        "esp": "ses",
        "endpoint": str(uuid4()),
        "erasure": str(uuid4()),
    }
    return [fill(route, values) for route in walk(get_resolver().url_patterns)]


def fill(route: str, values: dict[str, str]) -> str:
    route = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: values.get(m[1], "1"), route)  # path() converters
    route = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda m: values.get(m[1], "x-y"), route)  # re_path()
    return re.sub(r"[\\^$?]", "", route)


def is_public(path: str) -> bool:
    return any(path == start or (start and path.startswith(start)) for start in PUBLIC)


def test_whoever_is_not_signed_in_is_sent_to_sign_in(world: World, client: Client) -> None:
    opened = {}
    for path in paths(world):
        if is_public(path):
            continue
        response = client.get(f"/{path}")
        is_closed = response.status_code in (401, 403, 404) or (
            response.status_code == 302 and "/login/" in response["Location"]
        )
        # The admin answers its own sign-in address and its translations of dates, which say nothing.
        if not is_closed and path not in ("admin/login/", "admin/jsi18n/"):
            opened[path] = response.status_code

    assert opened == {}


def test_an_affiliate_opens_nothing_of_the_staff(world: World, client: Client) -> None:
    client.force_login(world.ana)
    opened = {
        path: response.status_code
        for path in paths(world)
        if path.startswith("admin/") and (response := client.get(f"/{path}")).status_code == 200
    }

    # Signed in without being staff, the admin offers no page but its own sign-in.
    assert opened in ({}, {"admin/login/": 200})


def test_staff_of_another_brand_find_nothing_in_the_admin(world: World, client: Client) -> None:
    client.force_login(world.olga)

    for model in our_models():
        response = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
        if response.status_code == 200:
            text = response.content.decode()
            assert "Carla" not in text
            assert world.purchase.external_id not in text
            assert world.complaint.number not in text


def test_lists_of_the_admin_do_not_even_name_another_brand(world: World, client: Client) -> None:
    client.force_login(world.olga)

    # Filters offer values whether or not a row is shown: another brand must not be among them.
    naming = [
        path
        for path in (f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry)
        if world.brand.name in client.get(path).text
    ]

    assert naming == []


def test_api_asks_for_a_key(world: World) -> None:
    client = APIClient()
    answers = {
        path: client.get(f"/{path}").status_code
        for path in paths(world)
        if path.startswith("api/v1/")
        if not is_public(path)
    }

    assert answers
    assert set(answers.values()) == {401}
