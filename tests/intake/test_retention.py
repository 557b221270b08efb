"""What goes by itself, who is left in peace, and new keys for fingerprints."""

from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as product
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import AccessLog, AuditEntry, Brand, User
from affiliates.models import Click, Customer
from complaints.models import Complaint, ComplaintEvent, IncomingMail
from insights.sales import link_traffic
from insights.services import fold_changes
from intake.models import Erasure, InboundEvent, RetentionRun
from intake.rights.blocking import block_customer, unblock_customer
from intake.rights.erasing import request_erasure
from intake.rights.retention import KINDS, forget_what_is_old
from mailing.addresses import hash_address
from mailing.models import OutgoingMail, Suppression
from mailing.selectors.suppressions import suppressed_addresses
from mailing.services import suppress
from surveys.models import Answer, Invitation, Response, ResponseChange
from surveys.selectors import survey_states
from surveys.services import plan_invitations
from surveys.services.importing import ImportedResponse, import_responses
from tests.factories import NOW, make_customer, make_purchase
from tests.world import World, make_world

YEARS_LATER = NOW + timedelta(days=6 * 365)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


# --- Retention -------------------------------------------------------------------------------------------------------
def test_what_is_young_stays(world: World) -> None:
    run = forget_what_is_old(now=datetime.now(tz=NOW.tzinfo))

    assert {kind: count for kind, count in run.counts.items() if count and kind != "answers"} == {}
    assert run.counts.keys() == KINDS.keys() == product.RETENTION_DAYS.keys()


def test_what_is_old_goes_and_is_reported(world: World) -> None:
    connection.check_constraints()  # as at the end of the transactions that made the world
    visits = link_traffic(world.affiliate).visits
    InboundEvent.objects.update(state="done", processed_at=NOW)

    run = forget_what_is_old(now=YEARS_LATER)

    assert run == RetentionRun.objects.latest("pk")
    assert {kind for kind, count in run.counts.items() if count} >= {
        "hooks",
        "mails",
        "clicks",
        "answers",
        "access_log",
    }
    assert not Click.objects.exists()
    assert link_traffic(world.affiliate).visits == visits
    assert not InboundEvent.objects.exists()
    assert not AccessLog.objects.exists()
    assert [each.to_address for each in OutgoingMail.objects.filter(state="sent")] == [""]
    assert forget_what_is_old(now=YEARS_LATER).total == 0  # twice is once


def test_a_kind_that_fails_keeps_no_other_and_no_report(world: World, settings: Settings) -> None:
    """Else what comes after it would never go, and nobody would learn of what went before."""
    settings.RETENTION_DAYS = product.RETENTION_DAYS | {"mails": 10**9}  # before there were years

    with pytest.raises(ExceptionGroup) as raised:
        forget_what_is_old(now=YEARS_LATER)

    assert [type(each) for each in raised.value.exceptions] == [OverflowError]
    counts = RetentionRun.objects.latest("pk").counts
    assert counts["mails"] == 0
    assert counts["answers"] > 0
    assert counts["access_log"] > 0
    assert not AccessLog.objects.exists()


def test_an_old_answer_keeps_its_score_and_nobody(world: World) -> None:
    fold_changes(now=NOW)

    forget_what_is_old(now=YEARS_LATER)

    [response] = Response.objects.select_related("invitation")
    assert (response.invitation.purchase, response.invitation.occasion[:7]) == (None, "erased:")
    assert [answer.number for answer in Answer.objects.all()] == [1]
    customer = Customer.objects.get(pk=world.purchase.customer_id)
    assert (customer.name, customer.erased_at) == ("Carla Ruiz", None)


def test_old_answers_that_go_together_stay_among_each_other(world: World) -> None:
    first = Response.objects.select_related("invitation__survey").get()
    for number in range(world.brand.k):
        purchase = make_purchase(make_customer(world.brand, f"Otra {number}"), affiliate=world.affiliate)
        occasion = {"occasion": f"purchase:{purchase.pk}", "purchase": purchase, "state": Invitation.State.QUEUED}
        asked = Invitation.objects.create(brand=world.brand, survey=first.invitation.survey, **occasion)
        said = {"answered_at": first.answered_at, "updated_at": first.answered_at}
        ResponseChange.objects.create(response=Response.objects.create(brand=world.brand, invitation=asked, **said))
    fold_changes(now=NOW)

    forget_what_is_old(now=YEARS_LATER)

    assert {each.kept_for for each in Response.objects.all()} == {world.affiliate}


def test_letters_of_strangers_and_closed_cases_go_with_time(world: World) -> None:
    came: dict[str, Any] = {"brand": world.brand, "received_at": NOW, "try_at": NOW, "reason": "automatic"}
    IncomingMail.objects.create(message_id="<a@x.example>", state="set_aside", sender="robot@x.example", **came)
    waiting = IncomingMail.objects.create(message_id="<b@x.example>", state="quarantined", **came)
    Complaint.objects.filter(pk=world.complaint.pk).update(state="resolved", resolved_at=NOW, updated_at=NOW)

    forget_what_is_old(now=YEARS_LATER)

    assert [mail.pk for mail in IncomingMail.objects.all()] == [waiting.pk]
    assert [case.is_open for case in Complaint.objects.all()] == [True]
    assert not ComplaintEvent.objects.filter(complaint=world.complaint.pk).exists()


def test_an_old_file_counts_no_answer_twice(world: World) -> None:
    row = ImportedResponse("R-1", world.purchase.external_id, answered_at=NOW, csat=5, comment="Muy bien")
    assert [each.status for each in import_responses(world.brand, [row], now=NOW)] == ["updated"]
    forget_what_is_old(now=YEARS_LATER)
    later = replace(row, external_id="R-2", answered_at=NOW + timedelta(days=1))

    again = import_responses(world.brand, [row, later], now=YEARS_LATER)

    assert [each.status for each in again] == ["duplicate", "duplicate"]
    assert Response.objects.count() == 1
    assert [answer.text for answer in Answer.objects.all()] == [""]


def test_who_answered_long_ago_is_not_asked_again(world: World) -> None:
    Brand.objects.update(max_age_days=9999)
    forget_what_is_old(now=YEARS_LATER)

    plan_invitations(world.brand, [world.purchase], now=YEARS_LATER)

    assert survey_states([world.purchase], now=YEARS_LATER)[world.purchase.pk].state == "answered"
    assert not Invitation.objects.filter(purchase=world.purchase, state="planned").exists()


@pytest.mark.parametrize(
    ("kind", "index"),
    [("mails", "mail_by_age"), ("answers", "response_linked"), ("cases", "complaint_closed_by_age")],
)
def test_rows_that_stay_are_not_read_every_night(world: World, kind: str, index: str) -> None:
    """Those that are emptied or open, however many there are: the index by which it looks has none of them."""
    with CaptureQueriesContext(connection) as statements:
        KINDS[kind](YEARS_LATER)
    looked = next(each["sql"] for each in statements.captured_queries if " LIMIT " in each["sql"])

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {looked}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert index in plan
    assert "Sort" not in plan


def test_the_report_is_for_whoever_runs_the_installation(world: World, client: Client) -> None:
    page = reverse("admin:intake_retentionrun_changelist")
    client.force_login(world.staff)
    assert client.get(page).status_code == 403

    client.force_login(User.objects.create_superuser("root@lumbre.example"))
    assert "clicks: 3" in client.get(page).text


# --- Blocking --------------------------------------------------------------------------------------------------------
def test_a_blocked_customer_is_neither_asked_nor_written_to_until_unblocked(world: World) -> None:
    customer = Customer.objects.select_related("brand").get(pk=world.purchase.customer_id)
    address = customer.email or ""
    Invitation.objects.update(purchase=None, occasion="another")  # not asked yet

    block_customer(customer, by=world.staff, now=NOW)

    [invitation] = Invitation.objects.filter(purchase=world.purchase, wave="first")
    assert (invitation.state, invitation.reason) == ("cancelled", "suppressed")
    assert suppressed_addresses(world.brand, [address], scopes=["surveys"]) == {address: "manual"}
    assert suppressed_addresses(world.brand, [address], scopes=[]) == {}  # who writes to us gets an answer

    unblock_customer(customer, by=world.staff, now=NOW)

    invitation.refresh_from_db()
    assert invitation.reason != "suppressed"
    assert suppressed_addresses(world.brand, [address], scopes=["surveys"]) == {}
    assert list(AuditEntry.objects.filter(object_type="customer").values_list("action", flat=True)) == [
        "blocked",
        "unblocked",
    ]


def test_unblocking_lifts_no_wish_of_their_own(world: World) -> None:
    customer = Customer.objects.select_related("brand").get(pk=world.purchase.customer_id)
    wish: dict[str, Any] = {"scope": Suppression.UNASKED, "reason": Suppression.Reason.COMPLAINED}
    suppress(world.brand, customer.email or "", **wish, now=NOW)

    block_customer(customer, by=world.staff, now=NOW)
    unblock_customer(customer, by=world.staff, now=NOW)

    assert Suppression.objects.filter(address_hash=hash_address(customer.email or ""), **wish).exists()


def test_staff_block_by_a_page_that_asks_first(world: World, client: Client) -> None:
    client.force_login(world.staff)
    page = reverse("admin:intake_block_customer", args=[world.purchase.customer_id])
    customers = Customer.objects.filter(pk=world.purchase.customer_id, blocked_at=None)

    assert client.get(page).status_code == 200
    assert customers.exists()
    client.post(page)
    assert not customers.exists()
    client.post(page)
    assert customers.exists()


def test_nobody_is_unblocked_while_they_are_being_erased(world: World, client: Client) -> None:
    customer = Customer.objects.select_related("brand").get(pk=world.purchase.customer_id)
    request_erasure(customer, door=Erasure.Door.STAFF, by=world.staff, now=NOW)
    client.force_login(world.staff)

    client.post(reverse("admin:intake_block_customer", args=[customer.pk]))

    customer.refresh_from_db()
    assert customer.blocked_at == NOW


# --- Keys ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def two_keys(world: World, settings: Settings) -> Any:
    old = dict(settings.PSEUDONYM_KEYS)
    settings.PSEUDONYM_KEYS = {**old, max(old) + 1: "a newer key"}
    return settings


def test_known_addresses_move_to_the_newest_key_with_their_objections(world: World, two_keys: Any) -> None:
    newest = max(two_keys.PSEUDONYM_KEYS)
    customer = world.purchase.customer
    old = hash_address(customer.email or "", key_version=newest - 1)
    Suppression.objects.create(brand=world.brand, address_hash=old, scope="surveys", reason="opted_out")
    out = StringIO()

    call_command("rotate_pseudonyms", stdout=out)

    customer.refresh_from_db()
    moved = hash_address(customer.email or "")
    assert bytes(customer.email_hash or b"") == moved
    assert moved[0] == newest
    assert [bytes(each.address_hash) for each in Suppression.objects.filter(scope="surveys")] == [moved]
    # Of the other objection nobody knows the address any more: its key has to stay.
    assert "1 objections of unknown addresses need the older keys" in out.getvalue()
    two_keys.PSEUDONYM_KEYS = {newest: "a newer key"}
    assert suppressed_addresses(world.brand, [customer.email or ""], scopes=["surveys"])


def test_what_was_said_for_good_outlives_what_ends_under_a_new_key(world: World, two_keys: Any) -> None:
    address = world.purchase.customer.email or ""
    old = hash_address(address, key_version=max(two_keys.PSEUDONYM_KEYS) - 1)
    Suppression.objects.create(brand=world.brand, address_hash=old, scope="surveys", reason="opted_out")
    ends = {"reason": Suppression.Reason.BOUNCED, "expires_at": NOW + timedelta(days=1)}
    suppress(world.brand, address, scope="surveys", now=NOW, **ends)

    call_command("rotate_pseudonyms", stdout=StringIO())

    [standing] = Suppression.objects.filter(scope="surveys")
    assert (bytes(standing.address_hash), standing.reason, standing.expires_at) == (
        hash_address(address),
        "opted_out",
        None,
    )


def test_rotating_twice_changes_nothing_more(world: World, two_keys: Any) -> None:
    call_command("rotate_pseudonyms", stdout=StringIO())
    before = fingerprints()
    out = StringIO()

    call_command("rotate_pseudonyms", stdout=out)

    assert out.getvalue().startswith("0 customers and 0 objections")
    assert fingerprints() == before


def fingerprints() -> list[tuple[int, bytes]]:
    return [(each.pk, bytes(each.email_hash or b"")) for each in Customer.objects.order_by("pk")]
