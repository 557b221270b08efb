"""The rows that were refused, with the reasons: a file to mend and to import again."""

import csv
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from accounts.spreadsheets import as_text
from intake.imports.reading import Row

ROW, REASONS = "row", "reasons"


class RejectsFile:
    """`FILE.rejected.csv`, made with the first row that is refused; in `spare` where FILE's own folder is read-only."""

    def __init__(self, source: Path, header: Sequence[str], spare: Path | None) -> None:
        self.name = f"{source.name}.rejected.csv"
        self.folders = list(dict.fromkeys(filter(None, [source.parent.resolve(), spare])))
        self.header = [*header, ROW, REASONS]
        self.path: Path | None = None
        self._file: IO[str] | None = None

    def begin(self, *, rows_done: int) -> None:
        """Forget an earlier run's; of an interrupted one keep what it had refused among the rows that are done."""
        earlier = [path for folder in self.folders if (path := folder / self.name).is_file()]
        latest = max(earlier, key=lambda path: path.stat().st_mtime, default=None)
        kept = _refused_until(latest, rows_done) if latest and rows_done else []
        for path in earlier:
            with suppress(OSError):  # in a folder that is read-only by now
                path.unlink()
        if kept:
            self._write(kept)

    def add(self, refused: Iterable[tuple[Row, str]]) -> None:
        """Written before the rows around them are stored: after a crash the file may hold more, never less."""
        rows = [[*(as_text(cell) for cell in row.cells), str(row.number), reasons] for row, reasons in refused]
        if rows:
            self._write(rows)

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _write(self, rows: Iterable[Sequence[str]]) -> None:
        self._file = self._file or self._open()
        csv.writer(self._file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        self._file.flush()

    def _open(self) -> IO[str]:
        *others, last = self.folders
        for folder in others:
            try:
                return self._create(folder)
            except OSError:
                continue
        return self._create(last)

    def _create(self, folder: Path) -> IO[str]:
        file = (folder / self.name).open("w", encoding="utf-8", newline="")
        self.path = folder / self.name
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(self.header)
        return file


def _refused_until(path: Path, rows_done: int) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        _header, *rows = list(csv.reader(file)) or [[]]
    # The last line may be cut off where the run was killed; its row is not among those done.
    return [row for row in rows if len(row) >= 2 and row[-2].isdecimal() and int(row[-2]) <= rows_done]
