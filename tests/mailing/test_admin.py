import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Brand, Membership, User
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.services import suppress
from tests.factories import NOW, make_brand, make_staff
from tests.mailing.factories import make_mail

State = OutgoingMail.State
pytestmark = pytest.mark.django_db
LEDGER = reverse("admin:mailing_outgoingmail_changelist")


@pytest.fixture
def sofia(brand: Brand) -> User:
    return make_staff(brand)


def desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_staff_see_their_own_brands_ledger_alone(brand: Brand, sofia: User) -> None:
    other = make_brand("otra")
    make_mail(brand, to="carla@correo.example")
    make_mail(other, to="olaf@correo.example")

    ours = desk(sofia).get(LEDGER).content.decode()
    theirs = desk(make_staff(other, "Olga")).get(LEDGER).content.decode()

    assert "carla@correo.example" in ours
    assert "olaf@correo.example" not in ours
    assert "carla@correo.example" not in theirs


def test_the_ledger_asks_the_same_however_long(
    brand: Brand, sofia: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = desk(sofia)
    make_mail(brand)
    client.get(LEDGER)
    for _ in range(20):
        make_mail(brand)

    with django_assert_max_num_queries(12):
        client.get(LEDGER)


@pytest.mark.parametrize(
    ("search", "is_found"),
    [("carla@correo.example", True), (" Carla@Correo.example ", True), ("carla", False), ("@correo.example", False)],
)
def test_an_address_is_found_whole_or_not_at_all(brand: Brand, sofia: User, search: str, is_found: bool) -> None:
    mail = make_mail(brand, to="carla@correo.example")

    page = desk(sofia).get(LEDGER, {"q": search}).content.decode()

    assert (reverse("admin:mailing_outgoingmail_change", args=[mail.pk]) in page) == is_found


def test_a_mail_is_found_by_its_message_id(brand: Brand, sofia: User) -> None:
    mail, _other = make_mail(brand), make_mail(brand)

    for search in (mail.message_id, mail.message_id.strip("<>")):
        page = desk(sofia).get(LEDGER, {"q": search}).content.decode()

        assert page.count('class="action-select"') == 1


def test_a_mails_page_tells_its_story_and_not_its_secret(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)
    MailEvent.objects.create(
        brand=brand, mail=mail, kind="bounced", source="ses", event_id="1", detail="5.1.1 nobody", occurred_at=NOW
    )

    page = desk(sofia).get(reverse("admin:mailing_outgoingmail_change", args=[mail.pk])).content.decode()

    assert "5.1.1 nobody" in page
    assert mail.token not in page


def test_staff_send_again_what_failed(brand: Brand, sofia: User) -> None:
    failed, sent = make_mail(brand), make_mail(brand)
    OutgoingMail.objects.filter(pk=failed.pk).update(state=State.FAILED, reason="refused")
    OutgoingMail.objects.filter(pk=sent.pk).update(state=State.SENT, sent_at=NOW)

    desk(sofia).post(LEDGER, {"action": "retry", "_selected_action": [failed.pk, sent.pk]})

    assert dict(OutgoingMail.objects.values_list("pk", "state")) == {failed.pk: State.QUEUED, sent.pk: State.SENT}
    assert list(MailEvent.objects.values_list("mail", "kind", "detail")) == [(failed.pk, "retried", str(sofia))]


@pytest.mark.parametrize("role", [Membership.Role.READ_ONLY, Membership.Role.ANALYST])
def test_who_may_only_read_sends_nothing_again(brand: Brand, role: str) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.FAILED)

    desk(make_staff(brand, "Luis", role)).post(LEDGER, {"action": "retry", "_selected_action": [mail.pk]})

    mail.refresh_from_db()
    assert mail.state == State.FAILED
    assert not MailEvent.objects.exists()


def test_nobody_sends_another_brands_mail_again(brand: Brand) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.FAILED)

    desk(make_staff(make_brand("otra"), "Olga")).post(LEDGER, {"action": "retry", "_selected_action": [mail.pk]})

    mail.refresh_from_db()
    assert mail.state == State.FAILED


def test_a_suppression_is_found_by_the_whole_address(brand: Brand, sofia: User) -> None:
    suppress(brand, "carla@correo.example", scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=NOW)
    url = reverse("admin:mailing_suppression_changelist")

    found = desk(sofia).get(url, {"q": "Carla@correo.example"})
    missed = desk(sofia).get(url, {"q": "bruno@correo.example"})

    assert [row.scope for row in found.context["cl"].result_list] == ["surveys"]
    assert list(missed.context["cl"].result_list) == []
