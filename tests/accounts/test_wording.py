"""allauth's sentences that we say in our own words: still its sentences, and really said otherwise."""

from pathlib import Path

import allauth
import pytest
from babel.messages.pofile import read_po

from accounts.wording import ALLAUTH

THEIRS = Path(allauth.__file__).parent / "locale" / "es" / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module")
def their_sentences() -> set[str]:
    with THEIRS.open("rb") as file:
        return {str(message.id if isinstance(message.id, str) else message.id[0]) for message in read_po(file)}


@pytest.mark.parametrize("sentence", ALLAUTH)
def test_allauth_still_says_this(their_sentences: set[str], sentence: str) -> None:
    assert sentence in their_sentences
