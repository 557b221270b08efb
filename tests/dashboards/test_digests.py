"""The summary by mail: when it goes, to whom, what it says, and how one gets no more."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import User
from affiliates.models import Affiliate, AffiliateMember
from dashboards.services import digesting, send_digests
from insights.models import Alert, Preference, Weighing
from insights.services import fold_changes
from mailing.models import OutgoingMail, Suppression
from mailing.rendering import texts_of
from mailing.services import suppress
from tests.factories import make_affiliate, make_brand, make_member, make_staff
from tests.insights.conftest import Shop

MONDAY = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)  # half past nine in Madrid
PAGE = "/portal/notifications/"
Answer = Callable[..., None]


@pytest.fixture
def reader(ana: Affiliate) -> User:
    """Signs in since long before."""
    user = make_member(ana)
    AffiliateMember.objects.update(created_at=MONDAY - timedelta(days=90))
    return user


@pytest.fixture
def answered(answer: Answer) -> None:
    """Twenty-five in the week before."""
    at = MONDAY - timedelta(days=3)
    answer(25, csat=5, keep=["precio"], improve=["entrega"], missing=["yes"], missing_facts=["plazos"], at=at)


def mails() -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(template="dashboards/digest").order_by("pk"))


def test_on_monday_morning_one_thing_to_keep_one_to_improve_and_a_number(reader: User, answered: None) -> None:
    assert send_digests(now=MONDAY) == 1

    mail = mails()[0]
    texts = texts_of(mail)
    assert (mail.to_address, mail.scopes, mail.guarantee) == (reader.email, ["digest"], "at_most_once")
    assert mail.dedupe_key == f"digest:{reader.affiliate_members.get().pk}:2026-W11"
    # Catalogues are not asked here: what is said is, in English msgids or in Spanish.
    assert mail.context["new_answers"].startswith("25 ")
    assert (mail.context["keep"]["label"], mail.context["improve"]["label"]) == ("Precio y valor", "Entrega")
    assert "25" in mail.context["keep"]["evidence"]
    assert mail.context["number"].endswith("25 respuestas.") or mail.context["number"].endswith("25 answers.")
    assert mail.context["next_step"] == "Di el plazo real de entrega."
    for text in (texts.text, texts.html):
        assert mail.context["headline"] in text
        assert "/portal/affiliates/lumbre/ana/" in text
        assert f"/u/{mail.token}/" in text
    assert texts.subject.startswith("25 ")


def test_a_week_is_told_once_and_the_next_only_if_something_is_new(
    reader: User, answer: Answer, answered: None
) -> None:
    sent = [send_digests(now=MONDAY + timedelta(minutes=minutes)) for minutes in (0, 10, 60)]
    sent += [send_digests(now=MONDAY + timedelta(days=days)) for days in (1, 7)]
    assert sent == [1, 0, 0, 0, 0]

    answer(5, csat=5, at=MONDAY + timedelta(days=9))

    assert send_digests(now=MONDAY + timedelta(days=14)) == 1
    assert [mail.context["new_answers"][:2] for mail in mails()] == ["25", "5 "]


@pytest.mark.parametrize(
    ("zone", "hour", "goes"),
    [
        ("", 6, False),  # seven in Madrid, where the brand is
        ("", 7, True),
        ("", 11, False),
        ("America/Bogota", 12, False),
        ("America/Bogota", 13, True),
        ("Asia/Tokyo", 1, True),
    ],
)
def test_it_goes_in_the_morning_where_the_person_is(
    reader: User, answered: None, zone: str, hour: int, goes: bool
) -> None:
    User.objects.filter(pk=reader.pk).update(timezone=zone)

    assert send_digests(now=MONDAY.replace(hour=hour, minute=0)) == goes


def test_machines_that_stood_still_on_monday_catch_up(reader: User, answered: None) -> None:
    assert send_digests(now=MONDAY + timedelta(days=2)) == 1

    assert Preference.objects.get().decided_for == date(2026, 3, 9)


def test_fewer_than_a_block_are_nothing_new(reader: User, answer: Answer) -> None:
    answer(4, csat=1, at=MONDAY - timedelta(days=1))

    assert send_digests(now=MONDAY) == 0
    answer(1, csat=1, at=MONDAY + timedelta(days=1))
    assert send_digests(now=MONDAY + timedelta(days=7)) == 1
    assert mails()[0].context["is_indicative"] is True


def test_what_has_fallen_is_told_even_without_new_answers(reader: User, ana: Affiliate, answered: None) -> None:
    send_digests(now=MONDAY)
    figures = {"good_before": 28, "n_before": 30, "good_now": 8, "n_now": 30}
    opened = MONDAY + timedelta(days=2)
    Alert.objects.create(
        brand=ana.brand,
        affiliate=ana,
        key="precio",
        since=date(2026, 3, 1),
        has_to_improve=True,
        opened_at=opened,
        **figures,
    )

    assert send_digests(now=MONDAY + timedelta(days=7)) == 1

    told = mails()[1].context
    assert told["new_answers"] == ""
    assert len(told["fallen"]) == 1
    assert "Precio y valor" in told["fallen"][0]


@pytest.mark.parametrize(
    ("rhythm", "expected"), [("weekly", [True, True, True]), ("monthly", [False, False, True]), ("never", [False] * 3)]
)
def test_everybody_chooses_how_often(reader: User, answer: Answer, rhythm: str, expected: list[bool]) -> None:
    Preference.objects.create(member=reader.affiliate_members.get(), rhythm=rhythm)

    sent = []
    for weeks in (0, 1, 4):  # the 9th and 16th of March, the 6th of April
        now = MONDAY + timedelta(weeks=weeks)
        answer(5, csat=5, at=now - timedelta(hours=30))
        sent.append(bool(send_digests(now=now)))

    assert sent == expected


def test_who_has_just_come_is_suspended_or_agreed_to_nothing_is_not_written_to(
    reader: User, ana: Affiliate, answered: None
) -> None:
    member = AffiliateMember.objects.filter(user=reader)
    silenced = [
        (member, {"created_at": MONDAY + timedelta(minutes=1)}),
        (member, {"accepted_terms_at": None}),
        (User.objects.filter(pk=reader.pk), {"is_active": False}),
        (Affiliate.objects.filter(pk=ana.pk), {"status": "suspended"}),
    ]
    for rows, change in silenced:
        before = rows.values(*change).get()
        rows.update(**change)

        assert send_digests(now=MONDAY) == 0
        rows.update(**before)

    assert send_digests(now=MONDAY) == 1


def test_one_reader_s_fault_leaves_the_others_their_summary(
    reader: User, shop: Shop, answered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digesting, "A_PAGE", 1)  # nor do they stand before the others for ever
    other = Shop(make_brand("otra"))
    bruno = make_affiliate(other.brand, "Bruno")
    user = make_member(bruno)
    AffiliateMember.objects.update(created_at=MONDAY - timedelta(days=90))
    for _number in range(5):
        other.respond(bruno, csat=5, at=MONDAY - timedelta(days=1))
    fold_changes(now=MONDAY - timedelta(days=1))
    weighed = {"method": "weights", "answers": 400, "read_until": MONDAY}
    Weighing.objects.create(brand=shop.brand, audience="programme", weights=["damaged"], **weighed)

    assert send_digests(now=MONDAY) == 1
    assert [mail.to_address for mail in mails()] == [user.email]


# --- The choice ------------------------------------------------------------------------------------------------------
def test_a_choice_is_kept_and_shown(as_ana: Client) -> None:
    assert as_ana.get(PAGE).context["form"].initial == {"rhythm": "weekly"}

    as_ana.post(PAGE, {"rhythm": "monthly"})

    assert as_ana.get(PAGE).context["form"].initial == {"rhythm": "monthly"}


def test_who_left_by_the_link_reads_never_and_may_come_back(as_ana: Client, answered: None) -> None:
    AffiliateMember.objects.update(created_at=MONDAY - timedelta(days=90))
    as_ana.post(PAGE, {"rhythm": "weekly"})
    send_digests(now=MONDAY)

    Client().post(f"/u/{mails()[0].token}/", {"List-Unsubscribe": "One-Click"})

    assert list(Suppression.objects.values_list("scope", "reason")) == [("digest", "opted_out")]
    assert as_ana.get(PAGE).context["form"].initial == {"rhythm": "never"}
    as_ana.post(PAGE, {"rhythm": "weekly"})
    assert not Suppression.objects.exists()
    assert as_ana.get(PAGE).context["form"].initial == {"rhythm": "weekly"}


def test_an_address_that_takes_no_mail_is_told(as_ana: Client, ana: Affiliate) -> None:
    suppress(ana.brand, "ana@lumbre-afiliados.example", scope="unasked", reason="complained", now=MONDAY)

    assert as_ana.get(PAGE).context["objection"] == "complained"
    as_ana.post(PAGE, {"rhythm": "weekly"})
    assert Suppression.objects.count() == 1


def test_staff_have_no_rhythm_of_an_affiliate(client: Client, shop: Shop, ana: Affiliate) -> None:
    client.force_login(make_staff(shop.brand))

    assert client.get(f"/portal/affiliates/{shop.brand.slug}/{ana.code}/notifications/").status_code == 404


def test_another_brand_s_reader_learns_nothing(answered: None, reader: User) -> None:
    make_member(make_affiliate(make_brand("otra"), "Olga"))
    AffiliateMember.objects.update(created_at=MONDAY - timedelta(days=90))

    send_digests(now=MONDAY)

    assert [mail.to_address for mail in mails()] == [reader.email]
