"""How well words are read: precision and recall of what is redacted and suggested, against what people labelled.

Labels are in surveys/measured: of other people's comments the ids and labels alone, since their texts are not ours.
Their folders (README.md of each) are given to `manage.py measure_words`. See docs/words.md.
"""

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from surveys.aspect_lexicon import MEASURED, aspects_of, suggest_aspects
from surveys.redaction import find_personal_data

Part = Literal["tuning", "held_out"]
Found = tuple[int, int, str]

PRECISION = MEASURED / "precision.csv"
COLUMNS = ("data", "language", "aspect", "suggested", "right", "labelled", "scored", "right_by_score")
CODES = aspects_of("es")
PRAISED, BLAMED = 4, 2  # points of five, and above or below


@dataclass(frozen=True)
class Labelled:
    """A comment and the aspects it is about, each with «+», «-» or «0» for both or neither; `judged` could be named."""

    data: str
    language: str
    part: str
    text: str
    aspects: Mapping[str, str]
    judged: frozenset[str] = CODES
    points: int | None = None


@dataclass
class Tally:
    """`found` by the program, of which `right`; `labelled` by people, of which `recalled`."""

    found: int = 0
    right: int = 0
    labelled: int = 0
    recalled: int = 0
    # Of what was found, where a score out of five says whether it was praised: how many, and how often that is so.
    scored: int = 0
    right_by_score: int = 0

    @property
    def precision(self) -> float | None:
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        return self.recalled / self.labelled if self.labelled else None

    @property
    def precision_by_score(self) -> float | None:
        return self.right_by_score / self.scored if self.scored else None


# --- Aspects ---------------------------------------------------------------------------------------------------------
def measure_aspects(comments: Iterable[Labelled]) -> dict[tuple[str, str, str], Tally]:
    """(data, language, aspect) → how often a suggestion is right, and a label suggested."""
    tallies: defaultdict[tuple[str, str, str], Tally] = defaultdict(Tally)
    for comment in comments:
        suggested = set(suggest_aspects(comment.text, comment.language, known=comment.judged))
        for aspect in suggested | comment.aspects.keys():
            tally = tallies[comment.data, comment.language, aspect]
            tally.labelled += aspect in comment.aspects
            tally.recalled += aspect in comment.aspects and aspect in suggested
            if aspect in suggested:
                _add_suggestion(tally, comment, aspect)
    return dict(tallies)


def _add_suggestion(tally: Tally, comment: Labelled, aspect: str) -> None:
    tally.found += 1
    tally.right += aspect in comment.aspects
    if comment.points is not None and not BLAMED < comment.points < PRAISED:
        tally.scored += 1
        tally.right_by_score += comment.aspects.get(aspect) == ("+" if comment.points >= PRAISED else "-")


def labelled_comments(folder: Path) -> Iterator[Labelled]:
    """All labelled comments whose texts are in the folder."""
    yield from _read_by_us(folder, "trustpilot_es", "es")
    yield from _read_by_us(folder, "olist", "pt")
    yield from _semeval(folder, "semeval16_es", "es")
    yield from _semeval(folder, "semeval16_en", "en")


def _read_by_us(folder: Path, data: str, language: str) -> Iterator[Labelled]:
    texts = {row: (text, points) for row, text, points in _comments(folder, data)}
    for label in _rows(MEASURED / f"{data}.csv"):
        text, points = texts[label["row"]]
        aspects = {aspect[:-1]: aspect[-1] for aspect in label["aspects"].split()}
        yield Labelled(data, language, label["part"], text, aspects, points=points)


def _comments(folder: Path, data: str) -> Iterator[tuple[str, str, int]]:
    """(id, title and text, points) of each comment, as it was read for labelling."""
    if data == "olist":
        for row in _rows(folder / data / "feedback.csv.gz"):
            yield row["feedback_id"], _joined(row["comment_title"], row["comment_text"]), int(row["score"])
    else:
        for row in _rows(folder / data / "reviews.csv.gz"):
            title = "" if row["title_is_start_of_text"] == "1" else row["title"]
            yield row["review_id"], _joined(title, row["text"]), int(row["rating"])


def _joined(title: str, text: str) -> str:
    return f"{title}. {text}" if title else text


def _semeval(folder: Path, data: str, language: str) -> Iterator[Labelled]:
    categories: defaultdict[str, set[str]] = defaultdict(set)
    for row in _rows(folder / data / "opinions.csv.gz"):
        categories[row["text_id"]].add(row["category"])
    for row in _rows(folder / data / "sentences.csv.gz"):
        if row["out_of_scope"] != "1":
            part = "held_out" if row["source_part"] == "test" else "tuning"
            aspects = {aspect: "" for category in categories[row["text_id"]] if (aspect := aspect_of_semeval(category))}
            yield Labelled(data, language, part, row["text"], aspects, SEMEVAL_JUDGES[row["domain"]])


# What a sentence without such a label surely is not about. Of signing up, or of promises, they have no category.
SEMEVAL_JUDGES = {
    "restaurants": frozenset({"producto", "soporte", "precio"}),
    "laptops": frozenset({"producto", "soporte", "precio", "entrega", "uso", "garantia"}),
}
SEMEVAL_ENTITIES = {"SERVICE": "soporte", "SUPPORT": "soporte", "SHIPPING": "entrega", "WARRANTY": "garantia"}
SEMEVAL_ATTRIBUTES = {"PRICE": "precio", "PRICES": "precio", "USABILITY": "uso"}
# The whole, the place, the firm and the rest: no aspect of ours.
SEMEVAL_WHOLES = frozenset({"RESTAURANT", "LAPTOP", "COMPANY"})
SEMEVAL_OTHER = frozenset({"AMBIENCE", "LOCATION", "MISCELLANEOUS", "CONNECTIVITY", "PORTABILITY"})


def aspect_of_semeval(category: str) -> str | None:
    """Our aspect for «FOOD#PRICES»: what a price is of does not matter, whatever is no service is the product."""
    entity, _, attribute = category.partition("#")
    if ours := SEMEVAL_ATTRIBUTES.get(attribute) or SEMEVAL_ENTITIES.get(entity):
        return ours
    if {entity, attribute} & SEMEVAL_OTHER or (entity in SEMEVAL_WHOLES and attribute == "GENERAL"):
        return None
    return "producto"


def write_precision(tallies: Mapping[tuple[str, str, str], Tally], path: Path) -> None:
    """The table that decides which suggestions may be counted (surveys.aspect_lexicon.trusted_aspects)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key, t in sorted(tallies.items()):
            writer.writerow([*key, t.found, t.right, t.labelled, t.scored, t.right_by_score])


# --- Redaction -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Marked:
    """A comment and where personal data stand in it."""

    data: str
    text: str
    region: str
    personal: tuple[Found, ...]
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# Of whom the made-up comments speak, as their head says.
CUSTOMER = {
    "known_names": ("Carla Núñez de la Vega", "Sofía Paredes"),
    "known_emails": ("carla.nv84@correo.example",),
    "known_ids": ("PV-10023", "100456789", "77"),
}
SAME_MARK = {"domain": "url"}
MARKED = re.compile(r"\{(\w+) ([^}]*)\}")


def measure_redaction(comments: Iterable[Marked]) -> dict[tuple[str, str], Tally]:
    """(data, kind) → right is what touches a place marked with that kind; recalled, of which no letter remains."""
    tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
    for comment in comments:
        found = find_personal_data(comment.text, regions=[comment.region], **comment.known)
        hidden = {place for start, end, _kind in found for place in range(start, end)}
        for start, end, kind in found:
            tally = tallies[comment.data, SAME_MARK.get(kind, kind)]
            tally.found += 1
            tally.right += any(
                a < end and start < b and kind_of == SAME_MARK.get(kind, kind) for a, b, kind_of in comment.personal
            )
        for start, end, kind in comment.personal:
            tally = tallies[comment.data, kind]
            tally.labelled += 1
            tally.recalled += all(p in hidden for p in range(start, end) if comment.text[p].isalnum())
    return dict(tallies)


def made_up_comments() -> Iterator[Marked]:
    for line in (MEASURED / "personal_data.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            head, _, marked = line.partition(" | ")
            text, personal = _unmarked(marked)
            yield Marked("made up", text, head.split()[1], personal, CUSTOMER)


def _unmarked(marked: str) -> tuple[str, tuple[Found, ...]]:
    text, personal, position = "", [], 0
    for match in MARKED.finditer(marked):
        text += marked[position : match.start()]
        personal.append((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        position = match.end()
    return text + marked[position:], tuple(personal)


def marked_comments(folder: Path) -> Iterator[Marked]:
    """All comments of the folder: those with personal data are labelled, and the others have none."""
    personal: defaultdict[tuple[str, str], list[Found]] = defaultdict(list)
    for row in _rows(MEASURED / "personal_data.csv"):
        personal[row["data"], row["row"]].append((int(row["start"]), int(row["end"]), row["kind"]))
    for data, region in (("trustpilot_es", "ES"), ("olist", "BR")):
        for row_id, text, _points in _comments(folder, data):
            yield Marked(data, text, region, tuple(personal[data, row_id]))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file)
