from datetime import UTC, datetime

import pytest
from django.test import override_settings
from pytest_django import DjangoAssertNumQueries

from mailing.addresses import hash_address
from mailing.models import MailEvent, Suppression
from mailing.selectors import suppressed_addresses
from mailing.services import suppress, unsubscribe
from tests.factories import NOW, make_brand
from tests.mailing.factories import make_mail

pytestmark = pytest.mark.django_db
Reason = Suppression.Reason


def test_suppress_twice_keeps_the_first() -> None:
    brand = make_brand()

    suppress(brand, "Carla@Correo.example", scope="surveys", reason=Reason.OPTED_OUT, now=NOW)
    suppress(brand, "carla@correo.example ", scope="surveys", reason=Reason.MANUAL, now=datetime.now(UTC))

    assert list(Suppression.objects.values_list("scope", "reason", "created_at")) == [("surveys", "opted_out", NOW)]


def test_suppressed_addresses_are_those_of_the_brand_and_of_the_scopes_asked_for() -> None:
    brand, other = make_brand(), make_brand("otra")
    suppress(brand, "surveys@correo.example", scope="surveys", reason=Reason.OPTED_OUT, now=NOW)
    suppress(brand, "one@correo.example", scope="purchase:1", reason=Reason.OPTED_OUT, now=NOW)
    suppress(brand, hash_address("gone@correo.example"), scope="all", reason=Reason.BOUNCED, now=NOW)
    suppress(other, "free@correo.example", scope="all", reason=Reason.COMPLAINED, now=NOW)
    asked = ["Surveys@correo.example", "one@correo.example", "gone@correo.example", "free@correo.example"]

    assert suppressed_addresses(brand, asked, scopes=["surveys"]) == {
        "surveys@correo.example": "opted_out",
        "gone@correo.example": "bounced",
    }
    assert suppressed_addresses(brand, asked, scopes=["purchase:1"]) == {
        "one@correo.example": "opted_out",
        "gone@correo.example": "bounced",
    }
    assert suppressed_addresses(brand, [], scopes=["surveys"]) == {}


def test_suppressed_addresses_gives_the_reason_that_explains_most() -> None:
    brand = make_brand()
    suppress(brand, "a@correo.example", scope="surveys", reason=Reason.OPTED_OUT, now=NOW)
    suppress(brand, "a@correo.example", scope="all", reason=Reason.BOUNCED, now=NOW)

    assert suppressed_addresses(brand, ["a@correo.example"], scopes=["surveys"]) == {"a@correo.example": "bounced"}


def test_suppressed_addresses_survive_a_new_key() -> None:
    brand = make_brand()
    with override_settings(PSEUDONYM_KEYS={1: "old"}):
        suppress(brand, "a@correo.example", scope="surveys", reason=Reason.OPTED_OUT, now=NOW)

    with override_settings(PSEUDONYM_KEYS={1: "old", 2: "new"}):
        assert suppressed_addresses(brand, ["a@correo.example"], scopes=["surveys"])


def test_suppressed_addresses_asks_once(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    brand = make_brand()

    with django_assert_num_queries(1):
        suppressed_addresses(brand, [f"c{number}@correo.example" for number in range(500)], scopes=["surveys"])


def test_unsubscribe_is_recorded_once() -> None:
    mail = make_mail(make_brand(), to="carla@correo.example")

    unsubscribe(mail, scope="surveys", source="one_click", now=NOW)
    unsubscribe(mail, scope="surveys", source="one_click", now=NOW)

    assert list(MailEvent.objects.values_list("mail", "kind", "detail")) == [(mail.pk, "unsubscribed", "surveys")]
    assert suppressed_addresses(mail.brand, ["carla@correo.example"], scopes=["surveys"]) == {
        "carla@correo.example": "opted_out"
    }
