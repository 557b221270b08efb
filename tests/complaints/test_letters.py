"""What a mail says, as the programs write it that people have; nothing that somebody sends breaks the reader."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.inbound.automatic import is_automatic, is_forged
from complaints.inbound.parsing import Unreadable, bare_subject, read_letter
from complaints.inbound.plaintext import text_of_html
from complaints.inbound.quoting import split_quoted

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


def mail(*headers: str, body: str = "Hola") -> bytes:
    return "\r\n".join([*headers, "", body]).encode()


# --- New and quoted ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "below",
    [
        "El lun, 9 mar 2026 a las 10:00, Lumbre <c+1@lumbre.example> escribió:\n\n> ¿Qué talla?\n> Un saludo",
        "El lun, 9 mar 2026 a las 10:00, Lumbre (<c+1-abcdefghijklmnopqrstuvwxyz@lumbre.example>)\nescribió:\n> Hola",
        "On Mon, Mar 9, 2026 at 10:00 AM Lumbre <c+1@lumbre.example>\nwrote:\n\n> Which size?",
        "-----Mensaje original-----\nDe: Lumbre\n\n¿Qué talla?",
        "________________________________\nDe: Lumbre <c+1@lumbre.example>\nEnviado: lunes\n\n¿Qué talla?",
        "De: Lumbre <c+1@lumbre.example>\nEnviado el: lunes, 9 de marzo\nPara: Carla\nAsunto: Tu caso\n\n¿Qué talla?",
        "From: Lumbre\nSent: Monday\nTo: Carla\nSubject: Your case\n\nWhich size?",
        "> ¿Qué talla?\n> Un saludo",
        "-- \nCarla Ruiz\n600 11 22 33",
        "Enviado desde mi iPhone\n\n> El 9 mar 2026, a las 10:00, Lumbre escribió:\n>\n> ¿Qué talla?",
    ],
)
def test_what_was_written_before_and_how_one_signs_is_told_apart(below):
    assert split_quoted(f"La 39.\nGracias.\n\n{below}\n") == ("La 39.\nGracias.", below)


@pytest.mark.parametrize(
    "text",
    [
        "> ¿Qué talla?\nLa 39\n> ¿Qué color?\nEl verde",
        "On Mon, Mar 9, 2026 at 10:00 AM Lumbre <c@lumbre.example> wrote:\n> Which size?\n\nThe 39, please",
        "de: todo un poco me llegó mal",
        "El lunes llegó roto: lo abrí y nada.",
        "> solo cito",
        "",
    ],
)
def test_whoever_answers_between_the_lines_is_not_cut_apart(text):
    assert split_quoted(text) == (text, "")


def test_html_becomes_what_a_reader_sees_and_its_quotation_is_marked():
    html = """<html><head><style>p{color:red}</style><title>x</title></head><body><p>La&nbsp;39 &lt;3<br>Gracias</p>
      <script>alert(1)</script><ul><li>verde</li><li>azul</li></ul>
      <div class="gmail_quote">El lunes 9 de marzo, Lumbre escribió:<blockquote><p>¿Qué talla?</p></blockquote></div>
      </body></html>"""

    text = text_of_html(html)

    assert split_quoted(text)[0] == "La 39 <3\nGracias\n\n- verde\n\n- azul"
    assert "> ¿Qué talla?" in text
    assert "alert" not in text
    assert "color" not in text


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_nothing_that_was_written_is_lost(text):
    said, quoted = split_quoted(text)

    kept = "".join((said + quoted).split())
    assert sorted(kept) == sorted("".join(text.split()))


# --- Reading -------------------------------------------------------------------------------------------------------
def test_a_letter_is_read_whatever_its_encodings():
    raw = (
        b"From: =?iso-8859-1?Q?Carla_Ru=EDz?= <Carla@Correo.example>\r\n"
        b"To: Lumbre <c+1-x@lumbre.example>\r\nX-Original-To: c+1-y@lumbre.example\r\n"
        b"Subject: =?utf-8?B?UmU6IMK/UXXDqSB0YWw/?=\r\nMessage-ID: <a@b>\r\n"
        b"In-Reply-To: <two@lumbre>\r\nReferences: <one@lumbre> <two@lumbre>\r\n"
        b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Lleg=F3 roto\x00"
    )

    letter = read_letter(raw)

    assert (letter.sender, letter.sender_name, letter.subject) == (
        "Carla@Correo.example",
        "Carla Ruíz",
        "Re: ¿Qué tal?",
    )
    assert letter.recipients == ["c+1-y@lumbre.example", "c+1-x@lumbre.example"]
    assert (letter.text, letter.message_id) == ("Llegó roto", "<a@b>")
    assert letter.answers == ["<two@lumbre>", "<one@lumbre>"]
    assert bare_subject("Re: RV: Fwd: Re[2]: Llegó roto") == "Llegó roto"


def test_files_are_told_from_words_and_from_logos():
    raw = mail(
        "From: carla@correo.example",
        'Content-Type: multipart/mixed; boundary="b"',
        body=f"""--b
Content-Type: multipart/related; boundary="r"

--r
Content-Type: text/html; charset=utf-8

<p>Mira la foto</p>
--r
Content-Type: image/png
Content-ID: <logo>
Content-Transfer-Encoding: base64

{PNG}
--r--
--b
Content-Type: image/png; name="=?utf-8?Q?ro=C3=B1o.png?="
Content-Disposition: attachment
Content-Transfer-Encoding: base64

{PNG}
--b
Content-Type: message/rfc822

From: otra@correo.example
Subject: no soy parte

Otra carta
--b--
""",
    )

    letter = read_letter(raw)

    assert letter.text == "Mira la foto"
    assert [file.name for file in letter.files] == ["roño.png", "message/rfc822"]
    assert letter.files[0].data.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: nobody\r\n\r\nHola",
        b"From: a@b.example\r\n"
        + b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(3000)),
    ],
)
def test_what_is_no_letter_says_so(raw):
    with pytest.raises(Unreadable):
        read_letter(raw)


@pytest.mark.parametrize(
    "header",
    [
        "Subject: =?x-nowhere?B?////?=",
        "Content-Type: text/plain; charset=x-nowhere",
        "Content-Type: text/plain; charset*=utf-8''%FF",
        "Content-Type: multipart/mixed",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: uuencode",
        "Message-ID: <" + "x" * 2000 + "@y>",
        "To: " + "<" * 500,
        "From: otra@correo.example",
    ],
)
def test_a_header_that_is_wrong_costs_no_letter(header):
    letter = read_letter(mail("From: carla@correo.example", header))

    assert letter.sender == "carla@correo.example"
    assert len(letter.message_id) <= 255


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_a_letter_or_unreadable(data):
    try:
        letter = read_letter(b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n" + data)
    except Unreadable:
        return
    assert "\0" not in letter.text + letter.subject + letter.sender


def test_a_hundred_thousand_quoted_lines_are_read_at_once():
    split_quoted("hola\n" + "> x\n" * 100_000 + "fin")


# --- Robots --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "is_robot"),
    [
        ("Auto-Submitted: auto-replied", True),
        ("Auto-Submitted: auto-generated; owner", True),
        ("Auto-Submitted: no", False),
        ("Precedence: bulk", True),
        ("Precedence: first-class", False),
        ("X-Auto-Response-Suppress: OOF, AutoReply", True),
        ("X-Autoreply: yes", True),
        ("List-Unsubscribe: <mailto:fuera@lista.example>", True),
        ("Return-Path: <>", True),
        ("Return-Path: <carla@correo.example>", False),
        ('Content-Type: multipart/report; boundary="x"', True),
        ("X-Mailer: Thunderbird", False),
    ],
)
def test_what_a_program_wrote_is_known_by_its_head(header, is_robot):
    letter = read_letter(mail("From: carla@correo.example", header))

    assert is_automatic(letter.headers, sender=letter.sender) == is_robot


def test_servers_and_addresses_that_nobody_reads_are_robots():
    assert is_automatic({}, sender="MAILER-DAEMON@mx.correo.example")
    assert is_automatic({}, sender="no-reply@tienda.example")
    assert not is_automatic({}, sender="carla@correo.example")


def test_only_the_verdict_of_our_own_server_counts():
    told = ["mx.lumbre.example; dmarc=pass", "evil.example; dmarc=fail"]

    assert not is_forged({"authentication-results": told})
    assert is_forged({"authentication-results": told[::-1]})


@pytest.mark.parametrize(
    "disposition",
    [
        "attachment; filename*=u\x00tf-8''x.jpg",
        "attachment; filename*=a; filename*1*=b",
        "attachment; filename*=idna''x%20",
    ],
)
def test_a_file_name_that_the_library_breaks_on_makes_a_mail_unreadable_and_no_error(disposition):
    raw = mail("From: carla@correo.example", f"Content-Disposition: {disposition}", "Content-Type: image/png")

    with pytest.raises(Unreadable):
        read_letter(raw)


@pytest.mark.parametrize("subject_or_text", ["=?a?q?x" * 50_000, "abcd <" + "@" * 190_000])
def test_what_is_long_on_purpose_is_read_in_no_time(subject_or_text):
    begun = time.process_time()

    read_letter(mail("From: carla@correo.example", f"Subject: {subject_or_text}", body=subject_or_text))

    assert time.process_time() - begun < 5
