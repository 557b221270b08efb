"""Others' sentences that we say in our own words are still theirs: a reworded one would silently come out in theirs."""

from pathlib import Path

import allauth
import django
import pytest
from babel.messages.pofile import read_po

from accounts.wording import ALLAUTH, DJANGO

OF_ALLAUTH = [Path(allauth.__file__).parent / "locale"]
OF_DJANGO = [
    Path(django.__file__).parent / "conf" / "locale",
    Path(django.__file__).parent / "contrib" / "auth" / "locale",
    Path(django.__file__).parent / "contrib" / "admin" / "locale",
]


@pytest.mark.parametrize(
    ("folders", "sentences"), [(OF_ALLAUTH, ALLAUTH), (OF_DJANGO, DJANGO)], ids=["allauth", "django"]
)
def test_what_we_reword_is_still_said(folders: list[Path], sentences: tuple[str, ...]) -> None:
    assert set(sentences) - {said for folder in folders for said in spanish_sentences(folder)} == set()


def spanish_sentences(folder: Path) -> set[str]:
    with (folder / "es" / "LC_MESSAGES" / "django.po").open("rb") as file:
        return {message.id if isinstance(message.id, str) else message.id[0] for message in read_po(file)}
