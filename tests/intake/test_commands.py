from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, Brand, Membership, Scope, User
from surveys.models import Survey, Wave

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def test_create_brand_publishes_the_standard_survey():
    run("create_brand", "lumbre", "--name", "Lumbre", "--country", "mx", "--timezone", "America/Mexico_City",
        "--allowed-host", "lumbre.example", "www.lumbre.example", "--allowed-host", "tienda.example")  # fmt: skip

    brand = Brand.objects.get(slug="lumbre")
    assert (brand.name, brand.country, brand.timezone) == ("Lumbre", "MX", "America/Mexico_City")
    assert brand.allowed_hosts == ["lumbre.example", "www.lumbre.example", "tienda.example"]
    assert Survey.objects.published(brand, Wave.FIRST).count() == 1


def test_create_brand_refuses_what_is_wrong_and_makes_nothing():
    with pytest.raises(CommandError, match="timezone"):
        run("create_brand", "lumbre", "--timezone", "Europe/Atlantis")

    assert not Brand.objects.exists()


def test_create_brand_refuses_a_second_of_the_same_slug():
    run("create_brand", "lumbre")

    with pytest.raises(CommandError, match="lumbre"):
        run("create_brand", "lumbre")


def test_create_user_gives_a_role():
    run("create_brand", "lumbre")

    run("create_user", "Sofia@Lumbre.example", "--brand", "lumbre", "--role", "agent", "--name", "Sofía")

    user = User.objects.get()
    assert (user.email, user.name, user.is_staff) == ("sofia@lumbre.example", "Sofía", True)
    assert user.role_in(Brand.objects.get()) == Membership.Role.AGENT
    assert not user.has_usable_password()


def test_create_user_refuses_an_unknown_brand():
    with pytest.raises(CommandError, match="nadie"):
        run("create_user", "sofia@lumbre.example", "--brand", "nadie", "--role", "agent")

    assert not User.objects.exists()


def test_create_api_key_prints_the_key_alone():
    run("create_brand", "lumbre")

    printed = run("create_api_key", "--brand", "lumbre")

    key = ApiKey.objects.get()
    assert printed == printed.strip() + "\n"
    assert printed.startswith(f"pv_{key.prefix}_")
    assert key.scopes == list(Scope.values)


def test_create_api_key_keeps_to_the_scopes_named():
    run("create_brand", "lumbre")

    run("create_api_key", "--brand", "lumbre", "--scopes", "purchases:read,purchases:write", "links:read")

    assert ApiKey.objects.get().scopes == ["purchases:read", "purchases:write", "links:read"]


def test_create_api_key_refuses_an_unknown_scope():
    run("create_brand", "lumbre")

    with pytest.raises(CommandError, match="everything"):
        run("create_api_key", "--brand", "lumbre", "--scopes", "everything")

    assert not ApiKey.objects.exists()
