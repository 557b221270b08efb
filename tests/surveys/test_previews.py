"""Looking at a survey's mail and page: in the admin, and behind the links of a test. Nothing is recorded."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, Brand, Membership, User
from affiliates.models import Purchase
from surveys.models import Invitation, InvitationMail, Response, SampleMail, Survey
from surveys.services.previewing import Look, send_sample
from surveys.standard import publish_standard_survey
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_product, make_purchase, make_staff

pytestmark = pytest.mark.django_db
ADD = reverse("admin:surveys_samplemail_add")


@pytest.fixture
def purchase(brand: Brand) -> Purchase:
    customer = make_customer(brand, "Carla Ruiz", email="carla@correo.example")
    return make_purchase(customer, external_id="P-1", product=make_product(brand, name="Botas"))


def recorded() -> tuple[int, int, int]:
    return Invitation.objects.count(), InvitationMail.objects.count(), Response.objects.count()


# --- Its links -------------------------------------------------------------------------------------------------------
def test_the_links_of_a_test_lead_through_the_page_and_record_nothing(
    client: Client, survey: Survey, purchase: Purchase, sofia: User
) -> None:
    sample = send_sample(Look(survey, purchase, "en"), by=sofia, now=datetime.now(UTC))
    url = f"/s/{sample.mail.token}/preview/"

    first = client.get(url, {"q": "4"})
    assert "Preview: nothing is recorded" in first.text
    assert first.context["form"]["csat"].value() == "4"
    assert client.get(f"/s/{sample.mail.token}/").status_code == 404

    response, steps = client.post(url, {"csat": "4", "step": "1"}), 0
    while response.status_code == 303:
        steps += 1
        assert urlsplit(response["Location"]).path == url
        page = client.get(response["Location"])
        response = client.post(url, {"csat": "4", "step": page.context["form"].step, "go": "next", "nps": "9"})
    assert steps > 1
    assert response.status_code == 200
    assert "form" not in response.context
    assert recorded() == (0, 0, 0)


def test_a_test_of_a_wrong_answer_is_told_as_the_page_would(
    client: Client, survey: Survey, purchase: Purchase, sofia: User
) -> None:
    sample = send_sample(Look(survey, purchase, "es"), by=sofia, now=datetime.now(UTC))

    response = client.post(f"/s/{sample.mail.token}/preview/", {"step": "1"})

    assert "csat" in response.context["form"].errors


@pytest.mark.parametrize("token", ["A" * 22, "x"])
def test_an_unknown_token_previews_nothing(client: Client, token: str) -> None:
    assert client.get(f"/s/{token}/preview/").status_code == 404


def test_links_of_tests_end(client: Client, survey: Survey, purchase: Purchase, sofia: User) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=survey.brand.link_days + 1)
    sample = send_sample(Look(survey, purchase, "es"), by=sofia, now=long_ago)

    assert client.get(f"/s/{sample.mail.token}/preview/").status_code == 404


# --- The admin -------------------------------------------------------------------------------------------------------
def test_staff_see_mail_and_page_as_the_customer_of_an_order(
    desk: Client, survey: Survey, purchase: Purchase, brand: Brand
) -> None:
    make_purchase(make_customer(brand, "Darío"), delivered_at=None, purchased_at=NOW)
    page = desk.get(ADD, {"survey": survey.pk, "order": "P-1"})
    query = page.context["query"]
    mail = desk.get(f"{reverse('admin:surveys_samplemail_mail')}?{query}")
    behind = desk.get(f"{reverse('admin:surveys_samplemail_page')}?{query}&q=2")

    assert page.context["message"].texts.subject in page.text.replace("&amp;", "&")
    assert "Botas" in mail.text
    assert f"{reverse('admin:surveys_samplemail_page')}?" in mail.text
    assert "/s/" not in mail.text
    assert behind.context["form"]["csat"].value() == "2"
    assert AccessLog.objects.filter(object_type="purchase", object_id=str(purchase.pk)).exists()
    assert recorded() == (0, 0, 0)
    latest_received = desk.get(ADD)
    assert latest_received.context["purchase"] == purchase


def test_a_mail_is_framed_by_its_page_alone_and_runs_nothing(desk: Client, survey: Survey, purchase: Purchase) -> None:
    response = desk.get(reverse("admin:surveys_samplemail_mail"), {"survey": survey.pk})
    policy = response["Content-Security-Policy"]

    assert "frame-ancestors 'self'" in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "script-src 'self'" in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    frames = re.findall(r'<iframe [^>]*sandbox="([^"]*)"', desk.get(ADD).text)
    assert frames == ["allow-same-origin", ""]  # a rating in the mail leads to the page, which staff alone may see
    assert "'unsafe-inline'" not in desk.get(ADD)["Content-Security-Policy"]


def test_staff_send_themselves_what_they_see(desk: Client, survey: Survey, purchase: Purchase, sofia: User) -> None:
    given = {"survey": survey.pk, "order": "P-1", "language": "en", "kind": "reminder"}

    response = desk.post(ADD, given, follow=True)

    sample = SampleMail.objects.get()
    assert (sample.sent_by, sample.purchase, sample.kind, sample.mail.language) == (sofia, purchase, "reminder", "en")
    assert sofia.email in response.text
    assert response.context["form"]["language"].value() == "en"
    assert desk.get(reverse("admin:surveys_samplemail_changelist")).status_code == 200
    assert desk.get(reverse("admin:surveys_samplemail_change", args=[sample.pk])).status_code == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [({"order": "P-theirs"}, "order"), ({"order": "P-none"}, "order"), ({"language": "de"}, "language")],
)
def test_what_cannot_be_shown_says_why(
    desk: Client, survey: Survey, purchase: Purchase, given: dict[str, str], field: str
) -> None:
    make_purchase(make_customer(make_brand("brasa", languages=["de"])), external_id="P-theirs")

    page = desk.get(ADD, given)

    assert field in page.context["form"].errors
    assert page.context["message"] is None
    assert desk.get(reverse("admin:surveys_samplemail_mail"), given).status_code == 404


def test_another_brands_survey_is_not_among_the_choices(desk: Client, survey: Survey, purchase: Purchase) -> None:
    theirs = publish_standard_survey(make_brand("brasa", name="Brasa"))

    assert "survey" in desk.get(ADD, {"survey": theirs.pk}).context["form"].errors
    assert "Brasa" not in desk.get(ADD).text


def test_a_brand_without_purchases_is_told_so(desk: Client, survey: Survey) -> None:
    assert "order" in desk.get(ADD).context["form"].errors


def test_who_only_reads_looks_and_does_not_send(
    client: Client, brand: Brand, survey: Survey, purchase: Purchase
) -> None:
    client.force_login(make_staff(brand, "Aitor", Membership.Role.READ_ONLY))
    make_affiliate(brand)

    assert not client.get(ADD).context["may_send"]
    assert client.post(ADD, {"survey": survey.pk}).status_code == 403
    assert not SampleMail.objects.exists()
