"""A webhook that was paused because nothing arrives is told to whoever looks after it, once each time."""

from datetime import timedelta

import pytest

from accounts.models import Membership
from affiliates.models import AffiliateMember
from affiliates.services.telling import audience_of
from affiliates.services.webhook_mails import tell_of_paused_webhooks
from mailing.models import Endpoint, OutgoingMail
from mailing.rendering import texts_of
from mailing.services.webhooks import pause_endpoint, resume_endpoint
from tests.factories import NOW, make_affiliate, make_brand, make_member, make_staff, make_user
from tests.listening import listen

pytestmark = pytest.mark.django_db
FAILING, GONE = Endpoint.PauseReason.FAILING, Endpoint.PauseReason.GONE


@pytest.fixture
def brand():
    brand = make_brand()
    make_staff(brand, "Sofía", Membership.Role.ADMIN)
    make_staff(brand, "Ramón", Membership.Role.AGENT)
    make_staff(make_brand("otra"), "Olga")
    return brand


def told() -> list[str]:
    mails = OutgoingMail.objects.filter(template="affiliates/webhook_paused").order_by("pk")
    return list(mails.values_list("to_address", flat=True))


def test_a_brands_administrators_are_told_once_a_pause(brand) -> None:
    endpoint = listen(brand, "complaint.opened")
    Endpoint.objects.update(failing_since=NOW - timedelta(hours=73))
    assert tell_of_paused_webhooks(now=NOW) == 0
    pause_endpoint(endpoint, reason=FAILING, now=NOW)

    assert [tell_of_paused_webhooks(now=NOW) for _time in range(2)] == [1, 0]

    assert told() == ["sofia@lumbre.example"]
    text = texts_of(OutgoingMail.objects.get()).text
    assert "73" in text
    assert f"/admin/mailing/endpoint/{endpoint.pk}/change/" in text
    resume_endpoint(endpoint)
    pause_endpoint(endpoint, reason=GONE, now=NOW + timedelta(days=1))
    assert tell_of_paused_webhooks(now=NOW + timedelta(days=1)) == 1


def test_an_affiliates_owners_are_told_of_theirs(brand) -> None:
    ana = make_affiliate(brand)
    make_member(ana)
    marta = make_user("marta@correo.example", "Marta Gil")
    AffiliateMember.objects.create(affiliate=ana, user=marta, role=AffiliateMember.Role.MEMBER)
    make_member(make_affiliate(brand, "Bruno"))
    pause_endpoint(listen(brand, "feedback.block_published", audience=audience_of(ana)), reason=GONE, now=NOW)

    tell_of_paused_webhooks(now=NOW)

    assert told() == ["ana@lumbre-afiliados.example"]
    text = texts_of(OutgoingMail.objects.get()).text
    assert "410" in text
    assert "/portal/affiliates/lumbre/ana/webhook/" in text


def test_who_paused_it_by_hand_knows(brand) -> None:
    pause_endpoint(listen(brand, "complaint.opened"), now=NOW)

    assert tell_of_paused_webhooks(now=NOW) == 0


def test_one_whose_affiliate_is_gone_leaves_the_others_their_mail(brand) -> None:
    pause_endpoint(listen(brand, "feedback.block_published", audience="affiliate:0"), reason=GONE, now=NOW)
    pause_endpoint(listen(brand, "complaint.opened"), reason=GONE, now=NOW)

    assert tell_of_paused_webhooks(now=NOW) == 1

    assert told() == ["sofia@lumbre.example"]
