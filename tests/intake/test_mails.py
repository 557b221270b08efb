"""The ledger as staff of a brand see it: what each mail is about, and mails found by what they are about."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from affiliates.models import Purchase
from complaints.models import Complaint
from intake.mails.selectors import subjects_of
from mailing.models import OutgoingMail
from tests import factories
from tests.complaints.factories import answered, make_complaint
from tests.factories import NOW
from tests.mailing.factories import make_mail
from tests.surveys.factories import make_invitation, send_mail

pytestmark = pytest.mark.django_db
LEDGER = reverse("admin:mailing_outgoingmail_changelist")


@pytest.fixture
def purchase(db: None) -> Purchase:
    return factories.make_purchase(factories.make_customer(factories.make_brand()), external_id="A-17")


@pytest.fixture
def sofia(purchase: Purchase) -> User:
    return factories.make_staff(purchase.brand)


def found_by(user: User, search: str) -> list[OutgoingMail]:
    client = Client()
    client.force_login(user)
    return [mail for mail, _about in client.get(LEDGER, {"q": search}).context["rows"]]


def test_a_survey_mail_is_about_its_purchase_and_answered_or_not(purchase: Purchase) -> None:
    invitation = make_invitation(purchase)
    first, reminder = send_mail(invitation), send_mail(invitation, "reminder")
    before = subjects_of([first])[first.pk]
    answered(invitation, csat=5)

    subjects = subjects_of([first, reminder])

    assert (before.title, before.is_survey, before.answered_at) == ("A-17", True, None)
    assert before.url == reverse("admin:affiliates_purchase_change", args=[purchase.pk])
    assert [subjects[mail.pk].answered_at for mail in (first, reminder)] == [NOW, NOW]
    assert before.label != subjects[reminder.pk].label


def test_a_cases_mail_is_about_its_case(purchase: Purchase) -> None:
    case = make_complaint(purchase, wants_contact=True)
    mail = OutgoingMail.objects.get(template="complaints/acknowledgement")

    subject = subjects_of([mail])[mail.pk]

    assert (subject.title, subject.is_survey) == (case.number, False)
    assert subject.url == reverse("admin:complaints_complaint_change", args=[case.pk])


def test_a_case_of_the_same_number_elsewhere_is_not_mistaken(purchase: Purchase) -> None:
    case = make_complaint(purchase, wants_contact=True)
    other = factories.make_purchase(factories.make_customer(factories.make_brand("otra"), "Olaf", "olaf@x.example"))
    elsewhere = make_complaint(other, wants_contact=True)
    Complaint.objects.update(number="2026-000001")
    OutgoingMail.objects.update(context={"number": "2026-000001"})
    mails = list(OutgoingMail.objects.filter(template="complaints/acknowledgement").order_by("pk"))

    subjects = subjects_of(mails)

    assert [subjects[mail.pk].url.split("/")[-3] for mail in mails] == [str(case.pk), str(elsewhere.pk)]


def test_mails_are_found_by_their_purchase_and_their_case(purchase: Purchase, sofia: User) -> None:
    make_mail(purchase.brand)
    asked = send_mail(make_invitation(purchase))
    case = make_complaint(purchase, wants_contact=True)
    receipt = OutgoingMail.objects.get(template="complaints/acknowledgement")

    assert set(found_by(sofia, " A-17 ")) == {asked, receipt}
    assert found_by(sofia, case.number) == [receipt]
    assert found_by(sofia, "A-1") == []


def test_nothing_is_found_of_another_brand(purchase: Purchase, sofia: User) -> None:
    send_mail(make_invitation(purchase))
    make_complaint(purchase, wants_contact=True)
    olga = factories.make_staff(factories.make_brand("otra"), "Olga")

    for search in ("A-17", "carla@correo.example"):
        assert found_by(olga, search) == []
        assert found_by(sofia, search) != []


def test_what_mails_are_about_takes_three_statements(purchase: Purchase) -> None:
    invitation = make_invitation(purchase)
    mails = [send_mail(invitation), send_mail(invitation, "reminder"), make_mail(purchase.brand)]
    make_complaint(purchase, wants_contact=True)
    mails += OutgoingMail.objects.filter(template__startswith="complaints/")

    with CaptureQueriesContext(connection) as queries:
        assert len(subjects_of(mails)) == 4

    assert len(queries) == 3


def test_a_mail_of_an_unknown_kind_is_called_by_its_template(purchase: Purchase) -> None:
    mail = make_mail(purchase.brand)

    assert subjects_of([mail])[mail.pk].label == "tests/hello"
