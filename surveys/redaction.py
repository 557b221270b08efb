"""Taking out of a comment whatever tells who wrote it, before anybody but staff sees it.

Redacted is not anonymous: what remains is still handled as personal data.

A pass works on a *shadow* of the text: one character for each of the text's, without case, accents, full-width or
foreign digits, so that what is found there has its place in the original. What one detector found is blanked before
the next one looks.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache

from phonenumbers import Leniency, PhoneNumberMatcher
from stdnum import iban, luhn, numdb
from stdnum.br import cpf
from stdnum.es import dni, nie

Span = tuple[int, int]
Found = tuple[int, int, str]  # from, to, and the kind of what is there
Detector = Callable[[str, str], Iterable[Span]]  # of the shadow and the text, place for place

# In the language of the comment, not of the page that shows it: it stands inside the customer's sentence.
MARKS = {
    "es": {
        "url": "[enlace]", "domain": "[enlace]", "email": "[correo]", "order": "[pedido]",
        "account": "[cuenta]", "card": "[tarjeta]", "id_document": "[documento]",
        "phone": "[teléfono]", "handle": "[usuario]", "name": "[nombre]",
    },
    "en": {
        "url": "[link]", "domain": "[link]", "email": "[e-mail]", "order": "[order]",
        "account": "[account]", "card": "[card]", "id_document": "[ID document]",
        "phone": "[phone]", "handle": "[username]", "name": "[name]",
    },
    "pt": {
        "url": "[link]", "domain": "[link]", "email": "[e-mail]", "order": "[pedido]",
        "account": "[conta]", "card": "[cartão]", "id_document": "[documento]",
        "phone": "[telefone]", "handle": "[usuário]", "name": "[nome]",
    },
}  # fmt: skip
MARK_PATTERN = re.compile("|".join(sorted({re.escape(mark) for marks in MARKS.values() for mark in marks.values()})))

BLANK = "\0"  # cannot occur in a cleaned text
MOST_ROUNDS = 10  # two are usual; nobody shall keep us busy with a text made for it


def redact(
    text: str,
    *,
    regions: Collection[str],
    language: str,
    known_names: Iterable[str] = (),
    known_emails: Iterable[str] = (),
    known_ids: Iterable[str] = (),
) -> str:
    """The text with [correo], [teléfono], … in place of what identifies somebody; redacting again changes nothing.

    `regions` are the countries («ES») whose phone numbers count without a prefix; a number with + counts anywhere.
    `known_names` and `known_emails` are the customer's and the staff's, `known_ids` the customer's orders: whole words,
    whatever their case and accents. Control characters and invisible ones that could hide a word are dropped.
    """
    detectors = _detectors(regions, _name_pattern(known_names, known_emails), _id_pattern(known_ids))
    marks = MARKS.get(language[:2].lower(), MARKS["en"])
    for _round in range(MOST_ROUNDS):
        redacted = _redact_once(_clean(text), detectors, marks)
        if redacted == text:
            break
        text = redacted  # what is gone may uncover the rest: a number beside a number
    return text


def find_personal_data(
    text: str,
    *,
    regions: Collection[str],
    known_names: Iterable[str] = (),
    known_emails: Iterable[str] = (),
    known_ids: Iterable[str] = (),
) -> list[Found]:
    """Where `redact` puts its marks, and why, in a text without control characters; of its first round."""
    names, ids = _name_pattern(known_names, known_emails), _id_pattern(known_ids)
    return _find(_clean(text), _detectors(regions, names, ids))


def _detectors(
    regions: Collection[str], names: re.Pattern[str] | None, ids: re.Pattern[str] | None
) -> dict[str, Detector]:
    """Kind → detector, in the order of looking: what contains another comes first."""
    return {
        "url": _found_by(_URL),
        "email": _found_by(_EMAIL),
        "domain": _domains,
        "order": _found_by(ids),
        "account": _ibans,
        "card": _cards,
        "id_document": lambda shadow, _text: _id_documents(shadow, regions),
        "phone": lambda shadow, _text: _phones(shadow, regions),
        "handle": _found_by(_HANDLE),
        "name": _found_by(names),
    }


def _redact_once(text: str, detectors: dict[str, Detector], marks: dict[str, str]) -> str:
    pieces, position = [], 0
    for start, end, kind in _find(text, detectors):
        pieces += [text[position:start], marks[kind]]
        position = end
    return "".join([*pieces, text[position:]])


def _find(text: str, detectors: dict[str, Detector]) -> list[Found]:
    shadow = _blank(text.translate(_FOLDING), (match.span() for match in MARK_PATTERN.finditer(text)))
    found: list[Found] = []
    for kind, detect in detectors.items():
        spans = sorted(detect(shadow, text))
        shadow = _blank(shadow, spans)
        found += [(start, end, kind) for start, end in spans]
    return sorted(found)


def _blank(shadow: str, spans: Iterable[Span]) -> str:
    pieces, position = [], 0
    for start, end in spans:
        pieces += [shadow[position:start], BLANK * (end - start)]
        position = end
    return "".join([*pieces, shadow[position:]])


# --- The text and its shadow -----------------------------------------------------------------------------------------
class _Cleaning(dict[int, str | None]):
    """For str.translate: drops what is not to be seen, remembering its answers."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        hidden = unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"
        self[code] = None if hidden or character in _INVISIBLE else character
        return self[code]


class _Folding(dict[int, str]):
    """For str.translate: one plain lower-case character for each."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", chr(code))
        plain = "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
        if plain.isdecimal() and len(plain) == 1:
            plain = str(unicodedata.decimal(plain))
        self[code] = plain if len(plain) == 1 else chr(code)
        return self[code]


# Soft hyphen, zero-width space, marks and overrides of direction, word joiner, byte order mark. Not the zero-width
# joiner (U+200D), which holds emoji together, nor the non-joiner, which Persian spells with.
_INVISIBLE = frozenset("\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
_CLEANING = _Cleaning()
_FOLDING = _Folding()


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").translate(_CLEANING))


# --- Detectors -------------------------------------------------------------------------------------------------------
# Every pattern begins where a run of its own characters begins (the lookbehind), so that none is tried twice over.
_URL = re.compile(r"(?:https?://|(?<![\w@.-])www\.)[^\s\0]*[\w/]")
_DOMAIN = re.compile(
    r"""(?<![\w@.-])(?:[\w-]+\.)+(?:
        (?P<ending>com|net|org|info|io|app|shop|store)(?:\.[a-z]{2})?(?![\w@-])(?:[/?\#](?:[^\s\0]*[\w/])?)?
        | (?:ar|be|br|cat|cl|co|de|es|eu|fr|gl|it|ly|me|mx|pe|pt|to|uk|us)/[^\s\0]*[\w/]
    )""",
    re.VERBOSE,
)
# Without an ending only at the providers people forget it with: «tod@s», «amig@s» are words. And «at» is a word too.
_PROVIDER = "(?:gmail|hotmail|icloud|live|msn|outlook|yahoo)"
_EMAIL = re.compile(
    rf"""(?<![\w.+%-])[\w.+%-]+(?:
        @{_PROVIDER}\b(?![.-]\w)
        | [ ]?@[ ]?[\w-]+(?:\.[\w-]+)+
        | [ ]?@[ ]?{_PROVIDER}[ ]?\.[ ]?[a-z]{{2,3}}\b
        | (?:[ ]dot[ ][\w-]+)*[ ]at[ ]{_PROVIDER}(?:[ ]dot[ ]|[ ]?\.[ ]?)[a-z]{{2,3}}\b
        | [ ]?(?:\((?:at|arroba)\)|\[(?:at|arroba)\]|\barroba\b)[ ]?
          [\w-]+(?:[ ]?(?:\.|\(dot\)|\[dot\]|\bpunto\b|\bponto\b)[ ]?[\w-]+)+
    )""",
    re.VERBOSE,
)
_HANDLE = re.compile(r"(?<![\w.])@(?=[\w.]*[^\W\d])[\w.]*\w(?:@[\w.]*\w)*")
_IBAN_START = re.compile(r"(?<!\w)[a-z]{2}\d{2}(?=[ -]?[a-z0-9])")
_DIGIT_GROUPS = re.compile(r"(?<!\d)\d+(?:[ .-]\d+)*")
_CARD_NUMBER = re.compile(
    r"4\d{15}(?:\d{3})?|5\d{15}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12}|35\d{14}|6\d{15}(?:\d{3})?"
)
_SPANISH_ID = re.compile(
    r"(?<![\w.-])(?:\d{8}|\d{1,2}\.\d{3}\.\d{3}|[xyz][ .-]?\d{7}|[xyz][ .-]?\d\.\d{3}\.\d{3})[ .-]?[a-z](?!\w)"
)
_BRAZILIAN_ID = re.compile(r"(?<![\w.-])(?:\d{3}\.\d{3}\.\d{3}-|\d{9}-?)\d{2}(?![\w-])")
_LONG_NUMBER = re.compile(r"(?<![\w+])\+?\d(?:[ ().-]{0,2}\d){6,}(?!\w)")
_DATE_TIME_OR_PRICE = re.compile(
    r"""(?<![\w.,/-])(?:
        \d{4}[-/.]\d{1,2}[-/.]\d{1,2} | \d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}) | \d{1,2}:\d{2}(?::\d{2})?
        | \d[\d.,]*[ ]?(?:€|\$|£|eur(?:os)?\b|usd\b|dolares\b|pesos\b|reais\b) | [€$£][ ]?\d[\d.,]*
    )(?!\d|[-/.:]\d)""",
    re.VERBOSE,
)
# A text with more digits than this has no sentence to save: whatever may be a number goes, without being looked up.
_DIGITS_WORTH_READING = 400


def _found_by(pattern: re.Pattern[str] | None) -> Detector:
    return lambda shadow, _text: [match.span() for match in pattern.finditer(shadow)] if pattern else []


def _domains(shadow: str, text: str) -> Iterator[Span]:
    """Bare domains. «…de la compra.Com isso» is a missing space, and «com» a word: a sentence begins with a capital."""
    for match in _DOMAIN.finditer(shadow):
        if not text[slice(*match.span("ending"))].istitle():
            yield match.span()


def _phones(shadow: str, regions: Collection[str]) -> list[Span]:
    if not _LONG_NUMBER.search(shadow):
        return []
    if sum(map(str.isdigit, shadow)) > _DIGITS_WORTH_READING:
        return [match.span() for match in _LONG_NUMBER.finditer(shadow)]
    shadow = _blank(shadow, (match.span() for match in _DATE_TIME_OR_PRICE.finditer(shadow)))
    return _merged(
        (match.end - len(_opened(match.raw_string)), match.end)
        for region in regions or ["ZZ"]
        for match in PhoneNumberMatcher(shadow, region.upper(), leniency=Leniency.VALID)
    )


def _opened(number: str) -> str:
    """Without blanks and brackets before it that close only after it: «(+34 600 11 12 22)»."""
    number = number.lstrip()
    return number if ")" in number else number.lstrip("( ")


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Overlapping spans as one: a number of one country may end another's."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _cards(shadow: str, _text: str) -> Iterator[Span]:
    for run in _DIGIT_GROUPS.finditer(shadow):
        groups = [(run.start() + m.start(), run.start() + m.end()) for m in re.finditer(r"\d+", run.group())]
        free_from = 0
        for first, (start, _) in enumerate(groups):
            ends = [end for _, end in groups[first : first + 5]]  # cards are written in five groups at most
            for end in reversed(ends):
                if start >= free_from and _is_card(re.sub(r"\D", "", shadow[start:end])):
                    yield start, end
                    free_from = end


def _is_card(digits: str) -> bool:
    return bool(_CARD_NUMBER.fullmatch(digits)) and luhn.is_valid(digits)


def _ibans(shadow: str, _text: str) -> Iterator[Span]:
    free_from = 0
    for match in _IBAN_START.finditer(shadow):
        length = _iban_length(match.group()[:2].upper())
        if length is None or match.start() < free_from:
            continue
        whole = re.compile(rf"[a-z0-9](?:[ -]?[a-z0-9]){{{length - 1}}}(?!\w)").match(shadow, match.start())
        if whole and iban.is_valid(whole.group(), check_country=False):
            yield whole.span()
            free_from = whole.end()


@cache
def _iban_length(country: str) -> int | None:
    """How many characters an IBAN of this country has; None where there are none."""
    structure = dict(numdb.get("iban").info(country)[0][1]).get("bban")
    return 4 + sum(map(int, re.findall(r"(\d+)!", structure))) if structure else None


def _id_documents(shadow: str, regions: Collection[str]) -> Iterator[Span]:
    for match in _SPANISH_ID.finditer(shadow):
        number = re.sub(r"[ .-]", "", match.group())
        # «el 12345678 y luego»: a letter apart with a word after it is itself a word.
        word = match.group()[-2:] in {" a", " e", " y"} and re.match(r" \w", shadow[match.end() : match.end() + 2])
        if not word and (dni.is_valid(number) or nie.is_valid(number)):
            yield match.span()
    if "BR" in map(str.upper, regions):  # elsewhere one number of eleven digits in a hundred would look like it
        yield from (match.span() for match in _BRAZILIAN_ID.finditer(shadow) if cpf.is_valid(match.group()))


# --- What is known about this customer -------------------------------------------------------------------------------
_PARTICLES = frozenset(
    [
        "da",
        "das",
        "de",
        "del",
        "der",
        "di",
        "do",
        "dos",
        "du",
        "el",
        "la",
        "las",
        "le",
        "los",
        "mc",
        "san",
        "santa",
        "van",
        "von",
        "y",
        "e",
        "i",
    ]
)


def _name_pattern(names: Iterable[str], emails: Iterable[str]) -> re.Pattern[str] | None:
    """Each whole name, each of its parts but «de la», and what stands before the @; neighbours as one."""
    words: set[str] = set()
    for name in names:
        parts = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", _shadow_of(name))
        words |= {part for part in parts if len(part) > 1 and part not in _PARTICLES}
        words |= {" ".join(parts)} if len(parts) > 1 else set()
    words |= {local for email in emails if len(local := _shadow_of(email).partition("@")[0].strip()) > 2}
    if not words:
        return None
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    one = "|".join(re.escape(word).replace(r"\ ", r"\s{1,3}") for word in longest_first)
    return re.compile(rf"(?<!\w)(?:{one})(?:\s{{1,3}}(?:{one}))*(?!\w)")


def _id_pattern(ids: Iterable[str]) -> re.Pattern[str] | None:
    """Ids of four characters and more wherever they stand alone; shorter ones only after a «#»."""
    known = sorted({shadow for i in ids if (shadow := _shadow_of(i).strip().lstrip("#"))}, key=lambda i: (-len(i), i))
    if not known:
        return None
    one = "|".join(("#?" if len(i) > 3 else "#") + re.escape(i) for i in known)
    return re.compile(rf"(?<![\w#])(?:{one})(?!\w)")


def _shadow_of(text: str) -> str:
    return _clean(text).translate(_FOLDING)
