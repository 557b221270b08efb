"""Staff read what everybody changed and what came of it, and write down what the brand changes."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership
from insights.actions import Subject
from insights.models import Action
from insights.services import fold_changes
from insights.services.acting import Change, write_action
from tests.factories import make_affiliate, make_brand, make_member, make_product, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_privacy import respond_many

LIST = "/admin/insights/action/"
CSAT = Subject("figure", "csat")


@pytest.fixture
def today() -> date:
    return timezone.now().date()


@pytest.fixture
def sofia(client, shop):
    user = make_staff(shop.brand)
    client.force_login(user)
    return user


def change_of(action: Action) -> str:
    return reverse("admin:insights_action_change", args=[action.pk])


def test_the_brand_writes_down_what_it_changes(client, shop, sofia, today):
    boots = make_product(shop.brand)
    given = {"text": "Embalaje nuevo", "changed_on": today.isoformat(), "about": "aspect:entrega", "product": boots.pk}

    response = client.post(f"{LIST}add/", given)

    action = Action.objects.get()
    assert response["Location"] == LIST
    assert (action.brand, action.affiliate, action.written_by) == (shop.brand, None, sofia)
    assert (action.subject, action.key, action.product) == ("aspect", "entrega", boots)


def test_it_is_measured_from_the_daily_counts(client, shop, ana, sofia, today):
    changed = today - timedelta(days=30)
    for days, good, bad in ((40, 10, 15), (20, 24, 1)):
        at = timezone.now() - timedelta(days=days)
        respond_many(shop, ana, good, csat=5, at=at)
        respond_many(shop, ana, bad, csat=1, at=at)
        fold_changes(now=at)
    action = write_action(shop.brand, None, Change("Embalaje", changed, CSAT), by=sofia, now=timezone.now())

    body = client.get(change_of(action), headers={"accept-language": "en"}).text

    assert "Since then it goes better." in body
    assert "Before it was 40%, afterwards 96%: 56 points more" in body


@pytest.mark.parametrize(
    ("given", "fault"),
    [({"changed_on": "2999-01-01"}, "changed_on"), ({"text": ""}, "text"), ({"about": "aspect:no"}, "about")],
)
def test_what_cannot_be_measured_is_said_at_the_form(client, shop, sofia, today, given, fault):
    good = {"text": "Embalaje", "changed_on": today.isoformat(), "about": "csat", "product": ""}

    response = client.post(f"{LIST}add/", {**good, **given})

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [fault]
    assert not Action.objects.exists()


def test_the_brands_own_is_corrected_and_closed(client, shop, sofia, today):
    action = write_action(shop.brand, None, Change("Embalaje", today, CSAT), by=sofia, now=timezone.now())
    given = {"text": "Otro", "changed_on": today.isoformat(), "about": "nps", "product": ""}

    client.post(change_of(action), given)
    action.refresh_from_db()
    assert (action.text, action.key) == ("Otro", "nps")

    client.post(LIST, {"action": "close", "_selected_action": [action.pk]})
    action.refresh_from_db()
    assert not action.is_open
    assert client.post(change_of(action), {**given, "text": "Tarde"}).status_code == 403


def test_nobody_writes_in_an_affiliates_name(client, shop, ana, sofia, today):
    change = Change("Digo el plazo", today, CSAT)
    action = write_action(shop.brand, ana, change, by=make_member(ana), now=timezone.now())

    assert "Digo el plazo" in client.get(LIST).text
    assert "Digo el plazo" in client.get(change_of(action)).text
    assert client.post(change_of(action), {"text": "x"}).status_code == 403
    client.post(LIST, {"action": "close", "_selected_action": [action.pk]})
    action.refresh_from_db()
    assert (action.is_open, action.text) == (True, "Digo el plazo")


def test_readers_and_other_brands_write_nothing(client, shop, ana, today):
    action = write_action(
        shop.brand, ana, Change("Digo el plazo", today, CSAT), by=make_member(ana), now=timezone.now()
    )  # fmt: skip
    other = Shop(make_brand("vela"))
    make_affiliate(other.brand, "Eva")
    client.force_login(make_staff(other.brand, "Olga"))

    assert "Digo el plazo" not in client.get(LIST).text
    assert client.get(change_of(action)).status_code == 302
    theirs = make_product(shop.brand)
    given = {"text": "x", "changed_on": today.isoformat(), "about": "csat", "product": theirs.pk}
    assert client.post(f"{LIST}add/", given).status_code == 200

    client.force_login(make_staff(shop.brand, "Rita", role=Membership.Role.READ_ONLY))
    assert client.get(LIST).status_code == 200
    assert client.get(change_of(action)).status_code == 200
    assert client.post(f"{LIST}add/", {**given, "product": ""}).status_code == 403
    assert Action.objects.count() == 1
