"""Comments with what people really write in them; every number and name here is made up or a public example."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.redaction import MARK_PATTERN, MARKS, redact


def spanish(text, **known):
    return redact(text, regions=["ES"], language="es", **known)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        # E-mail, as written and as disguised
        ("escríbeme a juan.perez@gmail.com, gracias", "escríbeme a [correo], gracias"),
        ("JUAN_PEREZ+TIENDA@CORREO.ES", "[correo]"),
        ("muñoz@españa.es", "[correo]"),
        ("juan @ gmail.com", "[correo]"),
        ("juan@gmail", "[correo]"),
        ("juan arroba gmail punto com", "[correo]"),
        ("juan (at) gmail.com", "[correo]"),
        ("juan @ gmail . com", "[correo]"),
        ("juan dot perez at gmail dot com", "[correo]"),
        ("juan\u200b@gmail\u00ad.com", "[correo]"),
        ("juan＠gmail.com", "[correo]"),
        # Addresses on the web
        ("lo vi aquí:https://ejemplo.es/a", "lo vi aquí:[enlace]"),
        ("99,00http://www.ejemplo.es.", "99,00[enlace]."),
        ("t.me/juan y ejemplo.es/juan", "[enlace] y [enlace]"),
        ("en EJEMPLO.COM", "en [enlace]"),
        ("mira https://ejemplo.es/pedido?n=1, es mío", "mira [enlace], es mío"),
        ("wa.me/34600111222", "[enlace]"),
        ("www.ejemplo.es!", "[enlace]!"),
        ("soy de mitienda.com.", "soy de [enlace]."),
        ("sígueme: @ana_pv", "sígueme: [usuario]"),
        ("@ana@bruno@c.", "[usuario]."),
        # Telephone
        ("llámame al 600 11 12 22", "llámame al [teléfono]"),
        ("tel. +34 911 234 567.", "tel. [teléfono]."),
        ("600-11-12-22", "[teléfono]"),
        ("(0034) 600111222", "[teléfono]"),
        ("por la tarde (+34 600 11 12 22)", "por la tarde ([teléfono])"),
        ("desde Londres +44 20 7946 0958", "desde Londres [teléfono]"),
        ("６００１１１２２２", "[teléfono]"),
        ("٦٠٠١١١٢٢٢", "[teléfono]"),
        ("\u202e600\u200b111222", "[teléfono]"),
        # Card, account, identity document
        ("tarjeta 4111 1111 1111 1111 12/27", "tarjeta [tarjeta] 12/27"),
        ("378282246310005", "[tarjeta]"),
        ("5555-5555-5555-4444", "[tarjeta]"),
        ("a la ES91 2100 0418 4502 0005 1332 gracias", "a la [cuenta] gracias"),
        ("es9121000418450200051332", "[cuenta]"),
        ("GB29 NWBK 6016 1331 9268 19", "[cuenta]"),
        ("mi DNI 12345678Z", "mi DNI [documento]"),
        ("12.345.678-z", "[documento]"),
        ("12345678 Z", "[documento]"),
        ("NIE X1234567L", "NIE [documento]"),
        # Several, and side by side
        ("juan@gmail.com/600111222", "[correo]/[teléfono]"),
        ("600111222 611222333", "[teléfono] [teléfono]"),
    ],
)
def test_redact_replaces_what_identifies_somebody(text, redacted):
    assert spanish(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "pedido 100456789",
        "1.200 euros en 2026",
        "Pagué 1.234,56 € el 12/03/2026 a las 10:30.",
        "Entre el 2026-11-21 y el 21.11.2026 subió de 45-50 a 1.200.000 pesos",
        "Tardó 15 días, 3 llamadas y 2 correos; talla 38-40, ref. 20261121",
        "Código de barras 4006381333931",
        "Todo bien.es que no me lo esperaba.me encantó",
        "12345678A no lleva esa letra, ni 4111 1111 1111 1112 es una tarjeta",
        "ES00 2100 0418 4502 0005 1332",
        "¡Ánimos a tod@s! L@s vecin@s y l@s teleoperador@s",
        "Foi o estado da compra.Com isso, pela empresa.Eu não volto, custou R$ 129,00.Com menos",
        "No lo sé.si/no, bien.y/o mal",
        "5 estrellas, 10/10 👍🏽 👨‍👩‍👧 café ñandú",
        "Un 100 % recomendable @ cualquiera",
        "I looked at gmail and it had not come; meet me at yahoo",
        "«Muy buena» — pero... ¿y el envío?",
        "línea uno\nlínea dos\tcon tabulador",
        "",
    ],
)
@pytest.mark.parametrize("region", ["ES", "MX", "AR", "BR", "US", "DE"])
def test_redact_leaves_prices_dates_and_order_numbers(text, region):
    assert redact(text, regions=[region], language="es") == text


def test_redact_needs_the_region_for_a_number_without_prefix():
    assert redact("600 11 12 22", regions=[], language="es") == "600 11 12 22"
    assert redact("+34 600 11 12 22", regions=[], language="es") == "[teléfono]"
    assert redact("600 11 12 22 / (11) 96123-4567", regions=["ES", "br"], language="es") == "[teléfono] / [teléfono]"


def test_redact_takes_the_brazilian_identity_number_in_brazil():
    text = "CPF 111.444.777-35 ou 52998224725, protocolo 11144477736"

    assert redact(text, regions=["br"], language="pt") == "CPF [documento] ou [documento], protocolo 11144477736"
    assert redact("ref. 52998224725", regions=["ES"], language="es") == "ref. 52998224725"


def test_redact_reads_a_french_number_with_dots_not_as_a_date():
    assert redact("06.12.34.56.78", regions=["FR"], language="es") == "[teléfono]"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Soy José García", "Soy [nombre]"),
        ("soy jose garcia lopez", "soy [nombre]"),
        ("GARCÍA, José", "[nombre], [nombre]"),
        ("La joseante y los García-Pérez", "La joseante y los [nombre]-Pérez"),
        ("de la mesa", "de la mesa"),
        ("jgarcia77 en todas partes", "[nombre] en todas partes"),
    ],
)
def test_redact_takes_the_customers_own_names_as_whole_words(text, redacted):
    assert spanish(text, known_names=["José García de la López"], known_emails=["JGarcia77@ejemplo.es"]) == redacted


def test_redact_takes_the_orders_known():
    known_ids = ["A-1001", "100456789", "12", "", "#"]

    assert spanish("pedido a-1001, 100456789 y #12", known_ids=known_ids) == "pedido [pedido], [pedido] y [pedido]"
    assert spanish("A-10012, 12 días, 1004567890", known_ids=known_ids) == "A-10012, 12 días, 1004567890"


@pytest.mark.parametrize(
    ("language", "redacted"),
    [
        ("es", "[correo] [teléfono] [enlace]"),
        ("es-MX", "[correo] [teléfono] [enlace]"),
        ("en", "[e-mail] [phone] [link]"),
        ("pt-br", "[e-mail] [telefone] [link]"),
        ("ja", "[e-mail] [phone] [link]"),
        ("", "[e-mail] [phone] [link]"),
    ],
)
def test_redact_speaks_the_language_of_the_comment(language, redacted):
    assert redact("a@b.com +34600111222 www.b.com", regions=[], language=language) == redacted


def test_every_language_has_a_mark_for_everything():
    assert {frozenset(marks) for marks in MARKS.values()} == {frozenset(MARKS["es"])}


def test_redact_does_not_redact_its_own_marks():
    text = "[correo] [teléfono] [nombre]"

    assert spanish(text, known_names=["Correo Teléfono Nombre"]) == text


def test_redact_drops_control_characters_and_keeps_lines():
    assert spanish("uno\x00\r\ndos\x1b[31m\ttres\ud800") == "uno\ndos[31m\ttres"


def test_redact_keeps_writing_from_right_to_left():
    assert spanish("הכל טוב 600111222 تمام") == "הכל טוב [teléfono] تمام"


fragments = st.sampled_from(
    [
        "juan@gmail.com", "@ana", "600111222", "+34 600 11 12 22", "4111 1111 1111 1111", "12345678Z", "X1234567L",
        "ES91 2100 0418 4502 0005 1332", "https://a.es/b", "a.com", "José", "garcia", "100456789", "[correo]", "[", "]",
        "@", ".", "-", " ", "\n", "+", "4", "6", "\u0301", "\u200d", "\x00", "arroba", "punto", "com", "12/03/2026",
        "€", "#", "12", "Ａ", "ß", "İ", "ﬁ",
    ]
)  # fmt: skip
anything = st.text(st.characters(exclude_categories=[]), max_size=80)
KNOWN = {
    "known_names": ["José García", "ﬁ ß"],
    "known_emails": ["jgarcia@ejemplo.es"],
    "known_ids": ["100456789", "12"],
}


@settings(max_examples=400, deadline=None)
@given(st.one_of(anything, st.lists(fragments, max_size=25).map("".join)), st.sampled_from([[], ["ES"], ["ES", "US"]]))
def test_redact_never_raises_and_changes_nothing_the_second_time(text, regions):
    once = redact(text, regions=regions, language="es", **KNOWN)

    assert redact(once, regions=regions, language="es", **KNOWN) == once
    once.encode()
    assert "\0" not in once


@settings(max_examples=200, deadline=None)
@given(anything, st.sampled_from(["juan@gmail.com", "+34600111222", "ES9121000418450200051332"]), anything)
def test_redact_finds_a_secret_standing_alone_in_any_text(before, secret, after):
    redacted = spanish(f"{before} ; {secret} ; {after}")

    assert secret not in redacted
    assert MARK_PATTERN.search(redacted)


@settings(max_examples=50)
@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=20), max_size=4))
def test_redact_accepts_any_names_and_ids(strings):
    known = dict.fromkeys(("known_names", "known_emails", "known_ids"), strings)
    once = spanish("Hola, soy yo. " + " ".join(strings), **known)

    assert spanish(once, **known) == once


@pytest.mark.parametrize(
    "unit",
    [
        "hola que tal ", "a", "a.", "a-", "@a", "a@", "a.com.es.", "www.", "http://...", "600111222 ", "1 ", "9",
        "4111 ", "es91 ", "1.1.", "12/12/12 ", "x1234567 ", "[correo]", "a@b.c ", "josé ", " ", "((", "+34 ",
        "a arroba b ", "a dot b ", "a dot ", "a @ ", "a at gmail ", "a @ gmail . ",
    ],
)  # fmt: skip
def test_redact_reads_ten_thousand_characters_at_once(unit):
    text = (unit * 10_000)[:10_000]
    fastest = float("inf")
    for _ in range(3):
        begun = time.process_time()
        spanish(text, **KNOWN)
        fastest = min(fastest, time.process_time() - begun)

    # About 10 ms of processor time; a pattern that tries everything twice over would take seconds.
    assert fastest < 0.5
