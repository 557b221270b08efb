"""Others' sentences that we say in our own words are still theirs: a reworded one would silently come out in theirs."""

import gettext
import re
from collections.abc import Iterable
from pathlib import Path

import allauth
import django
import django_filters
import pytest
import rest_framework
from django.conf import settings

from accounts.wording import ALLAUTH, DJANGO, DRF, FILTERS
from postventa.catalogue import extract

ROOT = Path(django.__file__).parent
OF_ALLAUTH = [Path(allauth.__file__).parent / "locale"]
OF_DJANGO = [
    ROOT / "conf" / "locale",
    *(ROOT / "contrib" / app / "locale" for app in ("auth", "admin", "postgres", "contenttypes", "humanize")),
]
OF_DRF = [Path(rest_framework.__file__).parent / "locale"]
OF_FILTERS = [Path(django_filters.__file__).parent / "locale"]
# Words that speak to somebody as «usted», or say «su» of what is theirs.
USTED = re.compile(
    r"\b(usted(es)?|sus?|introduz?ca|ingrese|asegúrese|seleccione|escoja|elija|escriba|envíe|compruebe|confirme|corrija"
    r"|utilice|use|vuelva|observe|vaya|haga|desmarque|marque|elimínelos|solicite|verifique|olvidó|pulse|inicie|añada"
    r"|(desea|quiere) \w+[aei]r)\b",
    re.IGNORECASE,
)
# Where we have a page of our own, or nobody but a developer comes.
NOT_SHOWN = re.compile(r"CSRF|[Rr]eferer|browser to disable cookies|DEBUG=True|database installation")
# Sign-in and forgotten passwords are allauth's, with our pages.
OF_ALLAUTHS_PLACE = re.compile(
    r"Forgotten your|^Confirm password|receive an email|receiving this email|In case you’ve forgotten|reset link was"
    r"|Please enter your new password twice|go to the following page|emailed you instructions|has been set\.  You may"
)
# «sus grupos», «en su lugar»: of somebody else.
OF_OTHERS = {
    "The groups this user belongs to. A user will get all permissions granted to each of their groups.",
    "The start of the range must not exceed the end of the range.",
}


@pytest.mark.parametrize(
    ("folders", "sentences"),
    [(OF_ALLAUTH, ALLAUTH), (OF_DJANGO, DJANGO), (OF_DRF, DRF), (OF_FILTERS, FILTERS)],
    ids=["allauth", "django", "drf", "filters"],
)
def test_what_we_reword_is_still_said(folders: list[Path], sentences: tuple[str, ...]) -> None:
    assert set(sentences) - set(said_in(folders)) == set()


@pytest.fixture(scope="module")
def again() -> set[str]:
    """All that our code says."""
    return {message.id if isinstance(message.id, str) else message.id[0] for message in extract(settings.BASE_DIR)}


@pytest.mark.parametrize("folders", [OF_DJANGO, OF_DRF, OF_FILTERS], ids=["django", "drf", "filters"])
def test_what_says_usted_and_can_be_shown_we_say_again(folders: list[Path], again: set[str]) -> None:
    formal = {english for english, spanish in said_in(folders).items() if any(USTED.search(text) for text in spanish)}

    shown = {english for english in formal if not (NOT_SHOWN.search(english) or OF_ALLAUTHS_PLACE.search(english))}

    assert formal != set()
    assert shown - OF_OTHERS - again == set()


def test_none_of_it_says_usted_then() -> None:
    theirs = set(said_in([*OF_ALLAUTH, *OF_DJANGO, *OF_DRF, *OF_FILTERS]))
    ours = said_in([settings.BASE_DIR / "locale"])

    assert [text for english in theirs & set(ours) for text in ours[english] if USTED.search(text)] == []


def said_in(folders: Iterable[Path]) -> dict[str, list[str]]:
    """By the English sentence, all forms of the Spanish one."""
    said: dict[str, list[str]] = {}
    for folder in folders:
        path = folder / "es" / "LC_MESSAGES" / "django.mo"
        if path.exists():
            with path.open("rb") as file:
                for english, spanish in gettext.GNUTranslations(file)._catalog.items():  # type: ignore[attr-defined]
                    one = english[0] if isinstance(english, tuple) else english
                    said.setdefault(one.rpartition("\x04")[2], []).append(spanish)
    return said
