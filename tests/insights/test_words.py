import time
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.words import (
    NEGATORS,
    STOP_WORDS,
    Comment,
    count_terms,
    distinctive_by_theme,
    distinctive_terms,
    own_terms,
    stem,
    terms,
    tokenise,
)
from surveys.languages import fold


def keys(text, language="es"):
    return [[token.key for token in clause if token.key] for clause in tokenise(text, language)]


def said(texts, language="es", prefix="c"):
    """One customer a comment."""
    return [Comment(text, language, f"{prefix}{i}") for i, text in enumerate(texts)]


# --- Tokens ----------------------------------------------------------------------------------------------------------
def test_tokenise_keeps_the_written_form_and_compares_without_accents():
    (clause,) = tokenise("El Envío RÁPIDO", "es")

    assert [token.form for token in clause] == ["el", "envío", "rápido"]
    assert [token.key for token in clause] == [None, "envi", "rapid"]


def test_tokenise_does_not_mind_how_accents_are_encoded():
    assert tokenise(unicodedata.normalize("NFD", "Envío y ñandú"), "es") == tokenise("Envío y ñandú", "es")


def test_tokenise_cuts_clauses_at_punctuation_and_lines():
    assert keys("Llegó tarde, caja rota. ¿Precio?\nBien") == [["lleg", "tard"], ["caja", "rota"], ["preci"], ["bien"]]


def test_tokenise_gives_emoji_a_clause_and_one_skin():
    assert keys("Genial 👍🏽👍 ❤️ 🇪🇸 👨‍👩‍👧 hola") == [["genial"], ["👍"], ["👍"], ["❤"], ["🇪🇸"], ["👨‍👩‍👧"], ["hola"]]


def test_tokenise_leaves_out_numbers_letters_and_redaction_marks():
    assert keys("Pedido 12345 a x [correo] con wifi6 [teléfono]") == [["pedid"], ["wifi6"]]


def test_tokenise_reads_english_contractions_and_possessives():
    (clause,) = tokenise("It’s the shop’s box that didn’t arrive", "en")

    assert [(token.key, token.is_negator) for token in clause if token.key or token.is_negator] == [
        ("shop", False),
        ("box", False),
        (None, True),
        ("arrive", False),
    ]


def test_tokenise_of_an_unknown_language_keeps_every_word():
    assert keys("das Paket kam nicht", "de-AT") == [["das", "paket", "kam", "nicht"]]


@pytest.mark.parametrize(
    ("language", "words", "expected"),
    [
        ("es", "rapido rapida rapidos rapidas", "rapid"),
        ("es", "plazo plazos", "plaz"),
        ("es", "vez veces", "vez"),
        ("es", "devolucion devoluciones", "devolucion"),
        ("en", "delivery deliveries", "delivery"),
        ("en", "price prices", "price"),
        ("en", "status", "status"),
        ("en", "address", "address"),
        ("pt", "devolucao devolucoes", "devoluca"),
        ("pt", "prazo prazos", "praz"),
        ("de", "pakete", "pakete"),
    ],
)
def test_stem_joins_number_and_gender(language, words, expected):
    assert {stem(word, language) for word in words.split()} == {expected}


def test_stop_words_and_negators_are_written_as_they_are_compared():
    for words in (*STOP_WORDS.values(), *NEGATORS.values()):
        assert {fold(word) for word in words} == words


# --- Terms -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "text", "key", "form"),
    [
        ("es", "No funciona", "no_funcion", "no funciona"),
        ("es", "no me ha llegado", "no_llegad", "no me ha llegado"),
        ("es", "sin problemas", "no_problem", "sin problemas"),
        ("es", "Nunca contestan", "no_contestan", "nunca contestan"),
        ("es", "no tengo ninguna queja", "no_quej", "no tengo ninguna queja"),
        ("en", "It doesn't work", "no_work", "doesn't work"),
        ("en", "never arrived", "no_arrived", "never arrived"),
        ("pt", "não chegou", "no_chegou", "não chegou"),
    ],
)
def test_terms_join_a_negator_to_what_it_denies(language, text, key, form):
    found = terms(text, language)

    assert found[key] == form
    assert key.removeprefix("no_") not in found


def test_terms_negate_no_further_than_the_clause():
    assert set(terms("No, gracias", "es")) == {"graci"}
    assert set(terms("no 👍", "es")) == {"👍"}
    assert "entreg" in terms("no es que a mi me la entrega", "es")


def test_terms_pair_neighbours_as_they_were_written():
    assert terms("El plazo de entrega. Malo", "es") == {
        "plaz": "plazo",
        "entreg": "entrega",
        "plaz entreg": "plazo de entrega",
        "malo": "malo",
    }


def test_terms_count_once_a_comment():
    counts = count_terms(said(["lento lento lento", "Lenta", "LENTO"]))

    assert counts.comments["lent"] == 3
    assert counts.form("lent") == "lento"
    assert counts.total == 3


def test_count_terms_skips_comments_that_say_nothing():
    assert count_terms(said(["", "ok?", "...", "10/10", "y la de"])).total == 1


@given(st.text(), st.sampled_from(["es", "en", "pt", "de", ""]))
def test_terms_of_any_text(text, language):
    for key, form in terms(text, language).items():
        assert key
        assert form


def test_terms_of_ten_thousand_characters_at_once():
    begun = time.process_time()
    for unit in ("no ", "a-", "'", "👍🏽", "\u200d👍", "palabra ", "[correo]", "ñ" * 100):
        terms((unit * 10_000)[:10_000], "es")

    assert time.process_time() - begun < 2


# --- Groups ----------------------------------------------------------------------------------------------------------
GOOD = ["El envío fue rápido", "Muy rápido todo", "Rápida entrega"] * 8
BAD = ["El plazo de entrega no se cumplió", "Faltaba información del plazo", "Plazo de entrega larguísimo"] * 8


def test_distinctive_terms_tell_two_groups_apart():
    good, bad = distinctive_terms(said(GOOD), said(BAD))

    assert (good[0].form, good[0].comments, good[0].customers) == ("rápido", 24, 24)
    assert good[0].z > 1.96
    assert "plazo" in bad[0].form
    assert "entrega" not in {term.form for term in (*good, *bad)}


def test_distinctive_terms_swap_with_the_groups():
    good, bad = distinctive_terms(said(GOOD), said(BAD))

    assert distinctive_terms(said(BAD), said(GOOD)) == (bad, good)


def test_distinctive_terms_list_a_word_or_its_pair_but_not_both():
    _good, bad = distinctive_terms(said(GOOD), said(BAD))

    assert len([term for term in bad if term.form in {"plazo", "plazo de entrega"}]) == 1


def test_distinctive_terms_need_twenty_comments_on_both_sides():
    assert distinctive_terms(said(GOOD[:19]), said(BAD)) is None
    assert distinctive_terms(said(GOOD), said(BAD[:19])) is None
    assert distinctive_terms(said([*GOOD[:19], "¿?"]), said(BAD)) is None
    assert distinctive_terms(said(GOOD[:20]), said(BAD[:20])) is not None


def test_distinctive_terms_need_three_customers():
    talkative = [Comment(text, "es", f"c{i % 2}") for i, text in enumerate(GOOD)]

    good, bad = distinctive_terms(talkative, said(BAD))

    assert good == []
    assert bad


def test_distinctive_terms_of_equal_groups_are_none():
    assert distinctive_terms(said(GOOD), said(GOOD)) == ([], [])


def test_distinctive_terms_list_eight_at_most():
    words = [f"palabra{letter}" for letter in "bcdfghjklm"]
    others = [f"cosa{letter}" for letter in "bcdfghjklm"]

    first, second = distinctive_terms(said([". ".join(words)] * 30), said([". ".join(others)] * 30))

    assert [term.form for term in first] == words[:8]
    assert [term.form for term in second] == others[:8]


def test_own_terms_are_those_that_two_groups_alone_would_have():
    groups = {
        1: said(GOOD, prefix="a"),
        2: said(BAD, prefix="b"),
        3: said(["Todo bien con la entrega"] * 25, prefix="c"),
    }

    found = own_terms(groups)

    assert list(found) == [1, 2, 3]
    for group, listed in found.items():
        others = [comment for other, comments in groups.items() if other != group for comment in comments]
        expected = distinctive_terms(groups[group], others)
        assert expected
        assert [replace(term, z=0) for term in listed] == [replace(term, z=0) for term in expected[0]]
        assert [term.z for term in listed] == pytest.approx([term.z for term in expected[0]])


def test_own_terms_of_few_comments_or_of_all_there_are_none():
    assert own_terms({1: said(GOOD), 2: said(BAD[:19])}) == {}
    assert own_terms({1: said(GOOD)}) == {}
    assert own_terms({}) == {}


def test_what_many_say_in_one_word_does_not_hide_a_theme_that_others_word_in_many():
    """Nine words about the product, all more telling than the delay: within its own theme the delay is listed."""
    broken = [f"roto{letter}" for letter in "bcdfghjkl"]
    unhappy = said([*broken * 30, *["retraso"] * 20], prefix="u")
    happy = said([*broken, "retraso", *["estupendo"] * 300], prefix="h")

    flat = distinctive_terms(unhappy, happy)
    themed = distinctive_by_theme(unhappy, happy, lambda form: "entrega" if "retraso" in form else "")

    assert flat
    assert themed
    assert "retraso" not in [term.form for term in flat[0]]
    assert [(term.form, term.comments, term.customers) for term in themed[0]["entrega"]] == [("retraso", 20, 20)]
    assert [term.form for term in themed[1][""]] == ["estupendo"]


def test_within_a_theme_forms_of_one_verb_are_listed_once():
    unhappy = said(["aguardo", "aguardando"] * 30, "pt", prefix="u")

    found = distinctive_by_theme(unhappy, said(["ótimo"] * 60, "pt", prefix="h"), lambda form: "entrega")

    assert found
    assert len(found[0]["entrega"]) == 1


def test_themes_too_need_twenty_comments_a_side():
    assert distinctive_by_theme(said(["malo"] * 19), said(["bueno"] * 60), lambda form: "") is None
