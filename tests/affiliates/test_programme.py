"""How affiliates get in, are let go and come back; who signs in for them; and all of it on record."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, Brand, Membership, User
from affiliates.models import Affiliate, AffiliateEvent, AffiliateMember, MemberInvitation
from affiliates.services import (
    AffiliateInput,
    accept_invitation,
    apply_to_programme,
    approve_affiliate,
    change_role,
    enter_affiliate,
    import_affiliates,
    invite_member,
    reactivate_affiliate,
    remove_member,
    suspend_affiliate,
)
from mailing.models import OutgoingMail
from mailing.rendering import render
from tests.factories import (
    NOW,
    PASSWORD,
    make_affiliate,
    make_brand,
    make_customer,
    make_member,
    make_purchase,
    make_staff,
    make_user,
)
from tests.surveys.factories import make_invitation, send_mail

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ANA = {"name": "Ana", "email": "ana@blog.example", "text": "Escribo sobre montaña"}


@pytest.fixture
def brand() -> Brand:
    return make_brand(accepts_applications=True)


@pytest.fixture
def staff(brand: Brand) -> User:
    return make_staff(brand)


@pytest.fixture
def sofia(staff: User) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(staff)
    return client


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand, email="ana@blog.example")


@pytest.fixture(autouse=True)
def nobody_has_applied_today() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def events() -> list[tuple[str, str, str]]:
    rows = AffiliateEvent.objects.order_by("pk").select_related("by")
    return [(row.kind, row.by.name if row.by else "", row.note) for row in rows]


def apply(brand: Brand, client: Client | None = None, **fields: str) -> Any:
    return (client or Client()).post(reverse("affiliates:apply", args=[brand.slug]), ANA | fields)


# --- Applying --------------------------------------------------------------------------------------------------------
def test_an_application_waits_for_a_person(brand):
    page = Client().get(reverse("affiliates:apply", args=["lumbre"]))
    assert page.status_code == 200

    response = apply(brand, email="Ana@Blog.example")

    assert response["Location"] == reverse("affiliates:applied", args=["lumbre"])
    assert Client().get(response["Location"]).status_code == 200
    applicant = Affiliate.objects.get()
    assert (applicant.name, applicant.email, applicant.status, applicant.joined_at) == (
        "Ana",
        "ana@blog.example",
        "applied",
        None,
    )
    assert events() == [("applied", "", "Escribo sobre montaña")]
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("who", ["affiliate", "member", "applicant"])
def test_who_is_known_gets_the_same_answer_and_nothing_is_stored(brand, who):
    stranger = apply(brand, email="nadie@correo.example")
    if who == "affiliate":
        make_affiliate(brand, email="Ana@Blog.example", status="suspended")
    elif who == "member":
        AffiliateMember.objects.create(affiliate=make_affiliate(brand), user=make_user("ana@blog.example", "Ana"))
    else:
        apply(brand)
    before = Affiliate.objects.count()

    response = apply(brand)

    assert (response.status_code, response["Location"]) == (stranger.status_code, stranger["Location"])
    assert Affiliate.objects.count() == before


def test_one_address_cannot_apply_for_everybody(brand):
    answers = [apply(brand, email=f"ana{number}@blog.example").status_code for number in range(7)]

    assert answers == [302] * 5 + [429] * 2
    assert Affiliate.objects.count() == 5


def test_a_brand_that_takes_no_applications_has_no_page(brand):
    Brand.objects.update(accepts_applications=False)

    assert apply(brand).status_code == 404
    assert Client().get(reverse("affiliates:apply", args=["nadie"])).status_code == 404
    assert not Affiliate.objects.exists()


@pytest.mark.parametrize("fields", [{"name": " "}, {"email": "ana"}, {"text": "a" * 1001}])
def test_an_application_that_lacks_something_comes_back(brand, fields):
    response = apply(brand, **fields)

    assert response.status_code == 200
    assert list(response.context["form"].errors) == list(fields)
    assert not Affiliate.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_ten_simultaneous_applications_one_is_kept():
    brand, barrier = make_brand(), Barrier(10)

    def ask(_i: int) -> None:
        barrier.wait()
        try:
            apply_to_programme(brand, **ANA, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(ask, range(10)))

    assert Affiliate.objects.count() == 1


# --- From one state to the next --------------------------------------------------------------------------------------
def test_an_applicant_is_let_in_under_a_code_and_gets_a_link(brand, staff):
    apply_to_programme(brand, **ANA, now=NOW)

    ana = approve_affiliate(Affiliate.objects.get(), code="ana", by=staff, now=NOW)

    assert (ana.code, ana.status, ana.joined_at) == ("ana", "active", NOW)
    assert [kind for kind, _by, _note in events()] == ["applied", "approved", "member_invited"]
    invitation = MemberInvitation.objects.get()
    assert (invitation.email, invitation.role, invitation.invited_by) == ("ana@blog.example", "owner", staff)
    mail = invitation.mail
    assert (mail.to_address, mail.guarantee, mail.scopes) == ("ana@blog.example", "at_least_once", [])
    message = render(mail, now=NOW)
    assert f"/affiliates/join/{mail.token}/" in message.texts.text
    assert f"/affiliates/join/{mail.token}/" in (message.texts.html or "")
    assert message.sender == "atencion@lumbre.example"


@pytest.mark.parametrize("code", ["bruno", "a b", ""])
def test_nobody_is_let_in_under_a_code_that_cannot_be(brand, staff, code):
    make_affiliate(brand, "Bruno")
    apply_to_programme(brand, **ANA, now=NOW)
    applicant = Affiliate.objects.get(status="applied")

    with pytest.raises(ValidationError) as refusal:
        approve_affiliate(applicant, code=code, by=staff, now=NOW)

    assert list(refusal.value.message_dict) == ["code"]
    assert Affiliate.objects.get(pk=applicant.pk).status == "applied"
    assert not OutgoingMail.objects.exists()


def test_suspended_and_back(ana, staff):
    suspended = suspend_affiliate(ana, note="Promete lo que no hay", by=staff, now=NOW)
    assert suspended.status == "suspended"

    back = reactivate_affiliate(suspended, by=staff, now=NOW + DAY)

    assert (back.status, back.joined_at) == ("active", ana.joined_at)
    assert events() == [("suspended", "Sofía", "Promete lo que no hay"), ("reactivated", "Sofía", "")]


def test_declining_closes_the_links_that_were_sent(brand, staff):
    invited = enter_affiliate(
        Affiliate(brand=brand, code="ana", name="Ana", email="ana@blog.example", status="invited"), by=staff, now=NOW
    )

    suspend_affiliate(invited, note="No encaja", by=staff, now=NOW)

    assert [kind for kind, _by, _note in events()] == ["invited", "member_invited", "declined"]
    assert MemberInvitation.objects.get().withdrawn_at == NOW
    assert OutgoingMail.objects.get().state == "cancelled"


@pytest.mark.parametrize("status", ["active", "suspended", "invited"])
def test_a_step_that_does_not_follow_is_refused(brand, staff, status):
    ana = make_affiliate(brand, status=status)
    steps = [lambda: approve_affiliate(ana, code="ana", by=staff, now=NOW)]
    steps += [lambda: suspend_affiliate(ana, note="x", by=staff, now=NOW)] if status == "suspended" else []
    steps += [lambda: reactivate_affiliate(ana, by=staff, now=NOW)] if status != "suspended" else []

    for step in steps:
        with pytest.raises(ValidationError):
            step()

    ana.refresh_from_db()
    assert ana.status == status
    assert events() == []


def test_nobody_is_suspended_without_a_reason(ana, staff):
    with pytest.raises(ValidationError):
        suspend_affiliate(ana, note=" ", by=staff, now=NOW)

    assert Affiliate.objects.get().is_active


# --- People ----------------------------------------------------------------------------------------------------------
def test_whoever_follows_the_link_chooses_a_password_and_is_in(brand, staff, today):
    enter_affiliate(
        Affiliate(brand=brand, code="ana", name="Ana", email="ana@blog.example", status="invited"), by=staff, now=NOW
    )
    link = reverse("affiliates:join", args=[OutgoingMail.objects.get().token])
    page = Client(enforce_csrf_checks=True).get(link)
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "no-referrer"
    assert not page.cookies
    assert not User.objects.filter(email="ana@blog.example").exists()

    visitor = Client(enforce_csrf_checks=True)
    response = visitor.post(link, {"name": "Ana Ríos", "password": "monte-arriba-99"})

    assert response["Location"] == f"{reverse('account_login')}?joined"
    assert 'role="status"' in visitor.get(response["Location"]).text
    assert 'role="status"' not in visitor.get(reverse("account_login")).text
    user = User.objects.get(email="ana@blog.example")
    assert user.check_password("monte-arriba-99")
    assert (user.name, user.is_staff) == ("Ana Ríos", False)
    assert AffiliateMember.objects.get().role == "owner"
    ana = Affiliate.objects.get()
    assert (ana.status, ana.joined_at) == ("active", NOW)
    assert events()[-1] == ("member_joined", "Ana Ríos", "")
    assert Client().get(link).status_code == 404


def test_who_has_an_account_keeps_its_password(ana, staff, today):
    bea = make_user("bea@blog.example", "Bea")
    invite_member(ana, "Bea@blog.example", role="member", by=staff, now=NOW)
    link = reverse("affiliates:join", args=[OutgoingMail.objects.get().token])

    assert 'type="password"' not in Client().get(link).text
    Client().post(link, {"name": "Otra", "password": "otra-clave-distinta"})

    bea.refresh_from_db()
    assert bea.name == "Bea"
    assert bea.check_password(PASSWORD)
    assert AffiliateMember.objects.get(user=bea).role == "member"


@pytest.mark.parametrize("password", ["corta", "password123", "ana@blog.example"])
def test_a_weak_password_is_refused_and_the_link_stays(ana, staff, today, password):
    invite_member(ana, "ana@blog.example", by=staff, now=NOW)
    link = reverse("affiliates:join", args=[OutgoingMail.objects.get().token])

    response = Client().post(link, {"name": "Ana", "password": password})

    assert list(response.context["form"].errors) == ["password"]
    assert not AffiliateMember.objects.exists()
    assert Client().get(link).status_code == 200


def test_a_new_link_replaces_the_old_one(ana, staff, today):
    first = invite_member(ana, "ana@blog.example", by=staff, now=NOW)

    second = invite_member(ana, "ANA@blog.example", by=staff, now=NOW)

    opens = {i.pk: Client().get(reverse("affiliates:join", args=[i.mail.token])).status_code for i in (first, second)}
    assert opens == {first.pk: 404, second.pk: 200}
    assert sorted(OutgoingMail.objects.values_list("state", flat=True)) == ["cancelled", "queued"]


def test_a_link_ends_after_two_weeks_and_with_the_affiliate(ana, staff):
    invitation = invite_member(ana, "ana@blog.example", by=staff, now=NOW)
    link = reverse("affiliates:join", args=[invitation.mail.token])
    with time_machine.travel(NOW + 14 * DAY, tick=False):
        assert Client().get(link).status_code == 404

    suspend_affiliate(ana, note="Fraude", by=staff, now=NOW)

    with pytest.raises(ValidationError):
        accept_invitation(invitation, name="Ana", password="monte-arriba-99", now=NOW)
    assert not AffiliateMember.objects.exists()


@pytest.mark.parametrize("token", ["A" * 22, "x", "%00"])
def test_an_unknown_link_leads_nowhere(token):
    assert Client().get(f"/affiliates/join/{token}/").status_code == 404


def test_a_link_of_another_mail_opens_no_door(ana, staff, today):
    mail = send_mail(make_invitation(make_purchase(make_customer(ana.brand))))

    assert Client().get(reverse("affiliates:join", args=[mail.token])).status_code == 404


def test_who_is_a_member_or_sells_no_more_is_not_invited(ana, staff):
    member = make_member(ana)
    with pytest.raises(ValidationError):
        invite_member(ana, member.email, by=staff, now=NOW)
    suspend_affiliate(ana, note="Fraude", by=staff, now=NOW)
    with pytest.raises(ValidationError):
        invite_member(ana, "otra@blog.example", by=staff, now=NOW)

    assert not OutgoingMail.objects.exists()


def test_an_affiliate_keeps_an_owner(ana, staff):
    make_member(ana)
    owner = AffiliateMember.objects.get()
    helper = AffiliateMember.objects.create(affiliate=ana, user=make_user("bea@blog.example", "Bea"), role="member")
    with pytest.raises(ValidationError):
        remove_member(owner, by=staff, now=NOW)
    with pytest.raises(ValidationError):
        change_role(owner, "member", by=staff, now=NOW)

    change_role(helper, "owner", by=staff, now=NOW)
    change_role(helper, "owner", by=staff, now=NOW)
    remove_member(owner, by=staff, now=NOW)

    assert list(AffiliateMember.objects.values_list("user__email", "role")) == [("bea@blog.example", "owner")]
    assert [kind for kind, _by, _note in events()] == ["role_changed", "member_removed"]
    assert User.objects.filter(pk=owner.user_id, is_active=True).exists()


# --- In sets ---------------------------------------------------------------------------------------------------------
def test_an_import_adds_and_updates_and_never_moves_anybody(brand, ana):
    given = [
        AffiliateInput("bruno", "Bruno", email="bruno@blog.example"),
        AffiliateInput("ana", "Ana Ríos", status="suspended"),
        AffiliateInput("bruno", "Bruno"),
        AffiliateInput("a b", "Nadie"),
        AffiliateInput("olmo", status="suspended"),
    ]

    results = import_affiliates(brand, given, now=NOW)

    assert [each.status for each in results] == ["created", "updated", "duplicate", "rejected", "created"]
    assert list(Affiliate.objects.values_list("code", "name", "email", "status", "joined_at")) == [
        ("ana", "Ana Ríos", "ana@blog.example", "active", ana.joined_at),
        ("bruno", "Bruno", "bruno@blog.example", "active", NOW),
        ("olmo", "olmo", "", "suspended", None),
    ]
    assert [kind for kind, _by, _note in events()] == ["imported", "imported"]
    assert not OutgoingMail.objects.exists()


def test_an_import_takes_as_many_statements_for_many_as_for_few(brand, django_assert_num_queries):
    def rows(prefix: str, count: int) -> list[AffiliateInput]:
        return [AffiliateInput(f"{prefix}{number}", f"Afiliado {number}") for number in range(count)]

    with django_assert_num_queries(8, exact=False) as few:
        import_affiliates(brand, rows("a", 2), now=NOW)

    with django_assert_num_queries(len(few)):
        import_affiliates(brand, rows("b", 200), now=NOW)


def test_what_staff_export_can_be_imported_elsewhere(brand, ana, sofia, tmp_path: Path, capsys, monkeypatch):
    make_affiliate(brand, "Bruno", status="suspended", public_name="=Bruno")
    url = reverse("admin:affiliates_affiliate_changelist")
    chosen = list(Affiliate.objects.values_list("pk", flat=True))
    response = sofia.post(url, {"action": "export", "_selected_action": chosen})
    file = tmp_path / "afiliados.csv"
    file.write_bytes(response.content)
    other = make_brand("faro")

    call_command("import_affiliates", str(file), "--brand", "faro")

    assert capsys.readouterr().out.splitlines()[-1] == "2 imported, 0 updated, 0 duplicate, 0 rejected"
    assert list(Affiliate.objects.filter(brand=other).values_list("code", "email", "status", "public_name")) == [
        ("ana", "ana@blog.example", "active", ""),
        ("bruno", "", "suspended", "'=Bruno"),
    ]
    assert list(AccessLog.objects.values_list("purpose", "object_type")) == [("export", "affiliate")]


# --- At the desk -----------------------------------------------------------------------------------------------------
def decide(client: Client, affiliate: Affiliate, name: str, **given: str) -> Any:
    return client.post(reverse("admin:affiliates_affiliate_decide", args=[affiliate.pk, name]), given)


def test_staff_take_an_affiliate_through_the_programme(brand, sofia):
    apply(brand)
    ana = Affiliate.objects.get()

    assert decide(sofia, ana, "approve", code="ana").status_code == 302
    assert decide(sofia, ana, "suspend", note="Promete lo que no hay").status_code == 302
    assert decide(sofia, ana, "reactivate").status_code == 302
    assert decide(sofia, ana, "invite", email="bea@blog.example", role="member").status_code == 302

    text = sofia.get(reverse("admin:affiliates_affiliate_change", args=[ana.pk])).text
    assert [kind for kind, _by, _note in events()] == [
        *("applied", "approved", "member_invited", "suspended", "reactivated", "member_invited")
    ]
    assert "Promete lo que no hay" in text
    assert len(re.findall("bea@blog.example", text)) >= 2  # among the invitations, and in the history


def test_staff_remove_people_of_this_affiliate_only(brand, ana, sofia):
    bruno = make_affiliate(brand, "Bruno")
    make_member(bruno)
    make_member(ana)
    AffiliateMember.objects.create(affiliate=ana, user=make_user("bea@blog.example", "Bea"), role="member")
    his = AffiliateMember.objects.get(affiliate=bruno)

    refused = decide(sofia, ana, "remove", member=str(his.pk))
    last = decide(sofia, bruno, "remove", member=str(his.pk))
    removed = decide(sofia, ana, "remove", member=str(AffiliateMember.objects.get(role="member").pk))

    assert (refused.status_code, last.status_code, removed.status_code) == (200, 200, 302)
    assert "An affiliate needs an owner" in last.text
    assert AffiliateMember.objects.count() == 2


def test_a_step_that_is_not_offered_leads_back(ana, sofia):
    response = decide(sofia, ana, "reactivate")

    assert response["Location"] == reverse("admin:affiliates_affiliate_change", args=[ana.pk])
    assert events() == []


def test_where_an_affiliate_stands_changes_by_decisions_only(ana, sofia):
    data = {"name": "Ana Ríos", "public_name": "", "email": "", "status": "suspended"}
    for prefix in ("members", "invitations", "events"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}

    response = sofia.post(reverse("admin:affiliates_affiliate_change", args=[ana.pk]), data)

    assert response.status_code == 302
    ana.refresh_from_db()
    assert (ana.name, ana.status) == ("Ana Ríos", "active")


def test_who_only_reads_decides_nothing(brand, ana):
    client = Client()
    client.force_login(make_staff(brand, "Rosa", role=Membership.Role.READ_ONLY))

    assert decide(client, ana, "suspend", note="Porque sí").status_code == 403
    assert Affiliate.objects.get().is_active
