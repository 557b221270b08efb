"""Mail that no rule could place: staff decide, each once, and only for their brand."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import Membership
from complaints.models import Complaint, IncomingMail
from complaints.services.quarantine import accept_mail, discard_mail, open_from_mail
from mailing.models import OutgoingMail
from tests import factories
from tests.complaints.factories import make_complaint
from tests.complaints.test_receiving import PNG, letter, receive
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail(brand) -> IncomingMail:
    """Of somebody whom nobody knows."""
    message = letter(sender="vecina@otra.example", text="Soy la vecina de Carla", subject="Re: Botas")
    message.add_attachment(PNG, maintype="image", subtype="png", filename="bota.png")
    return receive(message)


def test_it_goes_into_the_case_that_staff_name(mail, purchase, sofia):
    case = make_complaint(purchase)

    accept_mail(mail, case, by=sofia, now=NOW)

    assert (mail.state, mail.evidence, mail.complaint, mail.handled_by) == ("filed", "staff", case, sofia)
    event = case.events.get(kind="customer_wrote")
    assert (event.text, event.data["sender"]) == ("Soy la vecina de Carla", "vecina@otra.example")
    assert [file.name for file in event.attachments.all()] == ["bota.png"]


def test_a_new_case_is_its_senders_and_is_acknowledged_to_them(mail, sofia):
    case, is_new = open_from_mail(mail, by=sofia, now=NOW)

    assert (is_new, case.subject, case.text) == (True, "Botas", "Soy la vecina de Carla")
    assert (case.customer.email, case.purchase) == ("vecina@otra.example", None)
    assert case.attachments.count() == 1
    assert OutgoingMail.objects.get().to_address == "vecina@otra.example"


def test_a_strangers_mail_opens_no_case_of_somebody_elses_order(mail, purchase, sofia):
    with pytest.raises(ValidationError):
        open_from_mail(mail, order=purchase.external_id, by=sofia, now=NOW)

    assert not Complaint.objects.exists()
    mail.refresh_from_db()
    assert mail.state == "quarantined"


def test_what_is_discarded_changes_nothing_and_answers_nobody(mail, sofia):
    discard_mail(mail, by=sofia, now=NOW)

    assert mail.state == "discarded"
    assert not Complaint.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_two_who_decide_at_once_decide_once(mail, sofia):
    stale = IncomingMail.objects.get(pk=mail.pk)
    open_from_mail(mail, by=sofia, now=NOW)

    for again in (
        lambda: open_from_mail(stale, by=sofia, now=NOW),
        lambda: discard_mail(stale, by=sofia, now=NOW),
    ):
        with pytest.raises(ValidationError) as refusal:
            again()
        assert refusal.value.code == "decided"

    assert Complaint.objects.count() == 1


def test_what_was_set_aside_can_be_taken_after_all(brand, purchase, sofia):
    robot = receive(letter(Precedence="bulk"))

    open_from_mail(robot, order=purchase.external_id, by=sofia, now=NOW)

    assert Complaint.objects.get().purchase == purchase


def test_who_may_only_read_or_works_elsewhere_decides_nothing(mail, brand):
    reader = factories.make_staff(brand, "Rita", Membership.Role.READ_ONLY)
    olga = factories.make_staff(factories.make_brand("otra"), "Olga")

    for user in (reader, olga):
        with pytest.raises(PermissionDenied):
            discard_mail(mail, by=user, now=NOW)


def test_another_brands_case_takes_no_mail_of_this_one(mail, sofia):
    elsewhere = make_complaint(factories.make_purchase(factories.make_customer(factories.make_brand("otra"))))

    with pytest.raises(ValidationError):
        accept_mail(mail, elsewhere, by=sofia, now=NOW)

    assert elsewhere.events.count() == 1
