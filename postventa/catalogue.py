"""The catalogues of interface texts: English in the code, Spanish in locale/, and beside it Spanish with «usted».

What a customer reads speaks as the brand chose (accounts.models.Brand.voice). The formal catalogue holds only what it
says otherwise; all else is read in the other.

With Babel alone, so that nobody needs the gettext tools. A tool of developers: production reads the compiled .mo.
"""

import io
import re
from collections.abc import Iterable, Iterator
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
FORMAL = "es_X-usted"  # the folder of accounts.models.FORMAL_SPANISH
# What customers read.
FOR_CUSTOMERS = (
    *("templates/surveys/**/*", "templates/complaints/**/*", "templates/mailing/*", "templates/survey_base.html"),
    *("surveys/forms.py", "surveys/views.py", "surveys/questionnaire.py", "surveys/invitation_mail.py"),
)
FOR_STAFF = ("alarm", "preview")  # what these names begin with, among them
SPEAKS_TU = re.compile(
    r"\b(tú|tu|tus|te|ti|contigo|tuy[oa]s?|\w\w(?<!ex)(?<!tr)(?:aste|iste)|pued[ea]s|quier[ea]s|prefier[ea]s|dejas|dejes"
    r"|pulsa|elige|escribes|escríbenos|cuéntanos|dínoslo|síguelo|tienes|usas|conoces|cuentas|podrás|acórtalo|pásalo)\b",
    re.IGNORECASE,
)
ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)  # the files change when a text does, not when somebody looks
# A call with its arguments; a bracket inside a string does not end it.
TEMPLATE_CALL = re.compile(r"""n?p?gettext\((?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^'")])*\)""")


def po_path(root: Path, folder: str = LANGUAGE) -> Path:
    return root / "locale" / folder / "LC_MESSAGES" / "django.po"


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
    return catalogue_of(sources(root))


def extract_for_customers(root: Path) -> Catalog:
    """Those among them that customers read."""
    paths = {
        path for pattern in FOR_CUSTOMERS for path in root.glob(pattern) if path.suffix in (".html", ".txt", ".py")
    }
    return catalogue_of(sorted(path for path in paths if not path.name.startswith(FOR_STAFF)))


def formal_texts(root: Path, spanish: Catalog) -> Catalog:
    """What is said otherwise with «usted», of what the code still says."""
    formal = new_catalogue()
    for message in read_catalogue(po_path(root, FORMAL)):
        if message.id and spanish.get(message.id, context=message.context):
            formal.add(message.id, message.string, context=message.context)
    return formal


def said_with_tu(root: Path, spanish: Catalog, formal: Catalog) -> list[str]:
    """Texts for customers that a brand that says «usted» would still say with «tú»."""
    said = []
    for message in extract_for_customers(root):
        known = formal.get(message.id, context=message.context) or spanish.get(message.id, context=message.context)
        if message.id and known and SPEAKS_TU.search(str(known.string)):
            said.append(str(message.id))
    return said


def new_catalogue() -> Catalog:
    return Catalog(
        locale=LANGUAGE, domain="django", project="Postventa", fuzzy=False, creation_date=ALWAYS, revision_date=ALWAYS
    )


def catalogue_of(paths: Iterable[Path]) -> Catalog:
    template = new_catalogue()
    for message, context in messages_of(paths):
        template.add(message, context=context)
    return template


def messages_of(paths: Iterable[Path]) -> Iterator[tuple[Message, str | None]]:
    for path in paths:
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
