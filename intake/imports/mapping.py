"""How a file's columns and words become ours: a TOML file of `ours = "theirs"`, and `[values.state]` `theirs = "ours"`.

Columns of the same name map themselves. `ours = ""` leaves a column of ours empty although the file has one so named.
A word for nothing (`"" = "EUR"` under `[values.currency]`) stands wherever the file says nothing.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _


class ImportRefused(Exception):
    """A file, or what was said about it, that no row can be read from; the text says what to do."""


@dataclass(frozen=True)
class ColumnMapping:
    columns: Mapping[str, str] = field(default_factory=dict)  # ours: theirs
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # ours: {their word: our word}

    def places(self, header: Sequence[str], *, columns: Sequence[str], required: Sequence[str]) -> dict[str, int]:
        """Where each of our columns stands in the file. ImportRefused: one that is named or needed is not there."""
        wanted = {name: self.columns.get(name, name) for name in columns}
        if missing := [theirs for theirs in self.columns.values() if theirs and theirs not in header]:
            raise ImportRefused(f"The mapping names columns that the file does not have: {_listed(missing, header)}.")
        if absent := [name for name in required if wanted[name] not in header]:
            told = _("The file lacks columns that are needed: %(names)s. It has: %(header)s. Rename or map them.")
            raise ImportRefused(told % {"names": _listed(absent, header), "header": ", ".join(header)})
        used = [theirs for theirs in wanted.values() if theirs in header]
        if twice := [theirs for theirs in dict.fromkeys(used) if header.count(theirs) > 1]:
            told = _("The file has more than one column of this name: %(names)s.")
            raise ImportRefused(told % {"names": ", ".join(twice)})
        return {name: header.index(theirs) for name, theirs in wanted.items() if theirs in header}

    def translate(self, name: str, value: str) -> str:
        """A word of theirs in our words; what the mapping does not name stays."""
        words = self.values.get(name)
        return words.get(value.strip(), value) if words else value

    def name_in_file(self, name: str) -> str:
        return self.columns.get(name) or name


def read_mapping(path: Path | None, *, columns: Sequence[str]) -> ColumnMapping:
    """ImportRefused: not TOML, or it names a column that we do not have."""
    if path is None:
        return ColumnMapping()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ImportRefused(f"The mapping cannot be read: {error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImportRefused(f"The mapping {path.name} is not TOML: {error}.") from error
    values = table.pop("values", {})
    problems = [*_wrong_columns(table, columns), *_wrong_values(values, columns)]
    if problems:
        raise ImportRefused(f"The mapping {path.name} does not fit: {' '.join(problems)}")
    return ColumnMapping(table, {name: {k.strip(): v for k, v in words.items()} for name, words in values.items()})


def _wrong_columns(table: Mapping[str, Any], columns: Sequence[str]) -> Iterator[str]:
    for name, theirs in table.items():
        if name not in columns:
            yield f"There is no column “{name}” of ours{_hint(name, columns)}."
        elif not isinstance(theirs, str):
            yield f"“{name}” should be the name of a column, in quotes."
    named = [theirs for theirs in table.values() if theirs]
    for theirs in {str(theirs) for theirs in named if named.count(theirs) > 1}:
        yield f"“{theirs}” stands for two columns of ours."


def _wrong_values(values: Any, columns: Sequence[str]) -> Iterator[str]:
    if not isinstance(values, dict):
        yield "“values” should be tables such as [values.state]."
        return
    for name, words in values.items():
        if name not in columns:
            yield f"[values.{name}]: there is no column “{name}” of ours{_hint(name, columns)}."
        elif not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
            yield f'[values.{name}] should have lines such as theirs = "ours".'


def _hint(name: str, columns: Sequence[str]) -> str:
    close = get_close_matches(name, columns, n=1)
    return f" (perhaps “{close[0]}”)" if close else f"; there are {', '.join(columns)}"


def _listed(names: Sequence[str], header: Sequence[str]) -> str:
    close = {name: get_close_matches(name, header, n=1) for name in names}
    return ", ".join(f"{name} (perhaps “{found[0]}”)" if found else name for name, found in close.items())
