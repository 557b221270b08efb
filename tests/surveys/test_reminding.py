"""One reminder, then silence, whatever the clock and the workers do: tried with made-up days."""

import itertools
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from affiliates.models import Purchase
from mailing.models import OutgoingMail
from surveys.models import Invitation, InvitationMail, Wave
from surveys.scheduling import due_at, is_open
from surveys.services import hold_purchase, lift_hold, plan_invitations, send_due_invitations, send_due_reminders
from surveys.services.holding import pause_asking, resume_asking, wake_held
from surveys.standard import publish_standard_survey
from tests.factories import NOW, make_brand, make_customer, make_purchase

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = st.lists(
    st.tuples(
        st.timedeltas(timedelta(0), 30 * DAY),
        st.sampled_from(["work", "work", "work", "deliver", "hold", "lift", "pause", "resume", "plan"]),
    ),
    min_size=1,
    max_size=25,
)


class Silence(TestCase):
    """A class, as hypothesis wants it for a database that is rolled back after each example."""

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(steps=STEPS)
    def test_nobody_gets_more_than_one_question_and_one_reminder_a_wave(
        self, steps: list[tuple[timedelta, str]]
    ) -> None:
        brand = make_brand(reminder_after=4 * DAY, follow_up_rest_days=7)
        publish_standard_survey(brand)
        publish_standard_survey(brand, Wave.FOLLOW_UP)
        purchase = make_purchase(make_customer(brand), delivered_at=NOW)
        plan(purchase, NOW)
        now = NOW
        for passed, what in steps:
            now += passed
            happen(purchase, what, now)

        live_on(purchase, now)

        for wave in (Wave.FIRST, Wave.FOLLOW_UP):
            sent = InvitationMail.objects.filter(invitation__wave=wave, mail__state="sent").order_by("mail__sent_at")
            kinds = [row.kind for row in sent]
            assert kinds in ([], ["first"], ["first", "reminder"])
            times = [row.mail.sent_at for row in sent.select_related("mail")]
            assert all(later - earlier >= 4 * DAY for earlier, later in itertools.pairwise(times))
        # Whatever was taken back, nothing else ever left.
        assert OutgoingMail.objects.filter(state="sent").count() <= 4
        assert not Invitation.objects.exclude(remind_at=None).exists()


def plan(purchase: Purchase, now: datetime) -> None:
    fresh = Purchase.objects.select_related("brand").get(pk=purchase.pk)
    plan_invitations(fresh.brand, [fresh], now=now)


def work(now: datetime) -> None:
    """All that runs by itself."""
    wake_held(now=now)
    send_due_invitations(now=now)
    send_due_reminders(now=now)


def happen(purchase: Purchase, what: str, now: datetime) -> None:
    match what:
        case "work":
            work(now)
        case "deliver":
            OutgoingMail.objects.filter(state="queued").update(state="sent", sent_at=now)
        case "hold":
            hold_purchase(purchase, cause="complaint:1", now=now)
        case "lift":
            lift_hold(purchase, cause="complaint:1", now=now)
        case "pause":
            pause_asking(purchase.brand, now=now)
        case "resume":
            resume_asking(purchase.brand, now=now)
        case "plan":
            plan(purchase, now)


def live_on(purchase: Purchase, now: datetime) -> None:
    """Half a year in which nothing else happens: everything that was going to be sent is."""
    lift_hold(purchase, cause="complaint:1", now=now)
    resume_asking(purchase.brand, now=now)
    for day in range(0, 180, 6):
        work(now + day * DAY)
        OutgoingMail.objects.filter(state="queued").update(state="sent", sent_at=now + day * DAY)


# --- The hour that is there twice, or not at all ---------------------------------------------------------------------
CHANGES = {
    # The day before the clocks change, forward and back.
    "Europe/Madrid": ["2026-03-28", "2026-10-24"],
    "America/New_York": ["2026-03-07", "2026-10-31"],
    "America/Santiago": ["2026-04-03", "2026-09-04"],
    "Australia/Lord_Howe": ["2026-04-03", "2026-10-02"],
    "Africa/Cairo": ["2026-04-22", "2026-10-28"],
}
days = st.sampled_from([(zone, day) for zone, both in CHANGES.items() for day in both])


@pytest.mark.parametrize("start", [time(0, 30), time(1, 30), time(2, 15), time(10)])
@given(day=days, after=st.timedeltas(timedelta(0), 3 * DAY), wait=st.timedeltas(timedelta(0), timedelta(minutes=59)))
def test_whoever_is_due_when_the_clocks_change_is_asked_in_the_window_within_a_day(
    start: time, day: tuple[str, str], after: timedelta, wait: timedelta
) -> None:
    zone, end = ZoneInfo(day[0]), time(start.hour + 2, start.minute)
    earliest = datetime.fromisoformat(day[1]).replace(tzinfo=zone) + after

    due = due_at(earliest, zone=zone, start=start, end=end, wait=wait)

    assert due >= earliest
    assert is_open(due, zone, start, end)
    assert start <= due.astimezone(zone).time() < end
    assert due - earliest < 49 * HOUR  # where an opening fell into the hour that is skipped, the next day's
