"""Rendering a mail once for many: what differs from one to the next is put in afterwards.

Templates, translations and CSS cost several times what sending costs. So they are rendered with a mark in the place of
every text of the context, and cut at the marks; a mail is then its own texts joined with the pieces between.

A template may do more with a text than print it: `{% if kind == "goods" %}`, `|linebreaksbr`. The mark notices, and
that text becomes part of what is compiled, as numbers, truth values and the shape of the context always are. Where
all differs, each mail is compiled for itself, which is rendering it plainly: slower, never wrong.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from html import escape  # what Django's own does, without its wrappers: it is asked for every text of every mail
from typing import Any

from django.utils.safestring import SafeString, mark_safe

# Private-use characters, which no template has.
OPEN, CLOSE = "\ue000", "\ue001"
_IN_HTML = f"{OPEN}%s{CLOSE}"
# Where nothing is escaped, a filter gets the same as the page: so this has something in it for every filter to change.
_IN_TEXT = f"a <B>&'\"\n{OPEN}%s{CLOSE}\n cD"
LARGEST_CACHE = 500  # compiled mails kept, of perhaps 20 KB each

Context = dict[str, Any]
Piece = str | int  # words of the template, or the number of the text that belongs here
Render = Callable[[str, Context], str]  # a template's name without its folder, and its context


@dataclass(frozen=True)
class Texts:
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Compiled:
    subject: list[Piece]
    text: list[Piece]
    html: list[Piece]

    def fill(self, texts: list[str]) -> Texts:
        subject = " ".join(_join(self.subject, texts).split())
        # In the HTML the subject is a text like the others: the one after the last.
        return Texts(subject, _join(self.text, texts), _join(self.html, [escape(text) for text in (*texts, subject)]))


@dataclass
class Seen:
    """What a template did with its marks, by number."""

    printed: Counter[int] = field(default_factory=Counter)
    touched: set[int] = field(default_factory=set)


class Mark(str):
    """Stands for a text that is not empty. Counts how often it is printed, and notices all else."""

    number: int
    seen: Seen
    is_html: bool

    def __new__(cls, number: int, seen: Seen, *, is_html: bool) -> "Mark":
        mark = super().__new__(cls, _IN_TEXT % number)
        mark.number, mark.seen, mark.is_html = number, seen, is_html
        return mark

    def __str__(self) -> str:
        if self.is_html:
            self.seen.touched.add(self.number)  # a page asks for __html__; this is a filter
        self.seen.printed[self.number] += 1
        return str.__str__(self)

    def __html__(self) -> SafeString:
        self.seen.printed[self.number] += 1
        return mark_safe(_IN_HTML % self.number)  # noqa: S308 — our own two characters and a number

    def __bool__(self) -> bool:
        return True

    def __float__(self) -> float:
        """A filter asks whether the text is a number, as `|pluralize` does: the text itself has to answer."""
        self.seen.touched.add(self.number)
        raise ValueError

    def __int__(self) -> int:
        return int(float(self))


def _noticing(name: str) -> Callable[..., Any]:
    original = getattr(str, name)

    def method(self: Mark, *args: Any) -> Any:
        self.seen.touched.add(self.number)
        return original(self, *args)

    return method


for _name in ("eq", "ne", "lt", "le", "gt", "ge", "hash", "len", "iter", "contains", "getitem", "add", "mod", "format"):
    setattr(Mark, f"__{_name}__", _noticing(f"__{_name}__"))

_fixed: dict[Hashable, frozenset[int]] = {}  # by what is compiled: the texts that are more than printed
_compiled: dict[Hashable, Compiled] = {}


def render_texts(key: Hashable, context: Context, *, render: Render) -> Texts:
    """What the templates subject.txt, body.txt and body.html make of this context; `key` names all else they depend on.

    Plain text comes with the empty lines that tags leave behind, and a subject in one line.
    """
    texts: list[str] = []
    whole = (key, _shape(context, texts))
    while True:
        fixed = _fixed.get(whole, frozenset())
        wanted = (whole, tuple(texts[number] for number in sorted(fixed)))
        if compiled := _compiled.get(wanted):
            return compiled.fill(texts)
        compiled, touched = _compile(context, texts, fixed, render)
        if touched <= fixed:
            _keep(_compiled, wanted, compiled)
        else:
            _keep(_fixed, whole, fixed | touched)


def _keep(cache: dict[Hashable, Any], key: Hashable, value: Any) -> None:
    if len(cache) >= LARGEST_CACHE:
        cache.clear()
    cache[key] = value


def _compile(context: Context, texts: list[str], fixed: frozenset[int], render: Render) -> tuple[Compiled, set[int]]:
    """The pieces, and the texts that the templates did more with than print them."""
    numbers = range(len(texts))
    is_plain = len(fixed) == len(texts)

    def run(template: str, seen: Seen, **more: Any) -> str:
        is_html = template.endswith(".html")
        marked = iter([texts[n] if n in fixed else Mark(n, seen, is_html=is_html) for n in numbers])
        return render(template, {**_replaced(context, marked), **more})

    seen = [Seen(), Seen(), Seen()]
    subject = run("subject.txt", seen[0])
    mark = " ".join(subject.split()) if is_plain else Mark(len(texts), seen[2], is_html=True)
    rendered = [subject, run("body.txt", seen[1]), run("body.html", seen[2], subject=mark)]
    pieces = [_cut(part, _IN_TEXT) for part in rendered[:2]] + [_cut(rendered[2], _IN_HTML)]
    touched = {number for part, what in zip(pieces, seen, strict=True) for number in _misused(part, what)}
    return Compiled(*pieces), set(numbers) if touched - set(numbers) else touched


def _misused(pieces: list[Piece], seen: Seen) -> set[int]:
    """Whatever was not printed as it is, as often as it was asked for. A torn mark could be anybody's: all of them."""
    found = Counter(piece for piece in pieces if isinstance(piece, int))
    if any(OPEN in piece or CLOSE in piece for piece in pieces if isinstance(piece, str)):
        return {*seen.printed, *seen.touched, *found, -1}
    return seen.touched | {number for number in seen.printed | found if seen.printed[number] != found[number]}


def _cut(rendered: str, mark: str) -> list[Piece]:
    before, after = (re.escape(side) for side in mark.split("%s"))
    parts = re.split(f"{before}(\\d+){after}", rendered)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _join(pieces: list[Piece], texts: list[str]) -> str:
    return "".join([texts[piece] if isinstance(piece, int) else piece for piece in pieces])


def _shape(value: Any, texts: list[str]) -> Hashable:
    """All of the context but its texts, which are collected. An empty text is part of the shape: it is tested."""
    if isinstance(value, str) and value:
        texts.append(value)
        return str
    if isinstance(value, dict):
        return tuple([(name, _shape(item, texts)) for name, item in value.items()])
    if isinstance(value, list):
        return (list, *[_shape(item, texts) for item in value])
    return type(value), value


def _replaced(value: Any, texts: Iterator[str]) -> Any:
    """The same context with other texts, in the order in which `_shape` collected them."""
    if isinstance(value, str):
        return next(texts) if value else value
    if isinstance(value, dict):
        return {name: _replaced(item, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, texts) for item in value]
    return value
