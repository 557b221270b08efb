"""New keys for what is signed and sealed: what was made under the old ones holds on, and they can go."""

from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.sealing import seal, unseal
from complaints.models import Complaint
from intake.models import BlockedRecord, Hook
from intake.rights import rotating
from mailing.models import Endpoint
from tests.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def newer(world: World, settings: Settings) -> Any:
    old = dict(settings.LINK_KEYS)
    settings.LINK_KEYS = {**old, max(old) + 1: "a newer key"}
    return settings


def rotate() -> str:
    out = StringIO()
    call_command("rotate_link_keys", stdout=out)
    return out.getvalue()


def test_what_is_sealed_opens_with_the_newest_key_alone(world: World, settings: Settings) -> None:
    secret = generate_totp_secret()
    TOTP.activate(world.staff, secret)
    codes = RecoveryCodes.activate(world.staff).generate_codes()
    old = dict(settings.LINK_KEYS)
    newest = {max(old) + 1: "a newer key"}
    settings.LINK_KEYS = old | newest

    said = rotate()

    settings.LINK_KEYS = newest
    assert unseal(bytes(Endpoint.objects.get().sealed_secret)) == "whsec_"
    assert unseal(bytes(Hook.objects.get().sealed_secret)) == "geheim"
    assert unseal(bytes(BlockedRecord.objects.get().sealed)) == "what a court may need"
    factors = {factor.type: factor for factor in Authenticator.objects.all()}
    assert unseal(factors["totp"].data["secret"].encode()) == secret
    assert RecoveryCodes(factors["recovery_codes"]).generate_codes() == codes
    assert said.startswith("5 secrets are sealed under the newest key now.")


def test_it_says_how_many_links_need_the_older_keys(newer: Any) -> None:
    links = Complaint.objects.count() + 2  # and two invitations, whose mails wait

    assert f"{links} mails and cases have links of older keys" in rotate()


def test_secrets_are_looked_through_page_by_page(newer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    brand = Hook.objects.get().brand
    Endpoint.objects.bulk_create(
        Endpoint(
            brand=brand, url="https://crm.example/in", events=["webhook.test"], sealed_secret=seal(f"whsec_{number}")
        )
        for number in range(4)
    )
    monkeypatch.setattr(rotating, "BATCH", 2)

    with CaptureQueriesContext(connection) as asked:
        said = rotate()

    pages = [each["sql"] for each in asked if each["sql"].startswith('SELECT "mailing_endpoint"."id" AS "pk" FROM')]
    assert len(pages) == 4 + 1  # of the secrets three and an empty one, of those before them an empty one
    assert all("LIMIT 2" in sql for sql in pages)
    assert said.startswith(f"{3 + 4} secrets")


def test_what_no_key_opens_is_told_and_stays_as_it_is(newer: Any) -> None:
    Hook.objects.update(sealed_secret=b"of a key that is lost")

    assert "1 cannot be read with any key" in rotate()
    assert bytes(Hook.objects.get().sealed_secret) == b"of a key that is lost"


def test_a_new_secret_key_signs_nobody_out(world: World, client: Client, settings: Settings) -> None:
    client.force_login(world.staff)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a newer key" * 5, [settings.SECRET_KEY]
    assert client.get("/admin/").status_code == 200

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the newest key" * 5, []
    assert client.get("/admin/").status_code == 302
