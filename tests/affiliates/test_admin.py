import pytest
from django.contrib.admin.sites import site
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, Brand, Membership
from affiliates.models import Affiliate, Coupon, LinkPromise, TrackingLink
from tests.factories import (
    NOW,
    make_affiliate,
    make_brand,
    make_customer,
    make_link,
    make_member,
    make_product,
    make_staff,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def sofia(brand: Brand) -> Client:
    client = Client()
    client.force_login(make_staff(brand))
    return client


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(make_staff(make_brand("faro"), "Olga"))
    return client


NO_PEOPLE = ("members", "invitations", "events")


def formsets(*prefixes: str) -> dict[str, str]:
    return {key: value for prefix in prefixes for key, value in formset(prefix).items()}


def formset(prefix: str, *rows: dict[str, str], initial: int = 0) -> dict[str, str]:
    data = {f"{prefix}-TOTAL_FORMS": str(len(rows)), f"{prefix}-INITIAL_FORMS": str(initial)}
    return data | {f"{prefix}-{i}-{name}": value for i, row in enumerate(rows) for name, value in row.items()}


def test_staff_find_a_links_address_and_its_qr_code_on_its_page(brand, sofia, settings):
    settings.BASE_URL = "https://opina.example"
    link = make_link(make_affiliate(brand), "guia")

    page = sofia.get(reverse("admin:affiliates_trackinglink_change", args=[link.pk])).text

    picture = reverse("dashboards:link_code", kwargs={"brand": brand.slug, "code": "ana", "link": "guia"})
    assert "https://opina.example/r/guia" in page
    assert f'href="{picture}"' in page
    assert sofia.get(picture).headers["Content-Type"] == "image/svg+xml"


def test_staff_see_where_a_link_leads_without_counting_as_visitors(brand, sofia):
    link = make_link(make_affiliate(brand), "guia", destination="https://lumbre.example/botas")

    page = sofia.get(reverse("admin:affiliates_trackinglink_change", args=[link.pk])).text

    assert '<a href="https://lumbre.example/botas" class="viewsitelink"' in page
    assert f'href="{link.get_absolute_url()}"' not in page


@pytest.mark.parametrize("model", ["affiliate", "trackinglink", "coupon", "customer", "product"])
def test_lists_ask_as_much_for_three_rows_as_for_one(brand, sofia, django_assert_num_queries, model):
    def add(number: int) -> None:
        affiliate = make_affiliate(brand, f"Ana{number}")
        make_link(affiliate)
        Coupon.objects.create(brand=brand, affiliate=affiliate, code=f"ana{number}", valid_from=NOW)
        make_customer(brand, acquiring_affiliate=affiliate, acquired_at=NOW)
        make_product(brand, f"sku{number}")

    url = reverse(f"admin:affiliates_{model}_changelist")
    add(1)
    sofia.get(url)
    with django_assert_num_queries(10, exact=False) as one:
        assert sofia.get(url).status_code == 200
    add(2)
    add(3)

    with django_assert_num_queries(len(one)):
        response = sofia.get(url)

    assert response.context["cl"].result_count == 3


@pytest.mark.parametrize("model", ["affiliate", "trackinglink", "coupon", "customer", "product"])
def test_another_brands_staff_see_nothing(brand, olga, model):
    ana = make_affiliate(brand)
    rows = {
        "affiliate": ana,
        "trackinglink": make_link(ana),
        "coupon": Coupon.objects.create(brand=brand, affiliate=ana, code="ana10", valid_from=NOW),
        "customer": make_customer(brand),
        "product": make_product(brand),
    }

    response = olga.get(reverse(f"admin:affiliates_{model}_changelist"))
    change = olga.get(reverse(f"admin:affiliates_{model}_change", args=[rows[model].pk]))

    assert response.context["cl"].result_count == 0
    assert change.status_code == 302  # the admin sends whoever asks for a row that is not theirs to its first page


def test_an_affiliate_does_not_get_in(brand):
    client = Client()
    client.force_login(make_member(make_affiliate(brand)))

    assert client.get(reverse("admin:affiliates_affiliate_changelist")).status_code == 302


def test_staff_add_an_affiliate_of_their_brand(brand, sofia):
    data = {"brand": brand.pk, "code": "ana", "name": "Ana", "public_name": "", "email": "", "status": "active"}

    response = sofia.post(reverse("admin:affiliates_affiliate_add"), data | formsets(*NO_PEOPLE))

    assert response.status_code == 302, response.context["errors"]
    ana = Affiliate.objects.get()
    assert (ana.brand, ana.code, ana.joined_at is not None) == (brand, "ana", True)


def test_whoever_adds_an_affiliate_is_offered_to_invite_them(brand, sofia):
    page = sofia.get(reverse("admin:affiliates_affiliate_add"))

    assert page.context["adminform"].form.initial["status"] == Affiliate.Status.INVITED
    assert page.context["inline_admin_formsets"] == []
    form = {"brand": brand.pk, "code": "ana", "name": "Ana", "email": "ana@correo.example", "status": "invited"}
    assert sofia.post(reverse("admin:affiliates_affiliate_add"), form).status_code == 302
    assert [invitation.email for invitation in Affiliate.objects.get().invitations.all()] == ["ana@correo.example"]


@pytest.mark.parametrize("code", ["a b", "a/b", "ñ", "-a"])
def test_an_affiliates_code_can_stand_in_an_address(brand, sofia, code):
    data = {"brand": brand.pk, "code": code, "name": "Ana", "status": "active"}

    response = sofia.post(reverse("admin:affiliates_affiliate_add"), data | formsets(*NO_PEOPLE))

    assert list(response.context["adminform"].form.errors) == ["code"]
    assert not Affiliate.objects.exists()


def test_staff_cannot_add_to_another_brand(brand, olga):
    data = {"brand": brand.pk, "code": "ana", "name": "Ana", "status": "active"}

    response = olga.post(reverse("admin:affiliates_affiliate_add"), data | formsets(*NO_PEOPLE))

    assert list(response.context["adminform"].form.errors) == ["brand"]
    assert not Affiliate.objects.exists()


def test_reading_staff_change_nothing(brand):
    client = Client()
    client.force_login(make_staff(brand, "Rosa", role=Membership.Role.READ_ONLY))
    ana = make_affiliate(brand)

    response = client.post(reverse("admin:affiliates_affiliate_change", args=[ana.pk]), {"name": "Otra"})

    assert response.status_code == 403
    ana.refresh_from_db()
    assert ana.name == "Ana"


def test_staff_make_a_link_with_promises(brand, sofia):
    ana = make_affiliate(brand)
    data = {"affiliate": ana.pk, "destination": "https://lumbre.example/botas", "campaign": "Otoño", "code": "botas"}

    response = sofia.post(
        reverse("admin:affiliates_trackinglink_add"), data | formset("promises", {"text": "Envío en 24 h"})
    )

    assert response.status_code == 302, response.context["errors"]
    link = TrackingLink.objects.get()
    assert (link.code, link.affiliate) == ("botas", ana)
    assert list(link.promises.values_list("text", "withdrawn_at")) == [("Envío en 24 h", None)]


def test_staff_cannot_lead_a_link_elsewhere(brand, sofia):
    ana = make_affiliate(brand)
    data = {"affiliate": ana.pk, "destination": "https://lumbre.example.evil.example/", "code": "botas"}

    response = sofia.post(reverse("admin:affiliates_trackinglink_add"), data | formset("promises"))

    assert list(response.context["adminform"].form.errors) == ["destination"]
    assert not TrackingLink.objects.exists()


def test_a_promise_is_withdrawn_and_never_reworded(brand, sofia):
    link = make_link(make_affiliate(brand))
    promise = LinkPromise.objects.create(link=link, text="Envío en 24 h")
    row = {"id": str(promise.pk), "link": str(link.pk), "text": "Otra cosa", "is_withdrawn": "on"}

    response = sofia.post(
        reverse("admin:affiliates_trackinglink_change", args=[link.pk]),
        {"destination": link.destination, "campaign": ""} | formset("promises", row, initial=1),
    )

    assert response.status_code == 302, response.context["errors"]
    promise.refresh_from_db()
    assert promise.text == "Envío en 24 h"
    assert promise.withdrawn_at is not None


def test_staff_pause_and_resume_a_link(brand, sofia):
    link = make_link(make_affiliate(brand))
    url = reverse("admin:affiliates_trackinglink_changelist")

    sofia.post(url, {"action": "pause", "_selected_action": [link.pk]})
    link.refresh_from_db()
    assert link.paused_at is not None

    sofia.post(url, {"action": "resume", "_selected_action": [link.pk]})
    link.refresh_from_db()
    assert link.paused_at is None


def test_customers_are_found_by_their_whole_address_only(brand, sofia):
    carla = make_customer(brand, email="carla@correo.example")
    make_customer(brand, email="carlos@correo.example")
    url = reverse("admin:affiliates_customer_changelist")

    assert [c.pk for c in sofia.get(url, {"q": "Carla@Correo.example"}).context["cl"].result_list] == [carla.pk]
    assert list(sofia.get(url, {"q": "carl"}).context["cl"].result_list) == []


def test_who_looks_at_a_customer_is_written_down(brand, sofia):
    carla = make_customer(brand)

    sofia.get(reverse("admin:affiliates_customer_change", args=[carla.pk]))

    assert list(AccessLog.objects.values_list("purpose", "object_type", "object_id")) == [
        ("view", "customer", str(carla.pk))
    ]


def test_every_page_of_the_app_is_registered():
    registered = {model.__name__ for model in site._registry if model._meta.app_label == "affiliates"}

    assert registered == {
        "Affiliate",
        "CataloguePromise",
        "Claim",
        "Click",
        "TrackingLink",
        "Coupon",
        "Customer",
        "Product",
        "Purchase",
        "StaffInvitation",
        "Suspicion",
    }


def test_an_affiliates_page_leads_to_what_the_affiliate_sees(brand, sofia):
    ana = make_affiliate(brand, "Ana")

    page = sofia.get(reverse("admin:affiliates_affiliate_change", args=[ana.pk]))

    portal = reverse("dashboards:home", kwargs={"brand": brand.slug, "code": ana.code})
    assert f'href="{portal}"' in page.content.decode()
    assert sofia.get(portal).context["reader"].affiliate == ana
