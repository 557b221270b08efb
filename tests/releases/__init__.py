"""Databases as releases left them, with a row in every table: what upgrades are tried on.

A new one is recorded when a release is made:
`POSTVENTA_RECORD=1.0 manage.py test tests/postventa/test_upgrade.py -k record`.
"""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from postventa.postgresql import copies

FOLDER = Path(__file__).parent
ENDING = ".dump.xz"
RELEASES = sorted(
    (path.name.removesuffix(ENDING) for path in FOLDER.glob(f"*{ENDING}")),
    key=lambda name: [int(part) for part in name.split(".")],  # 1.10 comes after 1.9
)


@contextmanager
def unpacked(release: str) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "release.dump"
        path.write_bytes(lzma.decompress((FOLDER / f"{release}{ENDING}").read_bytes()))
        yield path


def record(release: str) -> None:
    """The test's database as that of a release."""
    with lzma.open(FOLDER / f"{release}{ENDING}", "wb") as packed, TemporaryFile() as file:
        copies.dump(file)
        file.seek(0)
        packed.write(file.read())
