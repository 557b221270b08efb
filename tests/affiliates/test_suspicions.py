"""What looks as if an affiliate brought themselves the sale: found once, credited all the same, decided by a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Brand, Membership, User
from affiliates.models import Affiliate, Attribution, Click, Purchase, Suspicion, TrackingLink, click_public_id
from affiliates.services import (
    CustomerInput,
    PurchaseInput,
    decide_suspicion,
    flag_suspicions,
    record_click,
    record_purchases,
)
from tests.factories import NOW, make_affiliate, make_brand, make_link, make_member, make_staff

pytestmark = pytest.mark.django_db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


@pytest.fixture
def brand() -> Brand:
    return make_brand(suspect_purchases_an_hour=3, suspect_customers_a_domain=3)


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand, email="ana@blog.example")


@pytest.fixture
def link(ana: Affiliate) -> TrackingLink:
    return make_link(ana)


@pytest.fixture
def staff(brand: Brand) -> User:
    return make_staff(brand)


def buy(brand: Brand, external_id: str = "P1", *, source: str = "api", email: str = "", **fields: Any) -> Purchase:
    """Each by a customer of their own, with a mail domain of their own, two hours from the next."""
    number = int("".join(filter(str.isdigit, external_id)))
    defaults: dict[str, Any] = {"purchased_at": NOW - DAY - timedelta(hours=2 * number), "affiliate": "ana"}
    customer = CustomerInput(email=email or f"cliente@casa{external_id.lower()}.example")
    given = PurchaseInput(external_id, **{**defaults, "customer": customer, **fields})
    [recorded] = record_purchases(brand, [given], now=NOW, source=source)
    assert recorded.purchase
    return recorded.purchase


def found() -> list[tuple[Any, ...]]:
    return list(
        Suspicion.objects.order_by("pk").values_list("kind", "affiliate__code", "purchase__external_id", "detail")
    )


def click(link: TrackingLink, before: timedelta, *, at: Any = NOW - DAY, **fields: Any) -> dict[str, Any]:
    public_id = record_click(link.pk, kind="visit", visitor="", occurred_at=at - before, **fields)
    return {"click_ids": (public_id,), "affiliate": "", "purchased_at": at}


def test_ordinary_purchases_are_not_looked_at(brand, ana, link):
    for number in range(4):
        buy(brand, f"P{number}")
    buy(brand, "P9", **click(link, 10 * timedelta(seconds=1)))

    assert flag_suspicions(now=NOW) == 0
    assert found() == []


def test_what_is_found_is_found_once_and_changes_no_credit(brand, ana):
    purchase = buy(brand, email="ana+regalo@blog.example")

    assert flag_suspicions(now=NOW) == 1
    assert flag_suspicions(now=NOW + DAY) == 0
    assert found() == [("own_address", "ana", "P1", {})]
    assert Suspicion.objects.get().found_at == NOW
    assert Attribution.objects.get(purchase=purchase).affiliate == ana


def test_the_address_of_any_of_the_affiliates_people_counts(brand, ana):
    make_member(ana)
    buy(brand, email="ana+1@lumbre-afiliados.example")

    flag_suspicions(now=NOW)

    assert found() == [("own_address", "ana", "P1", {})]


def test_what_was_refused_to_the_affiliate_is_looked_at_too(brand, ana):
    purchase = buy(brand, email="ana@blog.example")
    assert Attribution.objects.get(purchase=purchase).reason == "self_referral"

    flag_suspicions(now=NOW)

    assert found() == [("own_address", "ana", "P1", {"refused": True})]


def test_somebody_elses_address_is_their_own_affair(brand, ana):
    make_affiliate(brand, "Bruno", email="bruno@blog.example")
    make_affiliate(make_brand("faro"), email="otra@blog.example")
    buy(brand, "P1", email="bruno+1@blog.example")
    buy(brand, "P2", email="otra+1@blog.example")

    assert flag_suspicions(now=NOW) == 0


@pytest.mark.parametrize(("seconds", "is_found"), [(0, True), (9, True), (10, False)])
def test_who_buys_seconds_after_the_click(brand, link, seconds, is_found):
    buy(brand, **click(link, timedelta(seconds=seconds)))

    flag_suspicions(now=NOW)

    assert found() == ([("quick", "ana", "P1", {"seconds": seconds})] if is_found else [])


def test_three_within_any_hour_are_a_burst_told_once(brand, ana):
    at = NOW - DAY + 50 * MINUTE
    for number, minutes in enumerate((0, 29, 58, 59)):
        buy(brand, f"P{number}", purchased_at=at + minutes * MINUTE)

    flag_suspicions(now=NOW)

    [(kind, affiliate, purchase, detail)] = found()
    assert (kind, affiliate, purchase, detail["purchases"]) == ("burst", "ana", None, 4)


def test_two_affiliates_have_bursts_of_their_own(brand, ana):
    make_affiliate(brand, "Bruno")
    for number, who in enumerate(("ana", "bruno", "ana", "bruno")):
        buy(brand, f"P{number}", affiliate=who, purchased_at=NOW - DAY + number * MINUTE)

    assert flag_suspicions(now=NOW) == 0


def test_many_customers_with_one_domain_unusual_elsewhere(brand, ana):
    make_affiliate(brand, "Bruno")
    for number in range(4):
        buy(brand, f"P{number}", email=f"c{number}@empresa.example")
        buy(brand, f"Q{number}", affiliate="bruno", email=f"b{number}@correo.example")
    for number in range(4, 8):
        buy(brand, f"P{number}", email=f"c{number}@correo.example")
        buy(brand, f"Q{number}", affiliate="bruno", email=f"b{number}@correo.example")

    flag_suspicions(now=NOW)

    assert found() == [("mail_domain", "ana", None, {"domain": "empresa.example", "customers": 4})]


@pytest.mark.parametrize("source", ["import"])
def test_history_is_left_alone(brand, ana, source):
    for number in range(4):
        buy(brand, f"P{number}", source=source, email=f"ana+{number}@blog.example", purchased_at=NOW - DAY)

    assert flag_suspicions(now=NOW) == 0


def test_each_look_can_be_switched_off(brand, ana, link):
    Brand.objects.update(suspect_seconds_after_click=0, suspect_purchases_an_hour=0, suspect_customers_a_domain=0)
    for number in range(4):
        buy(brand, f"P{number}", email=f"c{number}@empresa.example", **click(link, timedelta(seconds=1)))

    assert flag_suspicions(now=NOW) == 0


def test_it_asks_as_much_for_twenty_purchases_as_for_two(brand, ana):
    counts = []
    for numbers in (range(2), range(2, 20)):
        for number in numbers:
            buy(brand, f"P{number}", email=f"ana+{number}@blog.example")
        with CaptureQueriesContext(connection) as queries:
            flag_suspicions(now=NOW)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert Suspicion.objects.filter(kind="own_address").count() == 20


# --- The affiliate's own browser -------------------------------------------------------------------------------------
def follow(link: TrackingLink, user: User | None) -> Click:
    visitor = Client(headers={"User-Agent": BROWSER})
    if user:
        visitor.force_login(user)
    assert visitor.get(link.get_absolute_url()).status_code == 302
    return Click.objects.latest("pk")


def test_a_click_where_the_affiliate_is_signed_in_is_known_as_such(brand, ana, link, staff):
    bruno = make_member(make_affiliate(brand, "Bruno"))
    clicks = {name: follow(link, user).is_own_device for name, user in (("nobody", None), ("bruno", bruno))}
    own = follow(link, make_member(ana))
    assert (clicks, own.is_own_device) == ({"nobody": False, "bruno": False}, True)
    own.occurred_at = NOW - 2 * DAY
    own.public_id = click_public_id(own.occurred_at)  # which begins with its month
    own.save()

    buy(brand, click_ids=(own.public_id,), affiliate="")
    flag_suspicions(now=NOW)

    assert found() == [("own_device", "ana", "P1", {})]


def test_a_brand_may_not_care_whose_browser_it_was(brand, ana, link):
    Brand.objects.update(checks_own_device=False)
    buy(brand, **click(link, MINUTE, is_own_device=True))

    assert flag_suspicions(now=NOW) == 0


# --- Decided by a person ---------------------------------------------------------------------------------------------
@pytest.fixture
def suspicion(brand: Brand, ana: Affiliate) -> Suspicion:
    buy(brand, email="ana+regalo@blog.example")
    flag_suspicions(now=NOW)
    return Suspicion.objects.get()


def page(suspicion: Suspicion, name: str) -> str:
    return reverse("admin:affiliates_suspicion_decide", args=[suspicion.pk, name])


def test_staff_decide_on_its_page_and_it_leaves_the_list(suspicion, staff):
    sofia = Client(headers={"Accept-Language": "en"})
    sofia.force_login(staff)
    url = reverse("admin:affiliates_suspicion_changelist")
    assert "P1" in sofia.get(url).text
    assert sofia.post(page(suspicion, "confirm"), {"note": ""}).status_code == 200

    assert sofia.post(page(suspicion, "confirm"), {"note": "Compra propia"}).status_code == 302

    decided = Suspicion.objects.get()
    assert (decided.state, decided.note, decided.decided_by) == ("confirmed", "Compra propia", staff)
    assert sofia.get(url).context["cl"].result_count == 0
    assert sofia.get(url, {"state": "confirmed"}).context["cl"].result_count == 1


def test_it_is_decided_once_and_not_found_again(suspicion, staff):
    decide_suspicion(suspicion, is_confirmed=False, by=staff, now=NOW)

    with pytest.raises(ValidationError):
        decide_suspicion(suspicion, is_confirmed=True, note="Ahora sí", by=staff, now=NOW)

    assert flag_suspicions(now=NOW) == 0
    assert Suspicion.objects.get().state == "dismissed"


def test_who_only_reads_and_who_is_suspected_decide_nothing(suspicion, brand, ana):
    rosa, member = make_staff(brand, "Rosa", role=Membership.Role.READ_ONLY), make_member(ana)
    answers = []
    for user in (rosa, member):
        client = Client()
        client.force_login(user)
        answers.append(client.post(page(suspicion, "dismiss"), {"note": ""}).status_code)

    assert answers == [403, 302]
    assert Suspicion.objects.get().is_open


@pytest.mark.parametrize("kind", ["quick", "burst", "mail_domain"])
def test_each_kind_is_told_in_words(brand, ana, link, staff, kind):
    details = {
        "quick": ({"seconds": 3}, "3 seconds after the click"),
        "burst": ({"purchases": 30, "until": NOW.isoformat()}, "30 purchases in the hour before"),
        "mail_domain": ({"domain": "empresa.example", "customers": 7}, "7 customers at empresa.example"),
    }
    detail, words = details[kind]
    Suspicion.objects.create(affiliate=ana, kind=kind, key="1", detail=detail, found_at=NOW)
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(staff)

    assert words in client.get(reverse("admin:affiliates_suspicion_changelist")).text
