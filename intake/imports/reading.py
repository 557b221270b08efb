"""A CSV file as a stream of rows, plain or compressed, with what is wrong with it said in words."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from django.utils.translation import gettext as _

from intake.imports.mapping import ColumnMapping, ImportRefused

GZIP = b"\x1f\x8b"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS = ",;\t|"
LONGEST_FIELD = 1024 * 1024  # characters
CHUNK = 1024 * 1024  # bytes


class Row(NamedTuple):
    """One row: its number among the rows (from 1), as it was, and in our words. `is_whole`: as long as the header."""

    number: int
    cells: Sequence[str]
    values: dict[str, str]
    is_whole: bool = True


class Source:
    """A file's rows, read once from the start, a piece at a time. ImportRefused: it is no CSV that we can read."""

    def __init__(self, path: Path, mapping: ColumnMapping, *, columns: Sequence[str], required: Sequence[str]) -> None:
        self.path = path
        self.mapping = mapping
        self.columns = columns
        self.file = _open(path)
        try:
            self.size = path.stat().st_size
            self._lines = io.TextIOWrapper(_uncompressed(self.file), encoding="utf-8-sig", newline="")
            self._reader = self._read()
            self.header = next(self._reader, [])
            if not any(self.header):
                told = _("The file %(name)s is empty: its first line should name the columns.")
                raise ImportRefused(told % {"name": path.name})
            self._places = mapping.places(self.header, columns=columns, required=required)
        except BaseException:
            self.file.close()
            raise

    def close(self) -> None:
        self._lines.close()
        self.file.close()

    @property
    def bytes_read(self) -> int:
        return self.file.tell()

    def __iter__(self) -> Iterator[Row]:
        """Of each row the values that it has, and those that the mapping puts where it says nothing."""
        mapping, width = self.mapping, len(self.header)
        translated = [name for name in self.columns if name in mapping.values]
        for number, cells in enumerate(self._reader, start=1):
            values = {name: cells[place] for name, place in self._places.items() if place < len(cells)}
            for name in translated:
                values[name] = mapping.translate(name, values.get(name, ""))
            yield Row(number, cells, values, is_whole=len(cells) == width)

    def _read(self) -> Iterator[list[str]]:
        """Rows of cells, the header first; lines without anything are no rows."""
        csv.field_size_limit(LONGEST_FIELD)
        number = 0
        try:
            first = self._lines.readline(LONGEST_FIELD)
            delimiter = max(DELIMITERS, key=first.count)
            reader = csv.reader(_chained(first, self._lines), delimiter=delimiter, strict=True)
            for cells in filter(None, reader):
                is_header, number = number == 0, reader.line_num
                yield [cell.strip() for cell in cells] if is_header else cells
        except UnicodeDecodeError as error:
            told = _("%(name)s is not UTF-8 (after line %(line)s: %(reason)s). Save it as “CSV UTF-8”.")
            raise ImportRefused(told % self._at(number, error.reason)) from error
        except csv.Error as error:
            told = _("%(name)s is not proper CSV after line %(line)s: %(reason)s.")
            raise ImportRefused(told % self._at(number, error)) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            told = _("%(name)s is broken off or damaged after line %(line)s: %(reason)s.")
            raise ImportRefused(told % self._at(number, error)) from error

    def _at(self, line: int, reason: object) -> dict[str, object]:
        return {"name": self.path.name, "line": line, "reason": reason}


def fingerprint(path: Path, *meanings: str) -> str:
    """A hash of the file and of all that decides what it means: by it an interrupted run is known again."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    for meaning in meanings:
        digest.update(b"\0" + meaning.encode())
    return digest.hexdigest()


def _open(path: Path) -> IO[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise ImportRefused(f"The file cannot be read: {error}.") from error
    if file.peek(2)[:2] in UTF_16:
        file.close()
        raise ImportRefused(_("%(name)s is UTF-16. Save it as “CSV UTF-8”.") % {"name": path.name})
    return file


def _uncompressed(file: IO[bytes]) -> IO[bytes]:
    peek: Callable[[int], bytes] = file.peek  # type: ignore[attr-defined]
    return gzip.GzipFile(fileobj=file) if peek(2)[:2] == GZIP else file  # type: ignore[return-value]


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
