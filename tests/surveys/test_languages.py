import pytest

from surveys.languages import base_code, fold, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("El envío llegó muy rápido y bien embalado", "es"),
        ("The parcel came quickly and well packed", "en"),
        ("A entrega foi muito rápida, não tenho do que reclamar", "pt"),
        ("THE BOX WAS BROKEN WHEN IT ARRIVED", "en"),
    ],
)
def test_a_comment_in_another_of_the_brands_languages_is_recognised(text, language):
    assert language_of(text, languages=["es", "en", "pt"], default="es") == language


@pytest.mark.parametrize("text", ["", " ", "ok", "OK!", "10/10", "👍", "5", "...", "ok 10", "😀😀 100 %"])
def test_what_is_said_alike_everywhere_has_no_language(text):
    assert language_of(text, languages=["es", "en", "pt"], default="es") == ""


@pytest.mark.parametrize("text", ["very good", "great", "entrega rápida", "Ana Bruno 5", "ok not bad"])
def test_two_words_are_in_the_language_of_the_survey(text):
    assert language_of(text, languages=["es", "en", "pt"], default="es") == "es"


def test_no_language_is_found_that_the_brand_does_not_have():
    text = "A entrega foi muito rápida, não tenho do que reclamar"

    assert language_of(text, languages=["es", "en"], default="en") != "pt"
    assert language_of(text, languages=["es"], default="es") == "es"
    assert language_of(text, languages=[], default="pt-BR") == "pt"


def test_the_language_of_the_survey_counts_though_the_brand_no_longer_has_it():
    text = "A entrega foi muito rápida, não tenho do que reclamar"

    assert language_of(text, languages=["es", "en"], default="pt") == "pt"


def test_what_might_be_either_stays_in_the_language_of_the_survey():
    text = "Excelente producto, total satisfacción"  # as good Portuguese, but for an accent

    assert language_of("Recomendo produto, entrega perfeita", languages=["es", "pt"], default="pt") == "pt"
    assert language_of(text, languages=["es", "pt"], default="es") == "es"


def test_a_language_that_nobody_can_recognise_is_kept_as_it_is():
    assert language_of("lo que sea que esto fuera", languages=["es"], default="xx") == "xx"
    assert language_of("una cosa", languages=["es"], default="") == ""


def test_codes_are_compared_without_their_country():
    assert (base_code("es-MX"), base_code("PT"), base_code("")) == ("es", "pt", "")


def test_fold_takes_case_and_accents_away():
    assert fold("RÁPIDO ñandú ação ﬁn") == "rapido nandu acao fin"
