"""Which language a comment is in, and how its words are compared."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from lingua import IsoCode639_1, Language, LanguageDetector, LanguageDetectorBuilder

WORDS_NEEDED = 3  # fewer tell too little: «chegou rápido» is nearly Spanish
# Measured on real comments (docs/words.md): nine of ten are as sure, two or three in a thousand wrongly.
SURE = 0.95
ENOUGH = 1000  # characters to read of a long text
SAID_EVERYWHERE = frozenset({"ok", "okay", "okey", "oki"})

_WORD = re.compile(r"[^\W\d_]+")
_KNOWN = frozenset(language.iso_code_639_1.name.lower() for language in Language.all())


def language_of(text: str, *, languages: Iterable[str], default: str) -> str:
    """The code («es») of the language of a comment, one of `languages` or `default`; empty where no word tells.

    It is `default`, in which the customer was asked, unless three words or more surely are in another.
    """
    words = [word for word in _WORD.findall(text) if word.lower() not in SAID_EVERYWHERE]
    if not words:
        return ""
    default = base_code(default)
    candidates = _KNOWN.intersection({default, *map(base_code, languages)})
    if len(words) < WORDS_NEEDED or len(candidates) < 2:
        return default
    likeliest = _detector(candidates).compute_language_confidence_values(text[:ENOUGH])[0]
    return likeliest.language.iso_code_639_1.name.lower() if likeliest.value >= SURE else default


def base_code(language: str) -> str:
    """«es» for «es-MX»."""
    return language.partition("-")[0].lower()


def fold(text: str) -> str:
    """For comparing: no case, no accents («Rápido» is «rapido»)."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@cache
def _detector(codes: frozenset[str]) -> LanguageDetector:
    """13 MB and 0.1 s for three languages; the accurate mode takes ten times as much, and is seldom sure."""
    known = [getattr(IsoCode639_1, code.upper()) for code in sorted(codes)]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*known).with_low_accuracy_mode().build()
