"""The brand's catalogue of promises: kept by staff, offered where links are made, never rewriting what was said."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, Membership
from affiliates.models import Affiliate, CataloguePromise, LinkPromise, TrackingLink
from affiliates.selectors import offered_promises
from affiliates.standard import PROMISES, offer_standard_promises
from intake.services import create_brand
from tests.affiliates.test_admin import formset
from tests.factories import make_affiliate, make_brand, make_link, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


@pytest.fixture
def sofia(brand: Brand) -> Client:
    client = Client()
    client.force_login(make_staff(brand))
    return client


@pytest.fixture
def offer(brand: Brand) -> Any:
    def offer_promise(code: str, es: str, **fields: Any) -> CataloguePromise:
        given = {"brand": brand, "labels": {"es": es, "en": f"{code} in English"}} | fields
        return CataloguePromise.objects.create(code=code, **given)

    return offer_promise


# --- The catalogue ---------------------------------------------------------------------------------------------------
def test_a_new_brand_begins_with_the_standard_ones() -> None:
    brand = create_brand("faro", name="Faro", country="ES", timezone="Europe/Madrid", allowed_hosts=["faro.example"])

    offered = offered_promises(brand, "es")

    assert [(each.code, each.text) for each in offered] == [(code, es) for code, es, _en in PROMISES]


def test_staff_of_an_older_brand_are_offered_the_standard_ones(sofia: Client, brand: Brand, offer: Any) -> None:
    offer("free_delivery", "Portes pagados", is_active=False)
    listed = reverse("admin:affiliates_cataloguepromise_changelist")
    assert sofia.get(listed).context["offers"] == [(brand, len(PROMISES) - 1)]

    after = sofia.post(reverse("admin:affiliates_cataloguepromise_standard"), {"brand": brand.slug}, follow=True)

    kept = CataloguePromise.objects.get(code="free_delivery")
    assert (kept.labels["es"], kept.is_active) == ("Portes pagados", False)
    assert set(CataloguePromise.objects.values_list("code", flat=True)) == {code for code, _es, _en in PROMISES}
    assert CataloguePromise.objects.get(code="no_commitment").labels == {
        "es": "Sin permanencia",
        "en": "No minimum term",
    }
    assert after.context["offers"] == []


@pytest.mark.parametrize("role", [Membership.Role.ANALYST, Membership.Role.READ_ONLY])
def test_who_only_reads_is_offered_none(client: Client, brand: Brand, role: str) -> None:
    client.force_login(make_staff(brand, "Aitor", role))

    assert client.get(reverse("admin:affiliates_cataloguepromise_changelist")).context["offers"] == []
    refused = client.post(reverse("admin:affiliates_cataloguepromise_standard"), {"brand": brand.slug})

    assert refused.status_code == 403
    assert not CataloguePromise.objects.exists()


def test_nobody_adds_them_to_anothers_brand(sofia: Client) -> None:
    brasa = make_brand("brasa")

    response = sofia.post(reverse("admin:affiliates_cataloguepromise_standard"), {"brand": brasa.slug})

    assert response.status_code == 403
    assert not CataloguePromise.objects.exists()


def test_the_standard_ones_leave_what_the_brand_has(brand: Brand, offer: Any) -> None:
    offer("free_delivery", "Portes pagados", is_active=False)

    offer_standard_promises(brand)
    offer_standard_promises(brand)

    kept = CataloguePromise.objects.get(code="free_delivery")
    assert (kept.labels["es"], kept.is_active) == ("Portes pagados", False)
    assert CataloguePromise.objects.count() == len(PROMISES)


@pytest.mark.parametrize(("language", "text"), [("es", "Gratis"), ("en", "free in English"), ("fr", "Gratis")])
def test_it_is_said_in_the_readers_language_else_in_the_brands(
    brand: Brand, offer: Any, language: str, text: str
) -> None:
    offer("free", "Gratis")

    assert [each.text for each in offered_promises(brand, language)] == [text]


def test_what_is_switched_off_is_not_offered(brand: Brand, offer: Any) -> None:
    offer("free", "Gratis", is_active=False)
    offer("late", "Luego", position=9)
    offer("soon", "Pronto", position=1)
    CataloguePromise.objects.create(brand=make_brand("faro"), code="theirs", labels={"es": "Suya"})

    assert [each.code for each in offered_promises(brand, "es")] == ["soon", "late"]


# --- Staff -----------------------------------------------------------------------------------------------------------
def test_staff_write_it_in_every_language_of_the_brand(sofia: Client, brand: Brand) -> None:
    Brand.objects.filter(pk=brand.pk).update(languages=["es", "en", "ca"])
    add = reverse("admin:affiliates_cataloguepromise_add")
    data = {"brand": brand.pk, "code": "free", "position": 3, "is_active": "on", "label_es": "Gratis"}

    assert 'name="label_ca"' in sofia.get(add).text
    assert sofia.post(add, {**data, "label_ca": "De franc"}).status_code == 302

    made = CataloguePromise.objects.get()
    assert (made.labels, made.position, made.is_active) == ({"es": "Gratis", "ca": "De franc"}, 3, True)
    change = reverse("admin:affiliates_cataloguepromise_change", args=[made.pk])
    sofia.post(change, {"position": 1, "label_es": "Sin coste", "label_ca": ""})
    made.refresh_from_db()
    assert (made.code, made.labels, made.position, made.is_active) == ("free", {"es": "Sin coste"}, 1, False)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "free"}, "__all__"),
        ({"code": "a b"}, "code"),
        ({"label_es": ""}, "label_es"),
        ({"label_es": "x" * 201}, "label_es"),
    ],
)
def test_what_does_not_hold_is_said_in_the_form(
    sofia: Client, brand: Brand, offer: Any, given: dict[str, str], field: str
) -> None:
    offer("free", "Gratis")
    data = {"brand": brand.pk, "code": "other", "position": 0, "label_es": "Otra"} | given

    response = sofia.post(reverse("admin:affiliates_cataloguepromise_add"), data)

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert CataloguePromise.objects.count() == 1


def test_who_may_not_change_it_does_not(brand: Brand, offer: Any) -> None:
    promise = offer("free", "Gratis")
    change = reverse("admin:affiliates_cataloguepromise_change", args=[promise.pk])
    answers = {}
    for user in (
        make_staff(brand, "Rosa", role=Membership.Role.READ_ONLY),
        make_staff(make_brand("faro"), "Olga"),
    ):
        client = Client()
        client.force_login(user)
        answers[user.name] = client.post(change, {"position": 1, "label_es": "Caro"}).status_code

    promise.refresh_from_db()
    assert answers == {"Rosa": 403, "Olga": 302}  # the admin sends Olga to its first page
    assert promise.labels["es"] == "Gratis"


def test_staff_tick_what_a_link_promises(sofia: Client, ana: Affiliate, offer: Any) -> None:
    free, soon = offer("free", "Gratis"), offer("soon", "Pronto")
    add = reverse("admin:affiliates_trackinglink_add")
    data = {"affiliate": ana.pk, "destination": "https://lumbre.example/", "code": "botas"}

    made = sofia.post(add, {**data, "offered": [free.pk], "sub_ids_sub2": "blog"} | formset("promises"))
    assert made.status_code == 302, made.context["errors"]
    link = TrackingLink.objects.get()
    [first] = link.promises.all()
    change = reverse("admin:affiliates_trackinglink_change", args=[link.pk])
    row = formset("promises", {"id": str(first.pk), "link": str(link.pk), "text": "Gratis"}, initial=1)
    changed = sofia.post(change, {"destination": link.destination, "offered": [soon.pk]} | row)

    assert changed.status_code == 302, changed.context["errors"]
    assert link.sub_ids == {"sub2": "blog"}
    assert [(p.text, p.withdrawn_at is None) for p in link.promises.order_by("pk")] == [
        ("Gratis", False),
        ("Pronto", True),
    ]


def test_staff_tick_nothing_of_another_brand(ana: Affiliate, brand: Brand) -> None:
    both = make_staff(brand)
    faro = make_brand("faro")
    Membership.objects.create(user=both, brand=faro, role=Membership.Role.ADMIN)
    theirs = CataloguePromise.objects.create(brand=faro, code="free", labels={"es": "Gratis"})
    client = Client()
    client.force_login(both)
    data = {"affiliate": ana.pk, "destination": "https://lumbre.example/", "code": "botas", "offered": [theirs.pk]}

    response = client.post(reverse("admin:affiliates_trackinglink_add"), data | formset("promises"))

    assert list(response.context["adminform"].form.errors) == ["offered"]
    assert not TrackingLink.objects.exists()


def test_saving_a_link_without_touching_its_boxes_changes_no_promise(sofia: Client, ana: Affiliate, offer: Any) -> None:
    free, link = offer("free", "Gratis"), make_link(ana)
    promise = LinkPromise.objects.create(link=link, text="free in English")
    own = LinkPromise.objects.create(link=link, text="Palabra mía")
    rows = [{"id": str(p.pk), "link": str(link.pk), "text": p.text} for p in (promise, own)]

    response = sofia.post(
        reverse("admin:affiliates_trackinglink_change", args=[link.pk]),
        {"destination": link.destination, "offered": [free.pk]} | formset("promises", *rows, initial=2),
    )

    assert response.status_code == 302, response.context["errors"]
    assert list(link.promises.order_by("pk").values_list("text", "withdrawn_at")) == [
        ("free in English", None),
        ("Palabra mía", None),
    ]


def test_a_link_keeps_its_words_when_the_catalogue_changes(ana: Affiliate, offer: Any) -> None:
    promise, link = offer("free", "Gratis"), make_link(ana)
    LinkPromise.objects.create(link=link, text="Gratis")

    CataloguePromise.objects.filter(pk=promise.pk).update(labels={"es": "Casi gratis"})

    assert list(link.promises.values_list("text", "withdrawn_at")) == [("Gratis", None)]
