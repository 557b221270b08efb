import pytest
from django.core.exceptions import ValidationError

from accounts.authentication import hash_secret
from accounts.models import ApiKey, Membership, Scope, User
from accounts.services import add_staff, create_api_key
from tests import factories

pytestmark = pytest.mark.django_db


def test_create_api_key_keeps_only_the_hash() -> None:
    brand = factories.make_brand()

    key, text = create_api_key(brand, name="tienda")

    assert text.startswith(f"pv_{key.prefix}_")
    secret = text.removeprefix(f"pv_{key.prefix}_")
    stored = ApiKey.objects.get()
    assert bytes(stored.secret_hash) == hash_secret(secret)
    assert secret not in str(ApiKey.objects.values())
    assert stored.scopes == Scope.values


def test_create_api_key_refuses_unknown_scopes() -> None:
    with pytest.raises(ValidationError, match="everything"):
        create_api_key(factories.make_brand(), name="tienda", scopes=["everything"])

    assert not ApiKey.objects.exists()


def test_add_staff_twice_changes_the_role_and_not_the_person() -> None:
    brand = factories.make_brand(timezone="America/Mexico_City")
    add_staff(brand, "Sofia@Lumbre.example", role="agent", password="correct-horse-battery", name="Sofía")

    user = add_staff(brand, " sofia@lumbre.example ", role="admin", password="another-long-password")

    assert User.objects.get() == user
    assert user.check_password("correct-horse-battery")
    assert user.is_staff
    assert user.timezone == "America/Mexico_City"
    assert Membership.objects.get().role == "admin"


@pytest.mark.parametrize(
    ("email", "role", "password"),
    [
        ("nadie", "admin", "correct-horse-battery"),
        ("a@b.example", "boss", "correct-horse-battery"),
        ("a@b.example", "admin", "123"),
    ],
)
def test_add_staff_refuses(email: str, role: str, password: str) -> None:
    with pytest.raises(ValidationError):
        add_staff(factories.make_brand(), email, role=role, password=password)

    assert not User.objects.exists()
    assert not Membership.objects.exists()
