"""The catalogue of interface texts: English in the code, Spanish in locale/.

With Babel alone, so that nobody needs the gettext tools. A tool of developers: production reads the compiled .mo.
"""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

PACKAGES = (
    *("accounts", "mailing", "affiliates", "surveys", "complaints"),
    *("insights", "dashboards", "intake", "postventa"),
)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
Message = str | tuple[str, str]
LANGUAGE = "es"
ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)  # the files change when a text does, not when somebody looks
# A call with its arguments; a bracket inside a string does not end it.
TEMPLATE_CALL = re.compile(r"""n?p?gettext\((?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^'")])*\)""")


def po_path(root: Path) -> Path:
    return root / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE, domain="django")


def compiled(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def save_catalogue(catalogue: Catalog, path: Path) -> None:
    """Write .po and .mo, sorted and without line numbers, so that a change shows as what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, sort_output=True, no_location=True)
    path.with_suffix(".mo").write_bytes(compiled(catalogue))


def extract(root: Path) -> Catalog:
    """Every text of the code and the templates that is marked for translation."""
    template = Catalog(
        locale=LANGUAGE, domain="django", project="Postventa", fuzzy=False, creation_date=ALWAYS, revision_date=ALWAYS
    )
    for message, context in messages_of(root):
        template.add(message, context=context)
    return template


def messages_of(root: Path) -> Iterator[tuple[Message, str | None]]:
    for path in sources(root):
        source = path.read_text()
        if path.suffix != ".py":
            source = as_python(source)
        for _line, function, arguments, _comments in extract_python(io.BytesIO(source.encode()), KEYWORDS, [], {}):
            yield from message_of(str(function), arguments)


def sources(root: Path) -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted(p for p in (root / package).rglob("*.py") if "migrations" not in p.parts)
    yield from sorted(p for p in (root / "templates").rglob("*") if p.suffix in (".html", ".txt", ".css", ".svg"))


def as_python(template: str) -> str:
    """Django turns a template into calls of gettext among rubbish; only the calls are Python."""
    return "\n".join(TEMPLATE_CALL.findall(templatize(template, origin="template")))


def message_of(function: str, arguments: object) -> Iterator[tuple[Message, str | None]]:
    """The message that a call names: its text, or both forms of a plural, and its context."""
    given = list(arguments) if isinstance(arguments, tuple | list) else [arguments]
    name = function.removesuffix("_lazy").removesuffix("_noop")
    context = str(given.pop(0)) if name in ("pgettext", "npgettext") else None
    match [text for text in given if isinstance(text, str) and text]:
        case [one, many, *_rest] if name in ("ngettext", "npgettext"):
            yield (one, many), context
        case [text, *_rest]:
            yield text, context
