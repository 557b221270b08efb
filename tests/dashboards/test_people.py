"""Who signs in for an affiliate: invited, given a role and let go by its owners, in the portal."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from affiliates.models import Affiliate, AffiliateEvent, AffiliateMember, MemberInvitation
from affiliates.services import invite_member
from affiliates.services.members import MAX_INVITATIONS_A_DAY
from mailing.models import OutgoingMail
from mailing.rendering import texts_of
from tests.factories import NOW, make_affiliate, make_member, make_staff, make_user
from tests.insights.conftest import Shop

PEOPLE = "/portal/people/"
ROLE, REMOVE, WITHDRAW = f"{PEOPLE}role/", f"{PEOPLE}remove/", f"{PEOPLE}withdraw/"
Role = AffiliateMember.Role


@pytest.fixture
def other(ana: Affiliate) -> AffiliateMember:
    """A second person, who is no owner."""
    user = make_user("marta@correo.example", "Marta Gil")
    return AffiliateMember.objects.create(affiliate=ana, user=user, role=Role.MEMBER, accepted_terms_at=NOW)


def roles(affiliate: Affiliate) -> dict[str, str]:
    return dict(affiliate.members.order_by("user__name").values_list("user__name", "role"))


def pending(affiliate: Affiliate) -> list[tuple[str, str]]:
    return list(affiliate.invitations.pending().order_by("pk").values_list("email", "role"))


# --- Invite ----------------------------------------------------------------------------------------------------------
def test_an_owner_invites_and_who_follows_the_link_signs_in(as_ana: Client, ana: Affiliate) -> None:
    response = as_ana.post(PEOPLE, {"email": " Marta@Correo.example", "role": "member"})

    assert response.headers["Location"] == PEOPLE
    assert pending(ana) == [("marta@correo.example", "member")]
    assert "marta@correo.example" in as_ana.get(PEOPLE).text
    mail = OutgoingMail.objects.get()
    assert (mail.to_address, mail.guarantee) == ("marta@correo.example", "at_least_once")
    link = f"/affiliates/join/{mail.token}/"
    assert link in texts_of(mail).text
    Client().post(link, {"name": "Marta Gil", "password": "una-clave-larga-de-verdad"})
    assert roles(ana) == {"Ana": "owner", "Marta Gil": "member"}
    assert pending(ana) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "nadie", "role": "member"}, "email"),
        ({"email": "", "role": "member"}, "email"),
        ({"email": "a@correo.example", "role": "boss"}, "role"),
        ({"email": "ana@lumbre-afiliados.example", "role": "member"}, "email"),
    ],
)
def test_what_does_not_hold_is_said(as_ana: Client, ana: Affiliate, given: dict[str, str], field: str) -> None:
    response = as_ana.post(PEOPLE, given)

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert response.context["form"]["email"].value() == given["email"]
    assert not MemberInvitation.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_nobody_is_flooded_with_invitations(as_ana: Client, ana: Affiliate) -> None:
    for number in range(MAX_INVITATIONS_A_DAY):
        as_ana.post(PEOPLE, {"email": "marta@correo.example", "role": "member"})
        assert MemberInvitation.objects.count() == number + 1

    refused = as_ana.post(PEOPLE, {"email": "marta@correo.example", "role": "member"})

    assert list(refused.context["form"].errors) == ["__all__"]
    assert MemberInvitation.objects.count() == MAX_INVITATIONS_A_DAY
    assert pending(ana) == [("marta@correo.example", "member")]


def test_another_link_makes_the_first_one_void(as_ana: Client, ana: Affiliate) -> None:
    as_ana.post(PEOPLE, {"email": "marta@correo.example", "role": "owner"})
    first = OutgoingMail.objects.get()

    as_ana.post(PEOPLE, {"email": "marta@correo.example", "role": "owner"})

    assert Client().get(f"/affiliates/join/{first.token}/").status_code == 404
    assert pending(ana) == [("marta@correo.example", "owner")]
    newest = OutgoingMail.objects.order_by("-pk")[0]
    assert Client().get(f"/affiliates/join/{newest.token}/").status_code == 200


def test_an_invitation_is_withdrawn_and_it_is_on_record(as_ana: Client, ana: Affiliate) -> None:
    as_ana.post(PEOPLE, {"email": "marta@correo.example", "role": "member"})
    invitation = MemberInvitation.objects.get()

    for _time in range(2):
        response = as_ana.post(WITHDRAW, {"invitation": invitation.pk})
        assert response.headers["Location"] == PEOPLE

    mail = OutgoingMail.objects.get()
    assert Client().get(f"/affiliates/join/{mail.token}/").status_code == 404
    assert mail.state == "cancelled"
    assert pending(ana) == []
    [event] = AffiliateEvent.objects.filter(kind="uninvited")
    assert (event.by, event.note) == (ana.members.get().user, "m…@correo.example")


# --- Roles and leaving -----------------------------------------------------------------------------------------------
def test_a_member_becomes_an_owner_and_back(as_ana: Client, ana: Affiliate, other: AffiliateMember) -> None:
    as_ana.post(ROLE, {"person": other.pk, "role": "owner"})
    assert roles(ana) == {"Ana": "owner", "Marta Gil": "owner"}

    as_ana.post(ROLE, {"person": other.pk, "role": "member"})
    assert roles(ana) == {"Ana": "owner", "Marta Gil": "member"}


def test_to_remove_somebody_asks_first(as_ana: Client, ana: Affiliate, other: AffiliateMember) -> None:
    asked = as_ana.post(REMOVE, {"person": other.pk})

    assert asked.status_code == 200
    assert "Marta Gil" in asked.text
    assert roles(ana) == {"Ana": "owner", "Marta Gil": "member"}

    done = as_ana.post(REMOVE, {"person": other.pk, "sure": "yes"})

    assert done.headers["Location"] == PEOPLE
    assert roles(ana) == {"Ana": "owner"}
    assert User.objects.filter(email="marta@correo.example").exists()


def test_the_last_owner_cannot_go(as_ana: Client, ana: Affiliate, other: AffiliateMember) -> None:
    own = ana.members.get(role=Role.OWNER)

    as_ana.post(ROLE, {"person": own.pk, "role": "member"})
    refused = as_ana.post(REMOVE, {"person": own.pk, "sure": "yes"}, follow=True)

    assert roles(ana) == {"Ana": "owner", "Marta Gil": "member"}
    assert "notice-error" in refused.text


def test_an_owner_may_go_where_there_is_another(as_ana: Client, ana: Affiliate, other: AffiliateMember) -> None:
    as_ana.post(ROLE, {"person": other.pk, "role": "owner"})

    gone = as_ana.post(REMOVE, {"person": ana.members.get(user__name="Ana").pk, "sure": "yes"})

    assert gone.headers["Location"] == "/"
    assert roles(ana) == {"Marta Gil": "owner"}
    assert as_ana.get("/portal/affiliates/lumbre/ana/people/").status_code == 404


def test_who_was_removed_meanwhile_is_no_error(as_ana: Client, ana: Affiliate, other: AffiliateMember) -> None:
    pk = other.pk
    other.delete()

    for path, given in ((REMOVE, {"sure": "yes"}), (ROLE, {"role": "owner"})):
        assert as_ana.post(path, {"person": pk, **given}).headers["Location"] == PEOPLE
    assert as_ana.get(REMOVE).headers["Location"] == PEOPLE


# --- Who may ---------------------------------------------------------------------------------------------------------
POSTS: list[tuple[str, dict[str, str]]] = [
    (PEOPLE, {"email": "nueva@correo.example", "role": "owner"}),
    (ROLE, {"role": "member"}),
    (REMOVE, {"sure": "yes"}),
    (WITHDRAW, {}),
]


def test_a_member_reads_and_changes_nothing(client: Client, ana: Affiliate, other: AffiliateMember) -> None:
    make_member(ana)
    invitation = invite_member(ana, "nueva@correo.example", by=None, now=NOW)
    client.force_login(other.user)

    page = client.get(PEOPLE)

    assert page.status_code == 200
    assert "Ana" in page.text
    assert 'method="post" action="/portal/people' not in page.text
    for path, given in POSTS:
        assert client.post(path, {"person": other.pk, "invitation": invitation.pk, **given}).status_code == 403
    assert roles(ana) == {"Ana": "owner", "Marta Gil": "member"}
    assert pending(ana) == [("nueva@correo.example", "owner")]


def test_staff_read_and_change_nothing_here(client: Client, shop: Shop, ana: Affiliate, other: AffiliateMember) -> None:
    client.force_login(make_staff(shop.brand))
    own = "/portal/affiliates/lumbre/ana/"

    assert "Marta Gil" in client.get(f"{own}people/").text
    for path, given in POSTS:
        assert client.post(path.replace("/portal/", own), {"person": other.pk, **given}).status_code == 403
    assert roles(ana) == {"Marta Gil": "member"}


def test_a_rivals_people_are_out_of_reach(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    bruno = make_affiliate(shop.brand, "Bruno")
    make_member(bruno)
    theirs = bruno.members.get()
    invitation = invite_member(bruno, "nueva@correo.example", by=None, now=NOW)

    for path, given in POSTS[1:]:
        as_ana.post(path, {"person": theirs.pk, "invitation": invitation.pk, **given})
        at_bruno = path.replace("/portal/", "/portal/affiliates/lumbre/bruno/")
        assert as_ana.post(at_bruno, {"person": theirs.pk, "invitation": invitation.pk, **given}).status_code == 404

    assert "Bruno" not in as_ana.get(PEOPLE).text
    assert as_ana.get("/portal/affiliates/lumbre/bruno/people/").status_code == 404
    assert roles(bruno) == {"Bruno": "owner"}
    assert pending(bruno) == [("nueva@correo.example", "owner")]


def test_a_form_from_elsewhere_is_refused(ana: Affiliate) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(ana))

    assert [client.post(path, given).status_code for path, given in POSTS] == [403] * len(POSTS)


def test_a_list_asks_as_much_for_three_people_as_for_one(
    as_ana: Client, ana: Affiliate, django_assert_num_queries: Any
) -> None:
    invite_member(ana, "uno@correo.example", by=None, now=NOW)
    as_ana.get(PEOPLE)
    with django_assert_num_queries(20, exact=False) as one:
        as_ana.get(PEOPLE)
    for number in range(2):
        AffiliateMember.objects.create(affiliate=ana, user=make_user(f"{number}@correo.example", "Otra"))
        invite_member(ana, f"otra{number}@correo.example", by=None, now=NOW)

    with django_assert_num_queries(len(one)):
        as_ana.get(PEOPLE)
