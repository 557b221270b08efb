"""What staff see of the mail, and may do to it."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.append_only import RETENTION, open_door
from accounts.clock import database_now
from accounts.models import AccessLog, Brand, Membership, User
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.selectors.ledger import Count, Shelf
from mailing.services import suppress
from mailing.services.pacing import pause_domain
from mailing.services.watching import note_alive
from tests.factories import NOW, make_brand, make_staff
from tests.mailing.factories import make_mail

State = OutgoingMail.State
pytestmark = pytest.mark.django_db
LEDGER = reverse("admin:mailing_outgoingmail_changelist")
UNCERTAIN = reverse("admin:mailing_outgoingmail_uncertain")
QUEUE = reverse("admin:mailing_outgoingmail_queue")
DECIDE = reverse("admin:mailing_outgoingmail_decide")


@pytest.fixture
def sofia(brand: Brand) -> User:
    return make_staff(brand)


def desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(mail: OutgoingMail) -> str:
    return reverse("admin:mailing_outgoingmail_change", args=[mail.pk])


def mails_on(response: Any) -> list[OutgoingMail]:
    return [mail for mail, _about in response.context["rows"]]


def decide(user: User, decision: str, *mails: OutgoingMail) -> Any:
    return desk(user).post(DECIDE, {"decision": decision, "mail": [mail.pk for mail in mails]}, follow=True)


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
    brand: Brand, sofia: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = desk(sofia)
    make_mail(brand)
    with CaptureQueriesContext(connection) as few:
        client.get(LEDGER)
    for _ in range(20):
        make_mail(brand)

    with django_assert_num_queries(len(few)):
        client.get(LEDGER)

    assert len(few) <= 20


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

    for search in (mail.message_id, mail.message_id.strip("<>"), str(mail.uuid), mail.uuid.hex):
        assert mails_on(desk(sofia).get(LEDGER, {"q": search})) == [mail]


def test_what_names_no_mail_finds_none(brand: Brand, sofia: User) -> None:
    make_mail(brand)

    for search in ("x", "<>", "0", "%", "a" * 500, "carla\0@correo.example", "nadie@correo.example"):
        assert mails_on(desk(sofia).get(LEDGER, {"q": search})) == []


def test_a_mails_page_tells_its_story_and_not_its_secret(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)
    MailEvent.objects.create(
        brand=brand, mail=mail, kind="bounced", source="ses", event_id="1", detail="5.1.1 nobody", occurred_at=NOW
    )

    page = desk(sofia).get(page_of(mail)).content.decode()

    assert "5.1.1 nobody" in page
    assert mail.token not in page


def test_a_preview_covers_what_would_let_the_reader_answer(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)

    preview = desk(sofia).get(page_of(mail)).context["preview"]

    assert "Carla" in preview.text
    assert "••••" in preview.text
    assert mail.token not in preview.text + preview.subject
    assert not re.search(r"https?://\S*[A-Za-z0-9_-]{16,}", preview.text)


def html_of(mail: OutgoingMail) -> str:
    return reverse("admin:mailing_outgoingmail_html", args=[mail.pk])


def test_the_html_is_shown_in_a_frame_in_which_nothing_runs_or_is_fetched(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand, context={"name": "<script>alert(1)</script>Carla"})

    page, html = desk(sofia).get(page_of(mail)), desk(sofia).get(html_of(mail))

    assert f'<iframe class="mail-frame" src="{html_of(mail)}" sandbox=""' in page.content.decode()
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    policy = dict(part.strip().partition(" ")[::2] for part in html.headers["Content-Security-Policy"].split(";"))
    assert (policy["sandbox"], policy["default-src"], policy["frame-ancestors"]) == ("", "'none'", "'self'")
    assert {policy[name] for name in ("script-src", "img-src", "connect-src", "form-action")} == {"'none'"}
    assert html.headers["X-Frame-Options"] == "SAMEORIGIN"
    said = html.content.decode()
    assert "<script" not in said
    assert "Carla" in said
    assert '<base target="_blank">' in said
    assert mail.token not in said
    assert not re.search(r"https?://\S*[/=][A-Za-z0-9_-]{16,}", said)


def test_who_sees_the_html_is_recorded_once_with_its_page(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)
    reader = desk(sofia)

    reader.get(page_of(mail))
    reader.get(html_of(mail))
    assert AccessLog.objects.count() == 1

    with open_door(RETENTION):
        AccessLog.objects.all().delete()
    reader.get(html_of(mail))
    assert AccessLog.objects.values_list("user", "object_type", "object_id").get() == (
        sofia.pk,
        "outgoing_mail",
        str(mail.pk),
    )


def test_the_html_of_another_brands_mail_is_not_there(brand: Brand) -> None:
    mail = make_mail(brand)

    assert desk(make_staff(make_brand("otra"))).get(html_of(mail)).status_code == 404
    assert not AccessLog.objects.exists()


def test_a_preview_leaves_sealed_what_is_sealed(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand, context={}, secrets={"name": "s3kret"})

    response = desk(sofia).get(page_of(mail))

    assert response.context["preview"] is not None
    assert "s3kret" not in response.content.decode()


def test_a_mail_whose_template_is_gone_has_a_page(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand, template="tests/nothing")

    response = desk(sofia).get(page_of(mail))

    assert response.status_code == 200
    assert response.context["preview"] is None


def test_a_story_goes_from_the_queue_to_the_answer_of_the_server(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)
    for minutes, kind in ((3, "delivered"), (1, "deferred")):
        MailEvent.objects.create(
            brand=brand,
            mail=mail,
            kind=kind,
            source="server",
            event_id=kind,
            detail=f"said {kind}",
            occurred_at=NOW + timedelta(minutes=minutes),
        )
    OutgoingMail.objects.filter(pk=mail.pk).update(
        state=State.SENT,
        created_at=NOW - timedelta(minutes=1),
        handed_over_at=NOW,
        sent_at=NOW + timedelta(minutes=2),
        server_reply="250 2.0.0 queued as 7",
    )

    story = desk(sofia).get(page_of(mail)).context["story"]

    assert [step.detail for step in story] == ["", "", "said deferred", "250 2.0.0 queued as 7", "said delivered"]
    assert [step.at for step in story] == sorted(step.at for step in story)


def test_who_opens_a_mail_is_recorded(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)

    desk(sofia).get(page_of(mail))

    assert list(AccessLog.objects.values_list("user", "object_type", "object_id")) == [
        (sofia.pk, "outgoing_mail", str(mail.pk))
    ]


def test_another_brands_mail_has_no_page(brand: Brand) -> None:
    olga = make_staff(make_brand("otra"), "Olga")

    assert desk(olga).get(page_of(make_mail(brand))).status_code == 404
    assert not AccessLog.objects.exists()


# --- Leafing -------------------------------------------------------------------------------------------------------
def test_each_shelf_has_its_states(brand: Brand, sofia: User) -> None:
    mails = {}
    for state in State:
        mails[state] = make_mail(brand)
        held = {"lease_owner": uuid4(), "lease_until": NOW} if state in (State.CLAIMED, State.HANDING_OVER) else {}
        OutgoingMail.objects.filter(pk=mails[state].pk).update(state=state, sent_at=NOW, **held)

    shown = {shelf: mails_on(desk(sofia).get(LEDGER, {"state": shelf})) for shelf in Shelf}

    assert shown[Shelf.ALL] == list(reversed(mails.values()))
    assert shown[Shelf.HELD] == [mails[State.CLAIMED], mails[State.HANDING_OVER]]
    for state in set(State) - {State.CLAIMED, State.HANDING_OVER}:
        assert shown[Shelf(state)] == [mails[state]]


@pytest.mark.parametrize("shelf", [Shelf.ALL, Shelf.QUEUED, Shelf.FAILED])
def test_leafing_shows_every_mail_once(
    brand: Brand, sofia: User, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailing.selectors.ledger.PAGE_SIZE", 3)
    for number in range(8):  # many of the same moment
        mail = make_mail(brand, not_before=NOW + timedelta(minutes=number // 3))
        if shelf == Shelf.FAILED:
            OutgoingMail.objects.filter(pk=mail.pk).update(state=State.FAILED, updated_at=mail.not_before)

    seen, after = list[OutgoingMail](), ""
    for _ in range(3):
        response = desk(sofia).get(LEDGER, {"state": shelf, "after": after})
        seen += mails_on(response)
        after = response.context["page"].after

    assert after == ""
    assert len(seen) == 8
    assert set(seen) == set(OutgoingMail.objects.all())


@pytest.mark.parametrize(
    "after", ["x", "~", "1~", "~1", "2026-01-01~1", "2026-01-01T00:00:00~1", "9" * 30, "yesterday~3"]
)
def test_a_place_that_cannot_be_read_is_the_beginning(brand: Brand, sofia: User, after: str) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.FAILED)

    assert desk(sofia).get(LEDGER, {"state": "failed", "after": after}).status_code == 200


def test_a_shelf_is_counted_up_to_a_bound(brand: Brand, sofia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailing.selectors.ledger.COUNTED", 2)
    for _ in range(3):
        make_mail(brand)

    tabs = {tab.shelf: tab.count for tab in desk(sofia).get(LEDGER).context["page"].tabs}

    assert tabs[Shelf.QUEUED] == Count(2, is_more=True)
    assert tabs[Shelf.FAILED] == Count(0)
    assert tabs[Shelf.SENT] is None


# --- Deciding ------------------------------------------------------------------------------------------------------
def test_staff_send_again_what_failed(brand: Brand, sofia: User) -> None:
    failed, sent = make_mail(brand), make_mail(brand)
    OutgoingMail.objects.filter(pk=failed.pk).update(state=State.FAILED, reason="refused")
    OutgoingMail.objects.filter(pk=sent.pk).update(state=State.SENT, sent_at=NOW)

    response = decide(sofia, "retry", failed, sent)

    assert dict(OutgoingMail.objects.values_list("pk", "state")) == {failed.pk: State.QUEUED, sent.pk: State.SENT}
    assert list(MailEvent.objects.values_list("mail", "kind", "detail")) == [(failed.pk, "retried", str(sofia))]
    assert len(list(response.context["messages"])) == 2  # one went, and why the other did not


def test_staff_cancel_what_waits(brand: Brand, sofia: User) -> None:
    queued, failed = make_mail(brand), make_mail(brand)
    OutgoingMail.objects.filter(pk=failed.pk).update(state=State.FAILED)

    decide(sofia, "cancel", queued, failed)

    assert dict(OutgoingMail.objects.values_list("pk", "state")) == {queued.pk: "cancelled", failed.pk: "failed"}


@pytest.mark.parametrize(
    ("decision", "state", "kinds"),
    [
        ("arrived", State.SENT, ["arrived"]),
        ("not_arrived", State.FAILED, ["not_arrived"]),
        ("send_again", State.QUEUED, ["not_arrived", "retried"]),
    ],
)
def test_staff_settle_what_is_uncertain(brand: Brand, sofia: User, decision: str, state: str, kinds: list[str]) -> None:
    mails = [make_mail(brand) for _ in range(2)]
    OutgoingMail.objects.update(state=State.UNCERTAIN, reason="lost", handed_over_at=NOW)
    assert mails_on(desk(sofia).get(UNCERTAIN)) == mails[::-1]

    decide(sofia, decision, *mails)

    assert list(OutgoingMail.objects.values_list("state", flat=True)) == [state, state]
    assert list(mails[0].events.order_by("pk").values_list("kind", flat=True)) == kinds
    assert mails_on(desk(sofia).get(UNCERTAIN)) == []


def test_who_settles_second_reads_who_was_first(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.update(state=State.UNCERTAIN, reason="lost", handed_over_at=NOW)
    decide(make_staff(brand, "Luis"), "arrived", mail)

    response = decide(sofia, "not_arrived", mail)

    mail.refresh_from_db()
    assert mail.state == State.SENT
    [message] = response.context["messages"]
    assert "Luis" in str(message)
    assert list(mail.events.values_list("kind", "detail")) == [("arrived", "Luis")]


def test_staff_call_back_what_is_with_the_server(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.update(state=State.HANDING_OVER, lease_owner=mail.uuid, lease_until=NOW)
    assert desk(sofia).get(page_of(mail)).context["offers"] == ["cancel"]

    response = decide(sofia, "cancel", mail)

    [message] = response.context["messages"]
    assert message.level_tag == "warning"
    mail.refresh_from_db()
    assert (mail.state, mail.cancel_wanted) == (State.HANDING_OVER, "manual")
    assert desk(sofia).get(page_of(mail)).context["offers"] == []


@pytest.mark.parametrize(
    ("state", "offers"), [(State.FAILED, []), (State.UNCERTAIN, ["arrived", "not_arrived"]), (State.SENT, [])]
)
def test_what_was_taken_back_meanwhile_is_not_offered_to_be_sent_again(
    brand: Brand, sofia: User, state: str, offers: list[str]
) -> None:
    mail = make_mail(brand)
    OutgoingMail.objects.update(state=state, sent_at=NOW, cancel_wanted="taken_back")

    page = desk(sofia).get(page_of(mail))

    assert page.context["offers"] == offers
    assert page.content.decode().count('value="send_again"') == 0


@pytest.mark.parametrize("role", [Membership.Role.READ_ONLY, Membership.Role.ANALYST])
@pytest.mark.parametrize("decision", ["retry", "cancel", "arrived", "not_arrived", "send_again"])
def test_who_may_only_read_decides_nothing(brand: Brand, role: str, decision: str) -> None:
    states = {make_mail(brand).pk: state for state in (State.QUEUED, State.FAILED, State.UNCERTAIN)}
    for pk, state in states.items():
        OutgoingMail.objects.filter(pk=pk).update(state=state)
    luis = make_staff(brand, "Luis", role)

    decide(luis, decision, *OutgoingMail.objects.all())

    assert dict(OutgoingMail.objects.values_list("pk", "state")) == states
    assert not MailEvent.objects.exists()
    assert 'name="decision"' not in desk(luis).get(LEDGER).content.decode()


@pytest.mark.parametrize("decision", ["retry", "cancel", "arrived", "not_arrived", "send_again"])
def test_nobody_decides_on_another_brands_mail(brand: Brand, decision: str) -> None:
    states = {make_mail(brand).pk: state for state in (State.QUEUED, State.FAILED, State.UNCERTAIN)}
    for pk, state in states.items():
        OutgoingMail.objects.filter(pk=pk).update(state=state)

    decide(make_staff(make_brand("otra"), "Olga"), decision, *OutgoingMail.objects.all())

    assert dict(OutgoingMail.objects.values_list("pk", "state")) == states
    assert not MailEvent.objects.exists()


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_the_way_back_stays_here(brand: Brand, sofia: User, back: str) -> None:
    response = desk(sofia).post(DECIDE, {"decision": "retry", "back": back})

    assert response.status_code == 302
    assert response.headers["Location"] == LEDGER


def test_looking_at_the_address_of_a_decision_decides_nothing(brand: Brand, sofia: User) -> None:
    mail = make_mail(brand)

    response = desk(sofia).get(DECIDE, {"decision": "cancel", "mail": mail.pk})

    mail.refresh_from_db()
    assert (response.status_code, mail.state) == (302, State.QUEUED)


# --- The queue -----------------------------------------------------------------------------------------------------
def test_the_queue_tells_figures_of_ones_own_mail(brand: Brand, sofia: User) -> None:
    other = make_brand("otra")
    now = database_now()
    for owner in (brand, other):
        make_mail(owner, not_before=now - timedelta(minutes=4))
        make_mail(owner, not_before=now + timedelta(hours=1))
        sent, failed = make_mail(owner), make_mail(owner)
        OutgoingMail.objects.filter(pk=sent.pk).update(state=State.SENT, sent_at=now, updated_at=now)
        OutgoingMail.objects.filter(pk=failed.pk).update(state=State.FAILED, updated_at=now)

    health = desk(sofia).get(QUEUE).context["queue"]

    assert (health.due, health.later, health.being_sent, health.last_minute) == (Count(1), Count(1), Count(0), Count(1))
    assert [total.count.number for total in health.today] == [1, 1, 0, 0, 0]
    assert health.oldest_due_at == now - timedelta(minutes=4)


def test_the_queue_tells_who_rests_without_naming_a_mailbox(brand: Brand, sofia: User) -> None:
    make_mail(brand, to="carla@lleno.example")
    make_mail(make_brand("otra"), to="olaf@ajeno.example")
    for name in ("lleno.example", "ajeno.example"):
        pause_domain(name, pause=timedelta(minutes=9), said=f"421 4.7.0 <alguien@{name}> too much")

    response = desk(sofia).get(QUEUE)

    assert [(domain.name, domain.waiting.number) for domain in response.context["queue"].domains] == [
        ("lleno.example", 1)
    ]
    assert "421 4.7.0 &lt;…@lleno.example&gt; too much" in response.content.decode()
    assert "alguien@" not in response.content.decode()


def test_a_part_of_the_queues_page_renders_alone(brand: Brand, sofia: User) -> None:
    part = desk(sofia).get(QUEUE, headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in part
    assert "<dl>" in part


def test_the_queue_asks_the_same_however_long(
    brand: Brand, sofia: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = desk(sofia)
    with CaptureQueriesContext(connection) as few:
        client.get(QUEUE)
    for number in range(20):
        make_mail(brand, to=f"a@d{number}.example")
        pause_domain(f"d{number}.example", pause=timedelta(minutes=9), said="421")
        note_alive("worker", host="uno", pid=number)

    with django_assert_num_queries(len(few)):
        client.get(QUEUE)


def test_every_page_says_that_the_mail_stands_still(brand: Brand, sofia: User) -> None:
    index = reverse("admin:index")
    assert "mail-alarm" in desk(sofia).get(index).content.decode()

    note_alive("beat", host="uno", pid=1)
    note_alive("worker", host="uno", pid=2)

    assert "mail-alarm" not in desk(sofia).get(index).content.decode()


def test_a_suppression_is_found_by_the_whole_address(brand: Brand, sofia: User) -> None:
    suppress(brand, "carla@correo.example", scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=NOW)
    url = reverse("admin:mailing_suppression_changelist")

    found = desk(sofia).get(url, {"q": "Carla@correo.example"})
    missed = desk(sofia).get(url, {"q": "bruno@correo.example"})

    assert [row.scope for row in found.context["cl"].result_list] == ["surveys"]
    assert list(missed.context["cl"].result_list) == []
