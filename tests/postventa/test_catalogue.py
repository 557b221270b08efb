"""Spanish is complete, compiled, and says what the code says."""

import re
from datetime import date
from pathlib import Path

import pytest
from babel.messages import Catalog
from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format

from accounts.models import FORMAL_SPANISH
from postventa.catalogue import FORMAL, SPEAKS_TU, compiled, extract, po_path, read_catalogue, said_with_tu

ROOT = Path(settings.BASE_DIR)
HINT = "run `python manage.py messages` and translate what it names"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}")


@pytest.fixture(scope="module")
def spanish() -> Catalog:
    return read_catalogue(po_path(ROOT))


@pytest.fixture(scope="module")
def formal() -> Catalog:
    return read_catalogue(po_path(ROOT, FORMAL))


def keys(catalogue: Catalog) -> set[tuple[object, object]]:
    return {(message.context, message.id) for message in catalogue if message.id}


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def test_every_text_of_the_interface_is_in_the_catalogue(spanish: Catalog) -> None:
    listed, used = keys(spanish), keys(extract(ROOT))

    assert (used - listed, listed - used) == (set(), set()), HINT


def test_every_text_is_translated_and_looked_over(spanish: Catalog) -> None:
    untranslated = [m.id for m in spanish if m.id and not (m.string and all(forms(m.string)))]

    assert untranslated == [], HINT
    assert [m.id for m in spanish if m.id and m.fuzzy] == []


def test_translations_fill_in_the_same_values(spanish: Catalog) -> None:
    """A value may be left out of the singular («una respuesta»), never be one that the code does not give."""
    wrong = []
    for message in spanish:
        given = {p for form in forms(message.id) for p in PLACEHOLDER.findall(form)} if message.id else set()
        for form in forms(message.string) if message.id else []:
            used = set(PLACEHOLDER.findall(form))
            if not used <= given or (isinstance(message.id, str) and used != given):
                wrong.append(message.id)

    assert wrong == []


def test_the_compiled_catalogue_is_that_of_the_text_file(spanish: Catalog) -> None:
    assert po_path(ROOT).with_suffix(".mo").read_bytes() == compiled(spanish), HINT


def test_spanish_keeps_its_tone(spanish: Catalog) -> None:
    texts = [form for m in spanish if m.id for form in forms(m.string)]

    assert [t for t in texts if "!" in t or "¡" in t] == []
    assert [t for t in texts if re.search(r"(?<!%\()\b(feedback|links?|anónim[oa]s?)\b", t, re.IGNORECASE)] == []


class TestUsted:
    """What customers of a brand that says «usted» read."""

    def test_it_says_otherwise_only_what_is_said(self, spanish: Catalog, formal: Catalog) -> None:
        assert keys(formal) - keys(spanish) == set(), HINT

    def test_it_fills_in_the_same_values(self, formal: Catalog) -> None:
        texts = [(text, form) for m in formal if m.id for text in forms(m.id) for form in forms(m.string)]

        assert [text for text, form in texts if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(form))] == []

    def test_nobody_hears_tu(self, spanish: Catalog, formal: Catalog) -> None:
        assert said_with_tu(ROOT, spanish, Catalog()) != []
        assert said_with_tu(ROOT, spanish, formal) == []
        assert [form for m in formal if m.id for form in forms(m.string) if SPEAKS_TU.search(form)] == []

    def test_it_is_compiled_and_found(self, formal: Catalog) -> None:
        assert po_path(ROOT, FORMAL).with_suffix(".mo").read_bytes() == compiled(formal), HINT
        with translation.override(FORMAL_SPANISH):
            assert translation.gettext("Your words") == "Sus palabras"
            assert translation.gettext("Send") == "Enviar"  # as with «tú»
            assert date_format(date(2026, 3, 3), "DATE_FORMAT") == "3 de marzo de 2026"
