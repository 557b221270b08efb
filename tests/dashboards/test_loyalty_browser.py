"""Actions and customers in a real browser: a phone and a desk, in both themes, for an affiliate and for staff."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import Membership, User
from affiliates.models import Affiliate
from complaints.models import Complaint
from insights.models import Action, ShownCount
from insights.services.contributing import count_contributions
from surveys.admin.answers import ANSWERS_A_PAGE
from tests.complaints.factories import make_complaint
from tests.dashboards.test_browser import assert_reads_well, signed_in
from tests.factories import NOW, make_affiliate, make_customer, make_purchase

__all__ = ["signed_in"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def action_of(ana: Affiliate) -> Action:
    """With twenty-five answers published on either side of it."""
    for month, satisfied in ((8, 5), (9, 10), (10, 25)):
        for value, n in (("", 25), ("5", satisfied), ("1", 25 - satisfied)):
            ShownCount.objects.create(
                brand=ana.brand, affiliate=ana, month=date(2025, month, 1), question="csat", value=value, count=n
            )
    return Action.objects.create(
        brand=ana.brand,
        affiliate=ana,
        text="Digo el plazo real de entrega en el vídeo",
        changed_on=date(2025, 9, 2),
        subject="figure",
        key="csat",
    )


def buy(ana: Affiliate) -> None:
    """Forty customers, half of whom come back."""
    for number in range(40):
        customer = make_customer(ana.brand)
        for days in (200, 150) if number < 20 else (200,):
            make_purchase(customer, affiliate=ana, purchased_at=NOW - timedelta(days=days))
    count_contributions(ana.brand, now=NOW)


def at_risk(ana: Affiliate) -> None:
    """An order that has to arrive today, of a shop that reports deliveries, and a case that is late."""
    now = datetime.now(UTC)
    make_purchase(make_customer(ana.brand), affiliate=ana, purchased_at=now - timedelta(days=20), delivered_at=now)
    order = {"purchased_at": now - timedelta(days=2), "delivered_at": None, "promised_on": now.date()}
    make_purchase(make_customer(ana.brand), affiliate=ana, **order)
    case = make_complaint(make_purchase(make_customer(ana.brand)))
    Complaint.objects.filter(pk=case.pk).update(service_due_at=now - timedelta(hours=2))


def test_actions_and_customers_are_accessible_and_fit(
    signed_in: Callable[[int], Page], live_server: LiveServer, assert_accessible: Callable[[Page], None]
) -> None:
    page = signed_in(6)
    ana = Affiliate.objects.get(code="ana")
    for path in ("/portal/actions/", "/portal/customers/"):  # with nothing in them yet
        page.goto(live_server.url + path)
        assert_reads_well(page, assert_accessible)
    action = action_of(ana)
    buy(ana)

    for path in ("actions/", f"actions/{action.uuid}/", "actions/new/", f"actions/{action.uuid}/edit/", "customers/"):
        page.goto(f"{live_server.url}/portal/{path}")
        assert_reads_well(page, assert_accessible)

    user = User.objects.get(affiliate_members__affiliate=ana)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    Membership.objects.create(user=user, brand=ana.brand, role=Membership.Role.ADMIN)
    at_risk(ana)
    bruno = make_affiliate(ana.brand, "Bruno")
    programme = f"/portal/brands/{ana.brand.slug}/"
    looking_on = f"/portal/affiliates/{ana.brand.slug}/{bruno.code}/"
    for path in (programme, f"{programme}customers/", f"{programme}customers/ana/", looking_on):
        page.goto(live_server.url + path)
        assert_reads_well(page, assert_accessible)
    # The desk's links change their colour slowly: a page is looked at as it was opened.
    for query, rows in (("suspects=only&affiliate=nobody", 0), ("", ANSWERS_A_PAGE)):
        page.goto(f"{live_server.url}/admin/surveys/response/?{query}")
        assert page.locator("table.answers tbody tr").count() == rows
        assert_accessible(page)
