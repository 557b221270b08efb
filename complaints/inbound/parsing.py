"""From the bytes of a mail to what it says. Whatever is wrong with them, a letter comes out, or Unreadable."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parseaddr

from complaints.inbound.plaintext import text_of_html
from complaints.inbound.quoting import split_quoted

LONGEST_READ = 200_000  # characters of a mail's text, or of its HTML, that are looked at
LONGEST_TEXT = 20_000  # characters kept of what somebody wrote; the whole stays in the mail itself
MOST_PARTS = 200
SMALLEST_INLINE = 20_000  # bytes: smaller pictures within the text are logos and smileys
LONGEST_ID = 250
# What is read of a head: the time that a server's words take to decode grows with the square of their length.
LONGEST_HEADER = 8_000
MOST_HEADERS = 500
# Where servers write to whom they delivered it, beside whom it was meant for.
RECIPIENTS = ("x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "to", "cc")
_REPLY = re.compile(r"^\s*((re|rv|fw|fwd|aw|res|enc|sv)\s*(\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_ID = re.compile(r"<[^<>\s]{3,}>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Unreadable(Exception):
    """It is no mail that somebody could have written."""


@dataclass(frozen=True)
class EnclosedFile:
    name: str
    data: bytes


@dataclass(frozen=True)
class Letter:
    """`message_id`: its own, or one made of its bytes. `answers`: ids of the mails it answers, the nearest first."""

    message_id: str
    sender: str
    sender_name: str
    recipients: Sequence[str]
    subject: str
    text: str
    quoted: str
    answers: Sequence[str]
    headers: Mapping[str, Sequence[str]]
    files: Sequence[EnclosedFile]


def read_letter(raw: bytes) -> Letter:
    try:
        return _letter_in(raw)
    except Unreadable:
        raise
    except Exception as error:  # the library's parser meets what nobody has thought of, a broken file name too
        raise Unreadable(type(error).__name__) from error


def _letter_in(raw: bytes) -> Letter:
    message = message_from_bytes(raw)
    headers = _headers_of(message)
    parts = list(_parts_of(message))
    if "from" not in headers:
        raise Unreadable("no sender")
    name, sender = parseaddr(headers["from"][0])
    text, quoted = split_quoted(_text_in(parts)[:LONGEST_READ])
    return Letter(
        message_id=message_id_of(headers, raw),
        sender=sender.strip()[:320],
        sender_name=name.strip()[:200],
        recipients=[address for _name, address in getaddresses(_all(headers, *RECIPIENTS)) if "@" in address],
        subject=" ".join(headers.get("subject", [""])[0].split())[:200],
        text=text[:LONGEST_TEXT],
        quoted=(text[LONGEST_TEXT:] + quoted)[:LONGEST_TEXT],
        answers=_answered_by(headers),
        headers=headers,
        files=[file for part in parts if (file := _file_in(part))],
    )


def bare_subject(subject: str) -> str:
    """Without «Re:» and «RV:»."""
    return _REPLY.sub("", subject).strip()


def message_id_of(headers: Mapping[str, Sequence[str]], raw: bytes) -> str:
    told = _ID.search(" ".join(headers.get("message-id", ())))
    return told.group() if told and len(told.group()) <= LONGEST_ID else f"sha256:{hashlib.sha256(raw).hexdigest()}"


def body_of(raw: bytes) -> bytes:
    """What comes after the head, which every server on the way adds to."""
    return raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()


def _headers_of(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in message.items()[:MOST_HEADERS]:
        found.setdefault(name.lower(), []).append(_decoded(value))
    return found


def _decoded(value: object) -> str:
    text = str(value)[:LONGEST_HEADER]
    with suppress(ValueError, LookupError):  # an encoding that does not exist, or is not what it says
        text = str(make_header(decode_header(text)))
    return _clean(text).replace("\n", " ").replace("\r", " ")


def _answered_by(headers: Mapping[str, Sequence[str]]) -> list[str]:
    """In-Reply-To first, then the references from the newest on."""
    nearest = _ID.findall(" ".join(headers.get("in-reply-to", ())))
    older = _ID.findall(" ".join(headers.get("references", ())))[::-1]
    return list(dict.fromkeys(id for id in [*nearest, *older] if len(id) <= LONGEST_ID))[:20]


def _parts_of(message: Message) -> Iterator[Message]:
    """Leaves alone; what is inside of a forwarded mail is that mail's."""
    waiting, seen = [message], 0
    while waiting:
        part = waiting.pop(0)
        seen += 1
        if seen > MOST_PARTS:
            raise Unreadable("too many parts")
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting[:0] = [each for each in inner if isinstance(each, Message)]
        else:
            yield part


def _text_in(parts: Sequence[Message]) -> str:
    """Plain text where there is any worth reading; else what a reader would see of the HTML."""
    shown = [part for part in parts if not part.get_filename() and part.get_content_disposition() != "attachment"]
    plain = "\n\n".join(_text_of(part) for part in shown if part.get_content_type() == "text/plain").strip()
    if plain:
        return plain
    html = "".join(_text_of(part) for part in shown if part.get_content_type() == "text/html")
    return text_of_html(html[:LONGEST_READ])


def _text_of(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    for charset in (str(part.get_content_charset() or "utf-8"), "utf-8", "windows-1252"):
        try:
            return _clean(data.decode(charset))
        except (LookupError, ValueError):
            continue
    return _clean(data.decode("utf-8", "replace"))


def _file_in(part: Message) -> EnclosedFile | None:
    """What is enclosed. Pictures within the text count where they are large enough to be somebody's photo."""
    is_text = part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment"
    if is_text and not part.get_filename():
        return None
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    is_inline = part.get_content_disposition() != "attachment" and part.get("Content-ID") is not None
    if is_inline and len(data) < SMALLEST_INLINE:
        return None
    return EnclosedFile(_decoded(part.get_filename() or "") or part.get_content_type(), data)


def _all(headers: Mapping[str, Sequence[str]], *names: str) -> list[str]:
    return [value for name in names for value in headers.get(name, ())]


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)
