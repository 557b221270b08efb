"""Administrators say where their brand's events go, see what became of each, and send again what did not arrive."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Brand, Membership
from accounts.sealing import unseal
from affiliates.services.programme import reactivate_affiliate, suspend_affiliate
from affiliates.services.telling import audience_of
from mailing.models import Delivery, Endpoint, WebhookEvent
from mailing.services.webhooks import announce, pause_endpoint, renew_secret
from tests.factories import make_affiliate, make_brand, make_staff
from tests.listening import listen

pytestmark = pytest.mark.django_db

OPENED = WebhookEvent.Kind.COMPLAINT_OPENED
URL = "https://erp.lumbre.example/otra"
LIST, ADD, LOG = (f"admin:mailing_{name}" for name in ("endpoint_changelist", "endpoint_add", "delivery_changelist"))


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def sofia(brand: Brand) -> Client:
    return client_of(brand, "Sofía", Membership.Role.ADMIN)


def client_of(brand: Brand, name: str, role: str) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(make_staff(brand, name, role))
    return client


def page_of(row: Any, name: str = "change") -> str:
    return reverse(f"admin:mailing_{row._meta.model_name}_{name}", args=[row.pk])


def do(client: Client, endpoint: Endpoint, name: str, **given: str) -> Any:
    url = reverse("admin:mailing_endpoint_decide", args=[endpoint.pk, name])
    assert client.get(url).status_code == 200
    return client.post(url, given, follow=True)


def test_set_up_shows_the_secret_this_once(brand: Brand, sofia: Client) -> None:
    given = {"brand": brand.pk, "url": URL, "description": "ERP", "events": [OPENED, "purchase.refunded"]}

    answer = sofia.post(reverse(ADD), given)

    [endpoint] = Endpoint.objects.all()
    assert (endpoint.url, endpoint.description, endpoint.events) == (
        URL,
        "ERP",
        ["complaint.opened", "purchase.refunded"],
    )
    secret = unseal(endpoint.sealed_secret)
    assert secret in answer.text  # on the answer itself: a message would lie about in a cookie
    assert "messages" not in answer.cookies
    assert secret not in sofia.get(page_of(endpoint)).text
    assert "ERP" in sofia.get(reverse(LIST)).text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"url": "http://erp.example.com/"}, "url"), ({"url": "https://10.0.0.1/"}, "url"), ({"events": []}, "events")],
    ids=str,
)
def test_what_does_not_hold_is_said(brand: Brand, sofia: Client, wrong: dict[str, Any], field: str) -> None:
    given = {"brand": brand.pk, "url": URL, "description": "", "events": [OPENED], **wrong}

    answer = sofia.post(reverse(ADD), given)

    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Endpoint.objects.exists()


def test_change_and_a_new_secret(brand: Brand, sofia: Client) -> None:
    endpoint = listen(brand, OPENED)
    before = unseal(endpoint.sealed_secret)
    given = {"url": URL, "description": "CRM", "events": ["feedback.received"]}

    sofia.post(page_of(endpoint), given)
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.description, endpoint.events) == (URL, "CRM", ["feedback.received"])
    assert unseal(endpoint.sealed_secret) == before

    answer = sofia.post(page_of(endpoint), {**given, "renew": "on"})

    endpoint.refresh_from_db()
    assert unseal(endpoint.sealed_secret) in answer.text
    assert unseal(endpoint.sealed_previous or b"") == before


def test_pause_test_resume_forget_and_end(brand: Brand, sofia: Client) -> None:
    endpoint = listen(brand, OPENED)
    renew_secret(endpoint, now=timezone.now())

    do(sofia, endpoint, "test")
    do(sofia, endpoint, "pause")
    endpoint.refresh_from_db()
    assert (endpoint.state, Delivery.objects.get().event.kind) == ("paused", "webhook.test")
    do(sofia, endpoint, "resume")
    do(sofia, endpoint, "forget")
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.sealed_previous) == ("active", None)
    do(sofia, endpoint, "end")
    endpoint.refresh_from_db()
    assert endpoint.state == "ended"
    did = AuditEntry.objects.filter(object_type="endpoint").order_by("pk").values_list("data__did", flat=True)
    assert list(did) == ["test", "pause", "resume", "forget", "end"]
    assert sofia.get(page_of(endpoint)).status_code == 200


def test_what_is_a_suspended_affiliates_is_not_resumed(brand: Brand, sofia: Client) -> None:
    ana = make_affiliate(brand)
    endpoint = listen(brand, WebhookEvent.Kind.BLOCK_PUBLISHED, audience=audience_of(ana))
    suspend_affiliate(ana, note="Fraude", by=brand.memberships.get().user, now=timezone.now())

    answer = do(sofia, endpoint, "resume")

    endpoint.refresh_from_db()
    assert endpoint.state == "paused"
    [refusal] = answer.context["form"].non_field_errors().as_data()
    assert refusal.code == "inactive"
    assert not AuditEntry.objects.filter(object_type="endpoint").exists()
    reactivate_affiliate(ana, by=brand.memberships.get().user, now=timezone.now())
    do(sofia, endpoint, "resume")
    endpoint.refresh_from_db()
    assert endpoint.state == "active"


def test_everything_since_a_moment_again(brand: Brand, sofia: Client) -> None:
    endpoint = listen(brand, OPENED)
    announce(brand, OPENED, [{"number": "1"}, {"number": "2"}])
    Delivery.objects.update(state="delivered", finished_at=timezone.now())
    WebhookEvent.objects.filter(data__number="1").update(occurred_at=timezone.now() - timedelta(days=2))
    since = timezone.now() - timedelta(days=1)

    do(sofia, endpoint, "again", since_0=since.strftime("%Y-%m-%d"), since_1=since.strftime("%H:%M"))

    assert [delivery.event.data["number"] for delivery in Delivery.objects.pending()] == ["2"]


def test_the_log_says_what_became_of_each_and_sends_again(brand: Brand, sofia: Client) -> None:
    listen(brand, OPENED)
    announce(brand, OPENED, [{"number": "2026-000007"}])
    delivery = Delivery.objects.get()
    delivery.attempts.create(milliseconds=10, status=500, problem="status", reply="<b>boom</b>")
    Delivery.objects.update(state="failed", finished_at=timezone.now(), tries=10)

    text = sofia.get(reverse(LOG)).text
    assert re.search(r'field-outcome">500</td>', text)
    page = sofia.get(page_of(delivery)).text
    assert delivery.event.public_id in page
    assert "2026-000007" in page
    assert "It answered with another status than 2xx" in page
    assert "&lt;b&gt;boom&lt;/b&gt;" in page
    assert "Given up" in sofia.get(reverse(LOG), {"q": delivery.event.public_id}).text
    assert "0 deliveries" in sofia.get(reverse(LOG), {"q": "evt_1"}).text

    sofia.post(reverse(LOG), {"action": "send_again", "_selected_action": [delivery.pk]})

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == ("pending", 0)


def test_an_affiliates_own_is_named_and_cannot_be_sent_elsewhere(brand: Brand, sofia: Client) -> None:
    ana = make_affiliate(brand, "Ana Hierro", code="ana")
    endpoint = listen(brand, WebhookEvent.Kind.BLOCK_PUBLISHED, audience=audience_of(ana))

    assert "Ana Hierro" in sofia.get(reverse(LIST)).text
    refused = sofia.post(page_of(endpoint), {"url": URL, "description": "", "events": [OPENED], "renew": "on"})

    assert refused.status_code == 403
    before = endpoint.url
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.sealed_previous) == (before, None)
    do(sofia, endpoint, "pause")
    endpoint.refresh_from_db()
    assert endpoint.state == "paused"


@pytest.mark.parametrize("who", ["agent", "another brand's administrator"])
def test_nobody_else_sees_or_changes_any_of_it(brand: Brand, who: str) -> None:
    endpoint = listen(brand, OPENED)
    announce(brand, OPENED, [{"number": "1"}])
    other = make_brand("otra")
    stranger = client_of(brand, "Ramón", "agent") if who == "agent" else client_of(other, "Olga", "admin")
    pages = [page_of(endpoint), page_of(Delivery.objects.get())]
    pages.append(reverse("admin:mailing_endpoint_decide", args=[endpoint.pk, "end"]))

    assert {stranger.get(page).status_code for page in pages} <= {302, 403, 404}
    assert {stranger.post(page, {"url": URL}).status_code for page in pages} <= {302, 403, 404}
    for listing in (LIST, LOG):
        assert not re.search(r"erp\.lumbre", stranger.get(reverse(listing)).text)
    given = {"brand": brand.pk, "url": URL, "description": "", "events": [OPENED]}
    stranger.post(reverse(ADD), given)

    assert [row.state for row in Endpoint.objects.all()] == ["active"]


def test_lists_ask_as_much_for_three_rows_as_for_one(
    brand: Brand, sofia: Client, django_assert_num_queries: Any
) -> None:
    def add() -> None:
        listen(brand, OPENED)
        announce(brand, OPENED, [{"number": "1"}])

    add()
    sofia.get(reverse(LIST))
    for listing in (LIST, LOG):
        with django_assert_num_queries(20, exact=False) as one:
            sofia.get(reverse(listing))
        for _time in range(2):
            add()
        with django_assert_num_queries(len(one)):
            sofia.get(reverse(listing))
        pause_endpoint(Endpoint.objects.latest("pk"), now=timezone.now())
