"""Cases are found by what people type: whole names of things, and words in any of their forms."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from complaints.models import Complaint, ComplaintWords
from complaints.selectors import searching
from complaints.selectors.searching import find
from complaints.services import add_note, customer_wrote, resolve_complaint
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def said(brand: Any, subject: str, *, name: str = "Carla Ruiz", **fields: Any) -> Complaint:
    purchase = factories.make_purchase(factories.make_customer(brand, name))
    return make_complaint(purchase, subject=subject, text="", **fields)


def found(brand: Any, text: str) -> set[Complaint]:
    return set(find(Complaint.objects.filter(brand=brand), text, brands=[brand.pk]).cases)


SPELLINGS = [
    {"reclamación", "reclamacion", "reclamaciones", "RECLAMACIÓN"},
    {"garantía", "garantia", "garantías", "garantias"},
    {"devolución", "devolucion", "devoluciones"},
    {"envío", "envio", "envíos", "envios"},
    {"cafetera", "cafeteras"},
    {"niño", "nino", "niños"},
]


@pytest.mark.parametrize(
    ("written", "typed"),
    [(written, typed) for words in SPELLINGS for written in sorted(words) for typed in sorted(words)],
)
def test_a_word_is_found_in_every_form(brand, written, typed):
    case = said(brand, f"Sobre mi {written} de ayer")
    said(brand, "Otra cosa")

    assert found(brand, typed) == {case}


@pytest.mark.parametrize(
    ("language", "written", "typed"),
    [("en", "The deliveries were late", "delivery"), ("pt", "Minhas reclamações sem resposta", "reclamação")],
)
def test_each_language_has_its_own_forms(brand, language, written, typed):
    case = said(brand, written, language=language)

    assert found(brand, typed) == {case}


def test_all_words_are_needed_wherever_they_were_said(brand, sofia):
    case = said(brand, "La tapa no cierra", name="Marta Gil")
    said(brand, "La tapa no cierra", name="Luis Sanz")
    customer_wrote(case, text="Era de color verde", now=NOW)
    add_note(case, text="Llamar al proveedor", by=sofia, now=NOW)

    assert found(brand, "tapa marta") == {case}
    assert found(brand, "marta verde proveedor") == {case}
    assert found(brand, "no la tapa de Marta") == {case}  # fillers are not asked for
    assert found(brand, "tapa azul") == set()


def test_the_last_word_may_be_only_begun(brand):
    case = said(brand, "Molinillo atascado", name="Bartolomé")

    assert found(brand, "bart") == {case}
    assert found(brand, "molinillo atas") == {case}
    assert found(brand, "mol atascado") == set()


def test_numbers_orders_and_addresses_are_meant_as_a_whole(brand, purchase, sofia):
    case = make_complaint(purchase, subject="Uno")
    resolve_complaint(case, resolution="Hecho", by=sofia, now=NOW)
    said(brand, f"Como en {case.number} y PEDIDO-77 de carla@correo.example")

    for text in (case.number, str(case.pk), "PEDIDO-77", " carla@correo.example", "CARLA@Correo.example"):
        assert found(brand, text.strip()) == {case}, text


def test_odd_texts_find_nothing_and_break_nothing(brand):
    said(brand, "Algo")

    for text in ("%", "' OR 1=1 --", "&|!():*", "de la", "99999999999999999999", "@", "\\", "🙂", "a" * 200):
        assert found(brand, text) == set(), text


def test_another_brands_words_are_not_searched(brand):
    other = factories.make_brand("otra")
    said(other, "Cafetera rota")
    case = said(brand, "Cafetera rota")

    assert found(brand, "cafetera") == {case}
    assert find(Complaint.objects.none(), "cafetera", brands=[]).cases.count() == 0


def test_frequent_words_are_looked_for_among_the_newest(brand, monkeypatch):
    monkeypatch.setattr(searching, "RARE", 2)
    cases = {said(brand, "Roto", now=NOW + timedelta(hours=number)) for number in range(4)}
    said(brand, "Entero")

    assert found(brand, "roto") == cases


def test_the_index_of_words_is_used(brand):
    """A condition that PostgreSQL cannot match with the index would read every case."""
    case = said(brand, "Cafetera rota")
    holding = ComplaintWords.objects.filter(searching.Holds(F("words"), searching.query_of("cafetera")))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert "Bitmap Index Scan on complaint_words" in holding.explain()
    assert list(holding.values_list("pk", flat=True)) == [case.pk]
