"""A hook gone silent is told to those who can do something about it, once a silence."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import Membership, User
from intake.hooks.silence import tell_of_silent_hooks
from intake.models import Hook, InboundEvent
from mailing.models import OutgoingMail
from mailing.rendering import render
from tests.factories import NOW, make_staff
from tests.intake.hooks import Shopify, make_shop, shopify_order

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def shop() -> Shopify:
    shop = Shopify(make_shop())
    make_staff(shop.brand, "Sofía", Membership.Role.ADMIN)
    make_staff(shop.brand, "Ramón", Membership.Role.AGENT)
    Hook.objects.update(created_at=NOW - 3 * DAY)
    return shop


def heard(shop: Shopify, at: object) -> None:
    shop.send("orders/create", shopify_order(id=shop.sent + 1))
    InboundEvent.objects.filter(pk=InboundEvent.objects.latest("pk").pk).update(received_at=at)


def told() -> list[str]:
    return list(OutgoingMail.objects.filter(template="intake/hook_silent").values_list("to_address", flat=True))


def test_administrators_are_told_once_a_silence(shop):
    heard(shop, NOW - timedelta(hours=23))
    in_time = tell_of_silent_hooks(now=NOW)
    silent = [tell_of_silent_hooks(now=NOW + timedelta(hours=hours)) for hours in (2, 3, 48)]
    heard(shop, NOW + 3 * DAY)
    alive = tell_of_silent_hooks(now=NOW + 3 * DAY)
    again = tell_of_silent_hooks(now=NOW + 5 * DAY)

    assert (in_time, silent, alive, again) == (0, [1, 0, 0], 0, 1)
    assert told() == [User.objects.get(name="Sofía").email] * 2


def test_a_hook_that_never_spoke_is_told_of_too_and_one_of_which_nothing_is_expected_is_not(shop):
    Hook.objects.update(expected_every=None)
    unminded = tell_of_silent_hooks(now=NOW)
    Hook.objects.update(expected_every=DAY)

    assert (unminded, tell_of_silent_hooks(now=NOW)) == (0, 1)
    assert OutgoingMail.objects.get().context["has_spoken"] is False


def test_who_has_left_is_not_told(shop):
    User.objects.filter(name="Sofía").update(is_active=False)

    assert tell_of_silent_hooks(now=NOW) == 0


def test_the_mail_says_which_hook_and_leads_to_it(shop):
    heard(shop, NOW - 2 * DAY)
    tell_of_silent_hooks(now=NOW)

    said = render(OutgoingMail.objects.get(), now=NOW).texts

    for text in (said.text, said.html):
        assert "Shopify" in text
        assert "48" in text
        assert settings.BASE_URL + reverse("admin:intake_hook_change", args=[Hook.objects.get().pk]) in text
