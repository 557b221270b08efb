"""Staff word, order and switch off what customers can tick."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import Brand, Membership
from surveys.models import Aspect, Fact
from surveys.standard import publish_standard_survey
from tests import factories

pytestmark = pytest.mark.django_db
FACTS = reverse("admin:surveys_fact_changelist")
ADD_FACT = reverse("admin:surveys_fact_add")


@pytest.fixture
def brand() -> Brand:
    brand = factories.make_brand()
    publish_standard_survey(brand)
    return brand


@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(factories.make_staff(brand))
    return client


def change(row: Fact | Aspect) -> str:
    return reverse(f"admin:surveys_{row._meta.model_name}_change", args=[row.pk])


def posted(client: Client, url: str, **typed: str) -> Any:
    page = client.get(url)
    assert page.status_code == 200
    form = page.context["adminform"].form
    initial = {name: form[name].value() for name in form.fields}
    sent = {name: "on" if value is True else value for name, value in initial.items() if value not in (None, False)}
    return client.post(url, {**sent, **typed})


def errors(page: Any) -> dict[str, list[str]]:
    return dict(page.context["adminform"].form.errors)


def test_words_are_edited_side_by_side_and_nothing_else_changes(desk: Client, brand: Brand) -> None:
    fact = Fact.objects.get(brand=brand, code="deadlines")
    before = dict(fact.labels)

    assert (
        posted(desk, change(fact), **{"label.es": "Cuándo llega", "advice.en": "Say the worst case."}).status_code
        == 302
    )

    fact.refresh_from_db()
    assert fact.labels == before | {"es": "Cuándo llega"}
    assert fact.advice["en"] == "Say the worst case."
    assert fact.advice["es"].startswith("Di el plazo real")
    assert fact.code == "deadlines"


def test_saving_a_row_as_it_is_changes_nothing(desk: Client, brand: Brand) -> None:
    for formality in Brand.Formality.values:
        Brand.objects.filter(pk=brand.pk).update(formality=formality)
        before = [*Fact.objects.values(), *Aspect.objects.values()]
        for row in (*Fact.objects.all(), *Aspect.objects.all()):
            assert posted(desk, change(row)).status_code == 302
        assert [*Fact.objects.values(), *Aspect.objects.values()] == before


def test_a_new_row_gets_a_code_and_the_last_place(desk: Client, brand: Brand) -> None:
    words = {"label.es": "Tamaño del año", "label.en": "Size of the year"}
    assert posted(desk, ADD_FACT, **words, **{"advice.es": "Di la talla."}).status_code == 302
    words = {"label.es": "Tamaño  del ano", "label.en": "Another size"}
    assert posted(desk, ADD_FACT, **words).status_code == 302

    first, second = Fact.objects.filter(brand=brand).order_by("-position")[:2][::-1]
    assert (first.code, first.advice, first.is_active) == ("tamano_del_ano", {"es": "Di la talla."}, True)
    assert (second.code, second.labels["es"]) == ("tamano_del_ano_2", "Tamaño del ano")
    assert first.position < second.position


def test_every_language_needs_words_and_no_two_read_the_same(desk: Client, brand: Brand) -> None:
    page = posted(desk, ADD_FACT, **{"label.es": "garantía", "label.en": " "})
    assert list(errors(page)) == ["label.en", "label.es"]

    page = posted(desk, ADD_FACT, **{"label.es": "De {brand}", "label.en": "Size"})
    assert list(errors(page)) == ["label.es"]
    assert Fact.objects.filter(brand=brand).count() == 9


def test_rows_are_ordered_and_switched_off_in_the_list_and_never_deleted(desk: Client, brand: Brand) -> None:
    page = desk.get(FACTS)
    rows = page.context["cl"].formset.forms
    data = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "1"}
    for n, row in enumerate(rows):
        data |= {f"form-{n}-id": row.instance.pk, f"form-{n}-position": len(rows) - n}
        if row.instance.code != "privacy":
            data[f"form-{n}-is_active"] = "on"

    assert desk.post(FACTS, data).status_code == 302

    codes = list(Fact.objects.filter(brand=brand).values_list("code", flat=True))
    assert codes == [row.instance.code for row in rows][::-1]
    assert list(Fact.objects.filter(is_active=False).values_list("code", flat=True)) == ["privacy"]
    fact = Fact.objects.get(code="privacy")
    assert desk.post(reverse("admin:surveys_fact_delete", args=[fact.pk]), {"post": "yes"}).status_code == 403


def test_only_whoever_writes_for_the_brand_changes_its_catalogue(client: Client, brand: Brand) -> None:
    lena = factories.make_staff(brand, "Lena", role=Membership.Role.READ_ONLY)
    other = factories.make_brand("otra")
    publish_standard_survey(other)
    Membership.objects.create(user=lena, brand=other, role=Membership.Role.ADMIN)
    client.force_login(lena)
    theirs = Fact.objects.get(brand=brand, code="warranty")

    assert client.post(change(theirs), {"label.es": "Otra", "label.en": "Other"}).status_code == 403
    data = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "_save": "1", "form-0-id": theirs.pk, "form-0-position": 7}
    client.post(f"{FACTS}?brand__id__exact={brand.pk}&id={theirs.pk}", data)

    theirs.refresh_from_db()
    assert (theirs.labels["es"], theirs.position, theirs.is_active) == ("Garantía", 6, True)
    assert posted(client, ADD_FACT, **{"label.es": "Talla", "label.en": "Size"}).status_code == 302
    assert Fact.objects.get(code="talla").brand == other


@pytest.mark.parametrize(
    ("language", "name"), [("es", "el plazo"), ("en", "the delay"), ("es-x-usted", "el plazo"), ("pt", "the delay")]
)
def test_a_fact_is_called_as_its_reader_would(language: str, name: str) -> None:
    with translation.override(language):
        assert str(Fact(code="plazo", labels={"en": "the delay", "es": "el plazo"})) == name
        assert str(Fact(code="plazo", labels={"en": ""})) == "plazo"
