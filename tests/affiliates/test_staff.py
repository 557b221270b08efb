"""How somebody comes to work for a brand, and how they stop."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Brand, Membership, User
from affiliates.models import StaffInvitation
from affiliates.services import (
    accept_staff_invitation,
    change_staff_role,
    deactivate_person,
    forget_second_factor,
    invite_staff,
    reactivate_person,
    remove_staff,
    withdraw_staff_invitation,
)
from mailing.models import OutgoingMail
from mailing.selectors.story import preview_of
from tests.factories import NOW, PASSWORD, make_affiliate, make_brand, make_member, make_staff

pytestmark = pytest.mark.django_db
NEW = {"name": "Iván Soto", "password": "una-frase-bien-larga"}


@pytest.fixture
def brand() -> Brand:
    return make_brand(timezone="America/Mexico_City")


@pytest.fixture
def sofia(brand: Brand) -> User:
    return make_staff(brand)


def invite(brand: Brand, by: User, email: str = "Ivan@Lumbre.example", role: str = "agent", **moment: Any) -> Any:
    return invite_staff(brand, email, role=role, by=by, **{"now": timezone.now(), **moment})


def join_page(invitation: StaffInvitation) -> str:
    return f"/staff/join/{invitation.mail.token}/"


def role_of(user: User, brand: Brand) -> str | None:
    return Membership.objects.filter(user=user, brand=brand).values_list("role", flat=True).first()


# --- Invited -------------------------------------------------------------------------------------------------------
def test_the_whole_way_from_the_desk_to_it(brand: Brand, sofia: User, client: Client) -> None:
    client.force_login(sofia)
    client.post(
        "/admin/affiliates/staffinvitation/add/", {"brand": brand.pk, "email": "Ivan@Lumbre.example", "role": "agent"}
    )
    mail = OutgoingMail.objects.get()
    visitor = Client()
    page = f"/staff/join/{mail.token}/"

    assert mail.to_address == "ivan@lumbre.example"
    assert "Sofía" in preview_of(mail).text  # type: ignore[union-attr]
    assert "Lumbre" in visitor.get(page).text
    assert visitor.post(page, NEW).headers["Location"] == "/accounts/login/?joined"
    visitor.post("/accounts/login/", {"login": "ivan@lumbre.example", "password": NEW["password"]})
    ivan = User.objects.get(email="ivan@lumbre.example")
    assert (ivan.name, ivan.timezone, ivan.is_staff, role_of(ivan, brand)) == (
        *("Iván Soto", "America/Mexico_City", True, "agent"),
    )
    assert visitor.get("/admin/").status_code == 200
    assert visitor.get(page).status_code == 404


def test_with_an_account_one_joins_without_a_word_of_password(brand: Brand, sofia: User) -> None:
    other = make_staff(make_brand("brasa"), "Olga")
    invitation = invite(brand, sofia, other.email)

    Client().post(join_page(invitation))

    other.refresh_from_db()
    assert role_of(other, brand) == "agent"
    assert other.check_password(PASSWORD)


def test_a_weak_password_is_refused_and_nothing_is_made(brand: Brand, sofia: User) -> None:
    invitation = invite(brand, sofia)

    page = Client().post(join_page(invitation), {"name": "Iván", "password": "123"})

    assert page.status_code == 200
    assert not User.objects.filter(email="ivan@lumbre.example").exists()


@pytest.mark.parametrize("change", ["withdrawn", "run out", "invited again"])
def test_a_link_that_is_over_opens_nothing(brand: Brand, sofia: User, change: str) -> None:
    invitation = invite(brand, sofia)
    if change == "withdrawn":
        withdraw_staff_invitation(invitation, by=sofia, now=timezone.now())
    elif change == "run out":
        StaffInvitation.objects.update(expires_at=timezone.now())
    else:
        invite(brand, sofia)

    assert Client().get(join_page(invitation)).status_code == 404
    with pytest.raises(ValidationError):
        accept_staff_invitation(invitation, **NEW, now=timezone.now())


def test_withdrawn_its_mail_is_not_sent_and_it_is_withdrawn_once(brand: Brand, sofia: User) -> None:
    invitation = invite(brand, sofia)

    withdraw_staff_invitation(invitation, by=sofia, now=timezone.now())

    assert OutgoingMail.objects.get().state == "cancelled"
    with pytest.raises(ValidationError):
        withdraw_staff_invitation(invitation, by=sofia, now=timezone.now())


@pytest.mark.parametrize(
    ("email", "role"), [("nadie", "agent"), ("a@b.example", "boss"), ("sofia@lumbre.example", "agent")]
)
def test_refused_nobody_is_written_to(brand: Brand, sofia: User, email: str, role: str) -> None:
    with pytest.raises(ValidationError):
        invite(brand, sofia, email, role)

    assert not OutgoingMail.objects.exists()


def test_nobody_floods_mailboxes_with_invitations(brand: Brand, sofia: User) -> None:
    for number in range(20):
        invite(brand, sofia, f"persona{number}@lumbre.example", now=NOW)

    with pytest.raises(ValidationError):
        invite(brand, sofia, "una.mas@lumbre.example", now=NOW)
    invite(brand, sofia, "una.mas@lumbre.example", now=NOW + timedelta(days=1))


@pytest.mark.parametrize("role", ["agent", "analyst", "read_only"])
def test_only_administrators_decide_who_works_here(brand: Brand, sofia: User, role: str) -> None:
    ivan = make_staff(brand, "Iván", role)
    own, hers = ivan.memberships.get(), sofia.memberships.get()

    for attempt in (
        lambda: invite(brand, ivan, "otra@lumbre.example", "admin"),
        lambda: change_staff_role(own, "admin", by=ivan, now=NOW),
        lambda: remove_staff(hers, by=ivan, now=NOW),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    with pytest.raises(ValidationError):
        deactivate_person(sofia, by=ivan, now=NOW)
    assert (role_of(ivan, brand), role_of(sofia, brand)) == (role, "admin")


# --- Let go --------------------------------------------------------------------------------------------------------
def test_the_last_administrator_stays_one(brand: Brand, sofia: User) -> None:
    closed = make_staff(brand, "Lola")
    User.objects.filter(pk=closed.pk).update(is_active=False)
    membership = sofia.memberships.get()

    for attempt in (
        lambda: remove_staff(membership, by=sofia, now=NOW),
        lambda: change_staff_role(membership, "agent", by=sofia, now=NOW),
    ):
        with pytest.raises(ValidationError) as refusal:
            attempt()
        assert refusal.value.code == "last_administrator"
    assert role_of(sofia, brand) == "admin"

    make_staff(brand, "Marta")
    change_staff_role(membership, "agent", by=sofia, now=NOW)
    assert role_of(sofia, brand) == "agent"


def test_whoever_is_let_go_leaves_the_desk_at_once_and_keeps_other_roles(brand: Brand, sofia: User) -> None:
    ivan = make_staff(brand, "Ivan", "agent")
    client = Client()
    client.force_login(ivan)
    other = make_brand("brasa")
    elsewhere = Membership.objects.create(user=ivan, brand=other, role="analyst")

    remove_staff(ivan.memberships.get(brand=brand), by=sofia, now=NOW)
    assert list(Brand.objects.visible_to(ivan)) == [other]
    assert client.get("/admin/").status_code == 200

    remove_staff(elsewhere, by=make_staff(other, "Olga"), now=NOW)
    ivan.refresh_from_db()
    assert (ivan.is_staff, ivan.is_active) == (False, True)
    assert client.get("/admin/").status_code == 302


def test_a_closed_account_is_signed_out_at_once_and_can_be_opened_again(brand: Brand, sofia: User) -> None:
    ivan = make_staff(brand, "Ivan", "agent")
    client = Client()
    client.force_login(ivan)

    deactivate_person(ivan, by=sofia, now=NOW)
    assert client.get("/admin/").status_code == 302
    assert Client().post("/accounts/login/", {"login": ivan.email, "password": PASSWORD}).status_code == 200

    reactivate_person(ivan, by=sofia, now=NOW)
    assert Client().post("/accounts/login/", {"login": ivan.email, "password": PASSWORD}).status_code == 302


def test_who_lost_their_second_factor_is_let_in_to_set_up_another(brand: Brand, sofia: User, client: Client) -> None:
    ivan, inside = make_staff(brand, "Ivan", "agent"), Client()
    inside.post("/accounts/login/", {"login": ivan.email, "password": PASSWORD})
    Authenticator.objects.create(user=ivan, type=Authenticator.Type.TOTP, data={"secret": "lost"})
    Authenticator.objects.create(user=ivan, type=Authenticator.Type.RECOVERY_CODES, data={"seed": "lost"})
    client.force_login(sofia)

    client.post(f"/admin/accounts/user/{ivan.pk}/second_factor/")

    assert not Authenticator.objects.filter(user=ivan).exists()
    assert inside.get("/admin/").status_code == 302
    assert OutgoingMail.objects.get(to_address=ivan.email).template == "accounts/notice"
    changed = AuditEntry.objects.get(object_type="user", object_id=str(ivan.pk))
    assert (changed.user, changed.data) == (sofia, {"second_factor": [True, False]})
    # Nothing is left to take away, and nobody is offered it.
    assert "second_factor/" not in client.get(f"/admin/accounts/user/{ivan.pk}/change/").text


@pytest.mark.parametrize("where", ["another brand", "an affiliate", "everywhere", "oneself"])
def test_a_second_factor_that_guards_other_places_too_is_an_operators_to_take(
    brand: Brand, sofia: User, where: str
) -> None:
    person = somebody(brand, sofia, where)
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})
    operator = User.objects.create_superuser("operadora@lumbre.example")

    with pytest.raises(ValidationError):
        forget_second_factor(person, by=sofia, now=NOW)
    assert Authenticator.objects.filter(user=person).exists()

    forget_second_factor(person, by=operator, now=NOW)
    assert not Authenticator.objects.filter(user=person).exists()


def somebody(brand: Brand, sofia: User, where: str) -> User:
    """Whom Sofía's brand has not alone."""
    person = sofia if where == "oneself" else make_staff(brand, "Ivan", "agent")
    if where == "another brand":
        Membership.objects.create(user=person, brand=make_brand("brasa"), role="agent")
    elif where == "an affiliate":
        make_affiliate(brand).members.create(user=person)
    elif where == "everywhere":
        User.objects.filter(pk=person.pk).update(is_superuser=True)
        person.refresh_from_db()
    return person


@pytest.mark.parametrize("where", ["another brand", "an affiliate", "everywhere", "oneself"])
def test_an_account_that_others_need_too_is_not_closed(brand: Brand, sofia: User, where: str) -> None:
    person = somebody(brand, sofia, where)

    with pytest.raises(ValidationError):
        deactivate_person(person, by=sofia, now=NOW)

    person.refresh_from_db()
    assert person.is_active


# --- At the desk ---------------------------------------------------------------------------------------------------
def test_staff_are_changed_by_decisions_alone(brand: Brand, sofia: User, client: Client) -> None:
    ivan = make_staff(brand, "Ivan", "agent")
    membership = ivan.memberships.get()
    client.force_login(sofia)
    pages = f"/admin/accounts/membership/{membership.pk}"

    client.post(f"{pages}/change/", {"role": "admin", "user": sofia.pk, "brand": brand.pk})
    assert role_of(ivan, brand) == "agent"
    client.post(f"{pages}/role/", {"role": "analyst"})
    assert role_of(ivan, brand) == "analyst"
    client.post(f"{pages}/remove/", {})
    assert role_of(ivan, brand) is None


def test_who_let_whom_do_what_is_on_record(brand: Brand, sofia: User) -> None:
    accept_staff_invitation(invite(brand, sofia), **NEW, now=timezone.now())
    ivan = User.objects.get(email="ivan@lumbre.example")
    membership = ivan.memberships.get()
    change_staff_role(membership, "analyst", by=sofia, now=NOW)
    deactivate_person(ivan, by=sofia, now=NOW)
    reactivate_person(ivan, by=sofia, now=NOW)
    remove_staff(membership, by=sofia, now=NOW)

    entries = AuditEntry.objects.filter(brand=brand).order_by("pk")
    assert [(entry.user, entry.object_type, entry.action) for entry in entries] == [
        (sofia, "staffinvitation", "added"),
        (ivan, "membership", "added"),
        (sofia, "membership", "changed"),
        (sofia, "user", "changed"),
        (sofia, "user", "changed"),
        (sofia, "membership", "deleted"),
    ]
    assert entries[2].data == {"role": ["agent", "analyst"]}
    assert not any("ivan" in str(entry.data).lower() for entry in entries)


def test_people_of_other_brands_are_not_seen_nor_closed(brand: Brand, sofia: User, client: Client) -> None:
    other = make_brand("brasa")
    olga = make_staff(other, "Olga")
    Membership.objects.create(user=sofia, brand=other, role="agent")
    client.force_login(sofia)

    assert olga.email not in client.get("/admin/accounts/user/").text
    assert olga.email not in client.get("/admin/accounts/membership/").text
    assert client.post(f"/admin/accounts/user/{olga.pk}/close/").status_code == 404


def test_a_refusal_stands_at_the_form(brand: Brand, sofia: User, client: Client) -> None:
    client.force_login(sofia)

    page = client.post(f"/admin/accounts/membership/{sofia.memberships.get().pk}/remove/", {})

    assert page.status_code == 200
    assert "desk-refusal" in page.text
    assert role_of(sofia, brand) == "admin"


def test_a_member_of_an_affiliate_may_work_for_the_brand_too(brand: Brand, sofia: User) -> None:
    ana = make_member(make_affiliate(brand))

    accept_staff_invitation(invite(brand, sofia, ana.email), now=timezone.now())

    ana.refresh_from_db()
    assert (ana.is_staff, role_of(ana, brand)) == (True, "agent")
