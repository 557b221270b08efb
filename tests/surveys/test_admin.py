"""What staff see of asking, and that nobody else's is among it."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry, Brand, Membership
from affiliates.models import Purchase
from surveys.models import Invitation
from surveys.services import hold_purchase, plan_invitations, send_due_invitations
from surveys.standard import publish_standard_survey
from tests.factories import NOW, make_brand, make_customer, make_purchase, make_staff

pytestmark = pytest.mark.django_db
LIST = reverse("admin:surveys_invitation_changelist")


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(make_staff(brand))
    return client


def planned(brand: Brand, **fields: Any) -> Purchase:
    purchase = make_purchase(make_customer(brand), **fields)
    plan_invitations(brand, [purchase], now=NOW)
    return purchase


def listed(client: Client, **query: str) -> list[str]:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return [str(row.purchase) for row in response.context["cl"].result_list]


def test_staff_find_why_a_customer_was_not_asked(desk: Client, brand: Brand) -> None:
    refunded = planned(brand, external_id="P-refunded", state="refunded")
    asked = planned(brand, external_id="P-asked")
    planned(make_brand("brasa"), external_id="P-theirs")
    send_due_invitations(now=NOW)

    assert listed(desk) == ["P-asked", "P-refunded"]
    assert listed(desk, reason="refunded") == ["P-refunded"]
    assert listed(desk, q=str(asked.customer.email).upper()) == ["P-asked"]
    assert listed(desk, q="P-theirs") == []
    page = desk.get(reverse("admin:surveys_invitation_change", args=[refunded.invitations.get().pk]))
    assert "refunded" in page.context["original"].reason
    assert page.status_code == 200
    sent = desk.get(reverse("admin:surveys_invitation_change", args=[asked.invitations.get().pk]))
    assert "+00:00" not in sent.text  # a moment in words, by the reader's clock


def test_the_list_takes_as_many_statements_for_one_as_for_three(desk: Client, brand: Brand) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(desk)
        return len(captured)

    planned(brand)
    listed(desk)
    with_one = statements()
    planned(brand)
    planned(brand)

    assert statements() == with_one


def test_every_page_of_surveys_opens(desk: Client, brand: Brand) -> None:
    survey = publish_standard_survey(brand)
    for model in ("survey", "fact", "aspect", "asking"):
        assert desk.get(reverse(f"admin:surveys_{model}_changelist")).status_code == 200
    page = desk.get(reverse("admin:surveys_survey_change", args=[survey.pk]))
    assert "En general, ¿cómo valoras tu compra?" in page.content.decode()


def test_administrators_pause_and_resume_their_brand(desk: Client, brand: Brand) -> None:
    theirs = make_brand("brasa")
    planned(brand)
    url = reverse("admin:surveys_asking_changelist")

    desk.post(url, {"action": "pause", "_selected_action": [brand.pk, theirs.pk]})
    brand.refresh_from_db()
    theirs.refresh_from_db()
    assert brand.asking_paused_at is not None
    assert theirs.asking_paused_at is None
    assert Invitation.objects.get().reason == "paused"

    desk.post(url, {"action": "resume", "_selected_action": [brand.pk]})
    brand.refresh_from_db()
    assert brand.asking_paused_at is None
    assert [
        (entry.brand, entry.user.memberships.get().role if entry.user else "", entry.object_type, entry.data["asking"])
        for entry in AuditEntry.objects.order_by("pk")
    ] == [(brand, "admin", "asking", ["goes on", "paused"]), (brand, "admin", "asking", ["paused", "goes on"])]


def test_an_agent_cannot_pause(client: Client, brand: Brand) -> None:
    client.force_login(make_staff(brand, "Aitor", Membership.Role.AGENT))

    response = client.post(
        reverse("admin:surveys_asking_changelist"), {"action": "pause", "_selected_action": [brand.pk]}
    )

    assert response.status_code == 403
    brand.refresh_from_db()
    assert brand.asking_paused_at is None


def test_an_invitation_says_where_it_stands_and_leads_to_the_story_of_its_mail(desk: Client, brand: Brand) -> None:
    purchase = planned(brand)
    send_due_invitations(now=NOW)
    hold = hold_purchase(purchase, cause="complaint:5", now=NOW)
    invitation = purchase.invitations.get()
    mail = invitation.mails.get().mail

    page = desk.get(
        reverse("admin:surveys_invitation_change", args=[invitation.pk]), headers={"Accept-Language": "en"}
    ).text

    assert "Not asked while a complaint about it is open. Possible when it is closed." in page
    assert reverse("admin:mailing_outgoingmail_change", args=[mail.pk]) in page
    assert [word for word in ("complaint:5", "surveys/invitation ·", "· first") if word in page] == []
    assert str(hold) in page
