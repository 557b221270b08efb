"""An affiliate's owners say where their own program is told of new opinions; nobody else does or sees."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry
from accounts.sealing import unseal
from affiliates.models import Affiliate, AffiliateMember
from affiliates.services.telling import audience_of
from mailing.models import Delivery, Endpoint, WebhookEvent
from mailing.services.webhooks.keeping import TESTS_A_MINUTE
from tests.factories import NOW, make_affiliate, make_member, make_staff, make_user
from tests.listening import listen

PAGE, CHANGE = "/portal/webhook/", "/portal/webhook/change/"
PUBLISHED = WebhookEvent.Kind.BLOCK_PUBLISHED
URL = "https://blog.example.com/postventa"


@pytest.fixture
def endpoint(ana: Affiliate) -> Endpoint:
    return listen(ana.brand, PUBLISHED, audience=audience_of(ana))


def test_an_owner_sets_one_up_and_sees_its_secret_once(as_ana: Client, ana: Affiliate) -> None:
    answer = as_ana.post(PAGE, {"url": f" {URL} "})

    [endpoint] = Endpoint.objects.all()
    assert (endpoint.url, endpoint.audience, endpoint.events) == (URL, audience_of(ana), ["feedback.block_published"])
    secret = unseal(endpoint.sealed_secret)
    assert secret in answer.text
    page = as_ana.get(PAGE).text
    assert URL in page
    assert secret not in page


@pytest.mark.parametrize("url", ["", "blog.example.com", "http://blog.example.com/", "https://127.0.0.1/", "x" * 501])
def test_what_is_no_public_address_is_refused(as_ana: Client, url: str) -> None:
    answer = as_ana.post(PAGE, {"url": url})

    assert list(answer.context["form"].errors) == ["url"]
    assert not Endpoint.objects.exists()


def test_the_same_again_is_one(as_ana: Client, ana: Affiliate) -> None:
    as_ana.post(PAGE, {"url": URL})
    answer = as_ana.post(PAGE, {"url": URL})

    assert list(answer.context["form"].errors) == ["url"]
    assert Endpoint.objects.count() == 1


def test_test_pause_resume_new_secret_and_end(as_ana: Client, endpoint: Endpoint) -> None:
    def do(wanted: str) -> Any:
        answer = as_ana.post(CHANGE, {"webhook": str(endpoint.uuid), "do": wanted})
        endpoint.refresh_from_db()
        return answer

    assert do("test").headers["Location"] == PAGE
    delivery = Delivery.objects.get()
    delivery.attempts.create(milliseconds=3, status=404, problem="status")
    assert "404 · " in as_ana.get(PAGE).text
    do("pause")
    assert endpoint.state == "paused"
    do("test")  # refused, and said
    assert Delivery.objects.count() == 1
    do("resume")
    assert endpoint.state == "active"
    before = unseal(endpoint.sealed_secret)
    answer = do("secret")
    assert unseal(endpoint.sealed_secret) in answer.text
    assert unseal(endpoint.sealed_previous or b"") == before
    do("end")
    assert endpoint.state == "ended"
    did = AuditEntry.objects.filter(object_type="endpoint", user__isnull=False).order_by("pk")
    assert list(did.values_list("data__did", flat=True)) == ["test", "pause", "resume", "secret", "end"]
    assert endpoint.url not in as_ana.get(PAGE).text


def test_of_too_many_tests_the_rest_is_refused(as_ana: Client, endpoint: Endpoint) -> None:
    for _time in range(TESTS_A_MINUTE + 1):
        as_ana.post(CHANGE, {"webhook": str(endpoint.uuid), "do": "test"})

    assert Delivery.objects.count() == TESTS_A_MINUTE


def test_only_owners_change_it(client: Client, ana: Affiliate, endpoint: Endpoint) -> None:
    marta = make_user("marta@correo.example", "Marta Gil")
    role = AffiliateMember.Role.MEMBER
    AffiliateMember.objects.create(affiliate=ana, user=marta, role=role, accepted_terms_at=NOW)
    staff = make_staff(ana.brand)
    for user, start in ((marta, "/portal/"), (staff, f"/portal/affiliates/{ana.brand.slug}/ana/")):
        client.force_login(user)
        page = client.get(f"{start}webhook/")

        assert endpoint.url in page.text
        assert 'name="do"' not in page.text
        assert client.post(f"{start}webhook/", {"url": URL}).status_code == 403
        given = {"webhook": str(endpoint.uuid), "do": "end"}
        assert client.post(f"{start}webhook/change/", given).status_code == 403

    assert [row.state for row in Endpoint.objects.all()] == ["active"]


def test_a_rivals_and_the_brands_are_not_there(as_ana: Client, ana: Affiliate) -> None:
    bruno = make_affiliate(ana.brand, "Bruno")
    make_member(bruno)
    others = [listen(ana.brand, PUBLISHED, audience=audience_of(bruno)), listen(ana.brand, "complaint.opened")]
    before = list(Endpoint.objects.order_by("pk").values())

    assert as_ana.get(f"/portal/affiliates/{ana.brand.slug}/bruno/webhook/").status_code == 404
    assert others[0].url not in as_ana.get(PAGE).text
    for other in others:
        for wanted in ("test", "secret", "end"):
            as_ana.post(CHANGE, {"webhook": str(other.uuid), "do": wanted})

    assert list(Endpoint.objects.order_by("pk").values()) == before
    assert not Delivery.objects.exists()


def test_the_page_asks_as_often_for_many(as_ana: Client, endpoint: Endpoint, django_assert_num_queries: Any) -> None:
    def send() -> None:
        as_ana.post(CHANGE, {"webhook": str(endpoint.uuid), "do": "test"})
        Delivery.objects.latest("pk").attempts.create(milliseconds=1)

    send()
    as_ana.get(PAGE)
    with django_assert_num_queries(25, exact=False) as one:
        as_ana.get(PAGE)
    asked = len(one)
    send()
    send()
    as_ana.get(PAGE)
    with django_assert_num_queries(asked):
        as_ana.get(PAGE)
