"""What a comment is about: the aspects that its words name, by a lexicon of stems for each language.

A lexicon (surveys/lexicon/es.toml) lists phrases for each aspect, without case and accents: «entreg*» is a stem,
«buen|gran» one word or the other, «~» up to three words between, so that «no ~ lleg*» is «no me ha llegado». Where
several begin at one word the longest phrase has it, and no word counts twice: «calidad precio» speaks of the price, not
of quality. `nothing` are phrases that mislead («vale la pena»); a clause with one of `unsaid` tells no experience («aún
no lo he probado»).

How well that works is measured: docs/words.md, and `trusted_aspects` for what may be counted without anybody's look.
"""

import csv
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from surveys.languages import base_code, fold

LEXICONS = Path(__file__).parent / "lexicon"
MEASURED = Path(__file__).parent / "measured"
PRECISION_NEEDED = 0.80
SUGGESTIONS_NEEDED = 20  # of fewer nobody can tell
MOST_ASPECTS = 3  # of one comment
NOTHING = ""

_CLAUSES = re.compile(r"[^\w\s'’-]+|\n|\s-+\s")
_WORDS = re.compile(r"\w+")


def suggest_aspects(text: str, language: str, *, known: Iterable[str]) -> list[str]:
    """Codes among `known`, the brand's, of what a comment is about: what is said most comes first, three at most.

    None in a language without a lexicon.
    """
    lexicon = _lexicon(base_code(language))
    if lexicon is None:
        return []
    mentions = Counter(aspect for clause in _clauses(text) for aspect in lexicon.mentions(clause))
    allowed = set(known)
    return [aspect for aspect, _n in mentions.most_common() if aspect in allowed][:MOST_ASPECTS]


@dataclass(frozen=True)
class Trust:
    """(language, aspect) whose suggestions may be counted unseen: where the question says whether it was good or bad,
    and where only the score out of five does, which goes wrong in its own right («bad, but the price was fine»)."""

    by_question: frozenset[tuple[str, str]]
    by_score: frozenset[tuple[str, str]]


@cache
def trusted_aspects() -> Trust:
    """Those right four times in five, in every set of comments with enough suggestions and in one at least."""
    by_question: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    by_score: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    with (MEASURED / "precision.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["language"], row["aspect"]
            _judge(by_question[key], right=int(row["right"]), of=int(row["suggested"]))
            _judge(by_score[key], right=int(row["right_by_score"]), of=int(row["scored"]))
    trusted, scored = (frozenset(k for k, each in of.items() if each and all(each)) for of in (by_question, by_score))
    return Trust(trusted, trusted & scored)


def _judge(verdicts: list[bool], *, right: int, of: int) -> None:
    if of >= SUGGESTIONS_NEEDED:
        verdicts.append(right / of >= PRECISION_NEEDED)


def _clauses(text: str) -> Iterator[str]:
    """Folded words with one space between them; a phrase or a negation does not reach over a comma."""
    for clause in _CLAUSES.split(fold(text)):
        if words := _WORDS.findall(clause):
            yield " ".join(words)


@dataclass(frozen=True)
class _Phrases:
    """Alternatives, the longest first, and the aspect of each: its empty group says which one matched."""

    pattern: re.Pattern[str]
    aspects: tuple[str, ...]


@dataclass(frozen=True)
class _Lexicon:
    phrases: Mapping[str, _Phrases]  # by the two letters they begin with, so that few are tried at each word
    unsaid: re.Pattern[str]

    def mentions(self, clause: str) -> Iterator[str]:
        if self.unsaid.search(clause):
            return
        place = 0
        while place >= 0:
            phrases = self.phrases.get(clause[place : place + 2])
            if phrases and (found := phrases.pattern.match(clause, place)) and found.lastindex:
                if aspect := phrases.aspects[found.lastindex - 1]:
                    yield aspect
                place = found.end()
            place = clause.find(" ", place) + 1 or -1


@cache
def _lexicon(language: str) -> _Lexicon | None:
    path = LEXICONS / f"{language}.toml"
    if not re.fullmatch("[a-z]{2,3}", language) or not path.exists():
        return None
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    by_start: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for aspect, listed in {NOTHING: content["nothing"], **content["aspects"]}.items():
        for phrase in _phrases(listed):
            for start in {word[:2] for word in phrase.split()[0].split("|")}:
                by_start[start].append((phrase, aspect))
    unsaid = "|".join(_pattern(phrase) for phrase in _phrases(content["unsaid"]))
    return _Lexicon({start: _alternatives(each) for start, each in by_start.items()}, re.compile(rf"\b(?:{unsaid})"))


def aspects_of(language: str) -> frozenset[str]:
    """What could be suggested in a language at all."""
    lexicon = _lexicon(base_code(language))
    listed = (each.aspects for each in lexicon.phrases.values()) if lexicon else ()
    return frozenset(aspect for aspects in listed for aspect in aspects if aspect)


def _phrases(listed: str) -> list[str]:
    return [" ".join(phrase.replace("'", " ").split()) for phrase in re.split(r"[,\n]", listed) if phrase.strip()]


def _alternatives(phrases: list[tuple[str, str]]) -> _Phrases:
    phrases.sort(key=lambda each: (-len(each[0].split()), -len(each[0]), each))
    pattern = "|".join(f"{_pattern(phrase)}()" for phrase, _aspect in phrases)
    return _Phrases(re.compile(pattern), tuple(aspect for _phrase, aspect in phrases))


def _pattern(phrase: str) -> str:
    words = [r"(?:\w+ ){0,3}" if word == "~" else _word(word) + " " for word in phrase.split()]
    return "".join(words).removesuffix(" ") + r"(?!\w)"


def _word(word: str) -> str:
    either = [re.escape(one.removesuffix("*")) + (r"\w*" if one.endswith("*") else "") for one in word.split("|")]
    return either[0] if len(either) == 1 else f"(?:{'|'.join(either)})"
