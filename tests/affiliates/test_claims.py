"""Affiliates claim sales they miss; filing finds nothing out, and every answer has a reason and a date."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Brand, Membership, User
from affiliates.forms import ClaimForm
from affiliates.models import Affiliate, AffiliateMember, Attribution, Claim, Purchase, PurchaseChange
from affiliates.selectors import FiledClaim, as_filed, claims_of
from affiliates.services import ClaimInput, accept_claim, decline_claim, file_claim
from affiliates.services.claim_mails import tell_answer
from mailing.models import OutgoingMail
from mailing.rendering import texts_of
from tests.factories import (
    NOW,
    make_affiliate,
    make_brand,
    make_customer,
    make_member,
    make_purchase,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

SALE = ClaimInput("P1", date(2026, 3, 7), Decimal("49.90"), "EUR", "Usó mi enlace del boletín")


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


@pytest.fixture
def bruno(brand: Brand) -> Affiliate:
    return make_affiliate(brand, "Bruno")


@pytest.fixture
def member(ana: Affiliate) -> User:
    return make_member(ana)


@pytest.fixture
def staff(brand: Brand) -> User:
    return make_staff(brand)


@pytest.fixture
def sofia(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def purchase(brand: Brand, bruno: Affiliate) -> Purchase:
    return make_purchase(make_customer(brand), affiliate=bruno, external_id="P1")


def file(affiliate: Affiliate, by: User, given: ClaimInput = SALE) -> Claim:
    return file_claim(affiliate, given, by=by, now=NOW)[0]


def credited_to(purchase: Purchase) -> str:
    affiliate = Attribution.objects.current().get(purchase=purchase).affiliate
    return affiliate.code if affiliate else ""


# --- Filing ----------------------------------------------------------------------------------------------------------
def test_a_claim_is_due_by_the_brands_term(brand, ana, member):
    Brand.objects.update(claim_answer_days=7)
    ana.refresh_from_db()

    claim, is_new = file_claim(ana, replace(SALE, order_reference=" P1 ", currency="eur"), by=member, now=NOW)

    assert is_new
    assert (claim.order_reference, claim.currency, claim.state) == ("P1", "EUR", "open")
    assert (claim.filed_by, claim.filed_at, claim.due_on) == (member, NOW, date(2026, 3, 17))


def test_filing_asks_and_answers_the_same_whether_or_not_there_is_such_an_order(ana, member, purchase):
    told = []
    for reference in ("P1", "P2"):
        with CaptureQueriesContext(connection) as queries:
            claim, is_new = file_claim(ana, replace(SALE, order_reference=reference), by=member, now=NOW)
        told.append((is_new, claim.state, claim.reason, claim.purchase_id, claim.due_on, len(queries)))

    assert told[0] == told[1]
    assert not any("affiliates_purchase" in query["sql"] for query in queries)


def test_the_same_order_is_claimed_once_while_it_is_open(ana, bruno, member):
    first = file(ana, member)

    again, is_new = file_claim(ana, replace(SALE, order_reference="p1", text="Otra vez"), by=member, now=NOW)
    _other, is_other_new = file_claim(bruno, SALE, by=make_member(bruno), now=NOW)

    assert (again, is_new, is_other_new) == (first, False, True)
    assert sorted(Claim.objects.values_list("affiliate__code", flat=True)) == ["ana", "bruno"]
    assert again.text == SALE.text


def test_what_was_declined_can_be_claimed_again(ana, member, staff):
    decline_claim(file(ana, member), reason="too_vague", by=staff, now=NOW)

    _again, is_new = file_claim(ana, SALE, by=member, now=NOW + timedelta(days=1))

    assert is_new
    assert [claim.state for claim in Claim.objects.order_by("pk")] == ["declined", "open"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purchased_on": date(2026, 3, 11)}, "purchased_on"),
        ({"purchased_on": date(2025, 3, 9)}, "purchased_on"),
        ({"currency": "XXL"}, "currency"),
        ({"order_reference": "  "}, "order_reference"),
        ({"order_reference": "9" * 121}, "order_reference"),
        ({"amount": Decimal("1.234")}, "amount"),
        ({"text": "a" * 1001}, "text"),
    ],
)
def test_a_claim_that_cannot_be_is_refused_with_its_field(ana, member, change, field):
    with pytest.raises(ValidationError) as refusal:
        file(ana, member, replace(SALE, **change))

    assert list(refusal.value.message_dict) == [field]
    assert not Claim.objects.exists()


def test_an_affiliate_cannot_bury_staff_in_claims(ana, member):
    for number in range(50):
        file(ana, member, replace(SALE, order_reference=f"P{number}"))

    with pytest.raises(ValidationError, match="50"):
        file(ana, member, replace(SALE, order_reference="P50"))

    assert file(ana, member, replace(SALE, order_reference="P7")).order_reference == "P7"
    assert Claim.objects.count() == 50


@pytest.mark.django_db(transaction=True)
def test_of_ten_simultaneous_claims_of_one_order_one_is_filed():
    ana = make_affiliate(make_brand())
    member, barrier = make_member(ana), Barrier(10)

    def claim(_i: int) -> bool:
        barrier.wait()
        try:
            return file_claim(ana, SALE, by=member, now=NOW)[1]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(claim, range(10))) == [False] * 9 + [True]


def test_the_form_reads_what_an_affiliate_types():
    data = {"order_reference": "P1", "purchased_on": "2026-03-07", "amount": "49.90", "currency": "EUR"}

    form = ClaimForm(data | {"text": SALE.text})

    assert form.is_valid(), form.errors
    assert form.as_input() == SALE


# --- Answering -------------------------------------------------------------------------------------------------------
def test_accepting_credits_the_purchase_and_keeps_who_had_it(ana, bruno, member, staff, purchase):
    claim = accept_claim(file(ana, member), answer="Tenías razón", by=staff, now=NOW)

    assert (claim.state, claim.reason, claim.answer) == ("accepted", "credited", "Tenías razón")
    assert (claim.answered_by, claim.answered_at, claim.purchase) == (staff, NOW, purchase)
    rows = Attribution.objects.filter(purchase=purchase).order_by("pk")
    assert [(row.affiliate, row.method, row.is_current) for row in rows] == [
        (bruno, "declared", False),
        (ana, "manual", True),
    ]
    assert "P1" in rows[1].note
    assert PurchaseChange.objects.filter(purchase=purchase).exists()


def test_the_shops_own_number_may_be_another_than_the_affiliate_knows(ana, member, staff, purchase):
    claim = file(ana, member, replace(SALE, order_reference="#0001"))

    accept_claim(claim, order="P1", by=staff, now=NOW)

    assert credited_to(purchase) == "ana"


def test_nothing_is_accepted_without_a_purchase_of_this_brand(ana, bruno, member, staff):
    make_purchase(make_customer(make_brand("faro")), external_id="P1")
    claim = file(ana, member)

    with pytest.raises(ValidationError) as refusal:
        accept_claim(claim, by=staff, now=NOW)

    assert list(refusal.value.message_dict) == ["order"]
    claim.refresh_from_db()
    assert (claim.state, claim.reason, claim.answered_at) == ("open", "", None)
    assert not Attribution.objects.filter(method="manual").exists()


def test_what_is_theirs_already_is_declined_with_that_reason_not_accepted(ana, member, staff, brand):
    mine = make_purchase(make_customer(brand), affiliate=ana, external_id="P1")
    claim = file(ana, member)
    with pytest.raises(ValidationError):
        accept_claim(claim, by=staff, now=NOW)

    declined = decline_claim(claim, reason="already_credited", by=staff, now=NOW)

    assert (declined.state, declined.reason) == ("declined", "already_credited")
    assert Attribution.objects.filter(purchase=mine).count() == 1


def test_a_claim_is_answered_once(ana, member, staff, purchase):
    claim = file(ana, member)
    decline_claim(claim, reason="not_confirmed", by=staff, now=NOW)

    with pytest.raises(ValidationError):
        accept_claim(claim, by=staff, now=NOW)
    with pytest.raises(ValidationError):
        decline_claim(claim, reason="too_vague", by=staff, now=NOW)

    claim.refresh_from_db()
    assert (claim.state, claim.reason) == ("declined", "not_confirmed")
    assert credited_to(purchase) == "bruno"


@pytest.mark.parametrize("reason", ["", "credited", "porque no"])
def test_declining_needs_a_reason_for_declining(ana, member, staff, reason):
    claim = file(ana, member)

    with pytest.raises(ValidationError) as refusal:
        decline_claim(claim, reason=reason, by=staff, now=NOW)

    assert list(refusal.value.message_dict) == ["reason"]
    assert Claim.objects.get().is_open


def test_an_affiliate_reads_their_own_claims_and_nothing_of_a_purchase(ana, bruno, member, staff, purchase):
    accept_claim(file(ana, member), answer="Tenías razón", by=staff, now=NOW)
    file(bruno, make_member(bruno))

    [mine] = claims_of(ana)

    assert (mine.state, mine.reason, mine.answer, mine.answered_at) == ("accepted", "credited", "Tenías razón", NOW)
    assert not {"purchase", "answered_by", "customer"} & {field.name for field in fields(FiledClaim)}


# --- At the desk -----------------------------------------------------------------------------------------------------
def page(claim: Claim, name: str) -> str:
    return reverse("admin:affiliates_claim_decide", args=[claim.pk, name])


def test_the_desk_shows_open_claims_by_due_date_and_overdue_ones_as_such(ana, bruno, member, staff, sofia):
    later = file(ana, member, replace(SALE, order_reference="P7"))
    first = file_claim(bruno, SALE, by=member, now=NOW - timedelta(days=3))[0]
    decline_claim(file(ana, member), reason="too_vague", by=staff, now=NOW)
    url = reverse("admin:affiliates_claim_changelist")

    response = sofia.get(url, headers={"Accept-Language": "en"})

    assert list(response.context["cl"].result_list) == [first, later]
    assert "overdue" in response.text
    assert sofia.get(url, {"state": "declined"}).context["cl"].result_count == 1
    assert sofia.get(url, {"state": "all"}).context["cl"].result_count == 3


def test_the_list_asks_as_much_for_three_claims_as_for_one(ana, member, sofia, django_assert_num_queries):
    url = reverse("admin:affiliates_claim_changelist")
    file(ana, member)
    sofia.get(url)
    with django_assert_num_queries(12, exact=False) as one:
        sofia.get(url)
    for number in (2, 3):
        file(ana, member, replace(SALE, order_reference=f"P{number}"))

    with django_assert_num_queries(len(one)):
        assert sofia.get(url).context["cl"].result_count == 3


def test_the_page_shows_what_is_stored_and_who_else_claims_it(ana, bruno, member, sofia, purchase):
    claim = file(ana, member)
    file(bruno, make_member(bruno))

    text = sofia.get(reverse("admin:affiliates_claim_change", args=[claim.pk]), headers={"Accept-Language": "en"}).text

    assert reverse("admin:affiliates_purchase_change", args=[purchase.pk]) in text
    assert "The shop named the affiliate" in text
    assert page(claim, "accept") in text
    assert page(claim, "decline") in text


def test_staff_accept_and_decline_on_pages(ana, member, sofia, purchase):
    accepted, declined = file(ana, member), file(ana, member, replace(SALE, order_reference="P2"))

    assert sofia.post(page(accepted, "accept"), {"order": "P1", "answer": ""}).status_code == 302
    assert sofia.post(page(declined, "decline"), {"reason": "not_confirmed", "answer": ""}).status_code == 302

    assert list(Claim.objects.order_by("pk").values_list("state", "reason")) == [
        ("accepted", "credited"),
        ("declined", "not_confirmed"),
    ]
    assert credited_to(purchase) == "ana"
    assert page(accepted, "decline") not in sofia.get(reverse("admin:affiliates_claim_change", args=[accepted.pk])).text


def test_a_refusal_comes_back_with_what_was_typed(ana, member, sofia):
    claim = file(ana, member)

    response = sofia.post(page(claim, "accept"), {"order": "P1", "answer": "Con gusto"})

    assert list(response.context["form"].errors) == ["order"]
    assert "Con gusto" in response.text
    assert Claim.objects.get().is_open


def test_who_may_not_answer_does_not(ana, bruno, member, purchase, brand):
    claim = file(ana, member)
    # Works for another brand, and sells for this one.
    both = make_staff(make_brand("faro"), "Olga")
    ana.members.create(user=both)
    reader = make_user("rosa@lumbre.example", "Rosa", is_staff=True)
    Membership.objects.create(user=reader, brand=brand, role=Membership.Role.READ_ONLY)
    answers = {}
    for user in (both, reader, member):
        client = Client()
        client.force_login(user)
        posted = client.post(page(claim, "accept"), {"order": "P1"}).status_code
        shown = client.get(reverse("admin:affiliates_claim_change", args=[claim.pk])).status_code
        answers[user.name] = (posted, shown)

    assert answers == {"Olga": (404, 302), "Rosa": (403, 200), "Ana": (302, 302)}
    assert Claim.objects.get().is_open
    assert credited_to(purchase) == "bruno"


# --- The answer by mail ----------------------------------------------------------------------------------------------
def mails() -> list[tuple[str, str, str]]:
    found = OutgoingMail.objects.filter(template="affiliates/claim_answered").order_by("pk")
    return list(found.values_list("to_address", "language", "guarantee"))


def test_who_filed_it_is_told_why_in_their_language(ana, member, staff, purchase):
    member.language = "en"
    member.save(update_fields=["language"])
    claim = file(ana, member)

    decline_claim(claim, reason=Claim.Reason.OUTSIDE_RULES, answer="The click\nwas too old", by=staff, now=NOW)

    assert mails() == [(member.email, "en", "at_least_once")]
    mail = OutgoingMail.objects.get()
    texts = texts_of(mail)
    assert texts.subject == "Your claim of order P1 is answered"
    assert "The rules of the programme do not credit it." in texts.text
    assert "The click\nwas too old" in texts.text
    assert f"/portal/affiliates/lumbre/ana/sales/claims/{as_filed(claim).mark}/" in texts.text
    assert "The click<br>was too old" in texts.html
    assert mail.scopes == []


def test_an_accepted_claim_says_that_the_sale_is_theirs_and_nothing_of_who_bought(ana, member, staff, purchase):
    accept_claim(file(ana, member), answer="", by=staff, now=NOW)

    texts = texts_of(OutgoingMail.objects.get())
    assert "P1" in texts.text
    for said in (texts.subject, texts.text, texts.html):
        assert purchase.customer.name not in said
        assert str(purchase.customer.email) not in said
        assert "Bruno" not in said


def test_an_answer_refused_writes_to_nobody(ana, member, staff):
    claim = file(ana, member)

    with pytest.raises(ValidationError):
        accept_claim(claim, by=staff, now=NOW)

    assert mails() == []


def test_an_answer_stands_and_is_mailed_once(ana, member, staff):
    claim = file(ana, member)
    decline_claim(claim, reason=Claim.Reason.TOO_VAGUE, by=staff, now=NOW)

    with pytest.raises(ValidationError):
        decline_claim(claim, reason=Claim.Reason.NOT_CONFIRMED, by=staff, now=NOW)
    tell_answer(Claim.objects.get(), now=NOW)

    assert len(mails()) == 1


def test_where_who_filed_it_has_gone_the_owners_are_told(ana, member, staff, brand):
    claim = file(ana, member)
    ana.members.all().delete()
    owners = [make_user(f"duena{number}@correo.example", "Dueña", language="es") for number in (1, 2)]
    for owner in owners:
        ana.members.create(user=owner, role=AffiliateMember.Role.OWNER)
    ana.members.create(user=make_user("otra@correo.example", "Otra"), role=AffiliateMember.Role.MEMBER)

    decline_claim(claim, reason=Claim.Reason.TOO_VAGUE, by=staff, now=NOW)

    assert mails() == [(owner.email, "es", "at_least_once") for owner in owners]


@pytest.mark.parametrize(("address", "told"), [("ana@correo.example", ["ana@correo.example"]), ("", [])])
def test_where_nobody_signs_in_the_affiliates_address_is_told(ana, member, staff, address, told):
    claim = file(ana, member)
    ana.members.all().delete()
    Affiliate.objects.filter(pk=ana.pk).update(email=address)

    decline_claim(claim, reason=Claim.Reason.TOO_VAGUE, by=staff, now=NOW)

    assert [to for to, _language, _guarantee in mails()] == told
