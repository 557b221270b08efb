"""Every page of the portal, walked by its links: light, and asking the database as often for three rows as for one."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, resolve

from affiliates.models import Affiliate, Claim, Click
from affiliates.services import invite_member
from affiliates.services.telling import audience_of
from dashboards.urls import pages, urlpatterns
from insights.actions import Subject
from insights.models import Target
from insights.services import fold_changes, measure_brand
from insights.services.acting import Change, write_action
from insights.services.conversing import write_to_brand
from insights.services.hearing import Heard, write_heard
from tests.complaints.factories import make_complaint
from tests.dashboards.test_comparison import fall
from tests.factories import NOW, make_affiliate, make_link, make_member, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_comparing import ask_later
from tests.insights.test_privacy import fill_programme
from tests.listening import listen

MOST_BYTES = 60_000
# What takes something, or gives a file or a picture: no page.
NO_PAGES = {
    *("forget_heard", "run_link", "sub_ids", "close_action", "change_webhook", "close_tour"),
    *("change_person", "remove_person", "withdraw_invitation", "link_code"),
    *("export", "customers_export", "customers_of_brand_export", "cases_of_brand_export"),
    "terms",  # once, before all others
}
DAY = date(2026, 3, 2)


def add_a_row(shop: Shop, ana: Affiliate, number: int) -> None:
    """Of all that stands in lists: one more, and of a kind, since which of a day's sales comes first is chance."""
    by, brand = ana.members.get(role="owner").user, shop.brand
    other, link = make_affiliate(brand, f"Nueva {number}"), make_link(ana, f"guia-{number}")
    Click.objects.create(link=link, occurred_at=NOW)
    said: dict[str, Any] = {"improve": ["entrega"], "missing": ["yes"], "missing_facts": ["plazos"], "part": ["sale"]}
    said |= {"expectation": f"Envío gratis {number}", "keep_text": f"Bien {number}"}
    shop.respond_many(ana, 5, link=link, csat=1, **said)
    shop.respond_many(other, 5, csat=5, keep=["precio"])
    ask_later(shop, None, 1, alternatives=1, words=f"Llega antes {number}")
    make_complaint(shop.purchase(ana, link=link))
    fall(ana, brand, key=["entrega", "precio", "info_previa"][number])
    Target.objects.create(brand=brand, figure=["csat", "nps", "missing"][number], aim=50)
    sale: dict[str, Any] = {"purchased_on": DAY, "amount": 49, "currency": "EUR", "filed_at": NOW, "due_on": DAY}
    answered = {"state": "declined", "reason": "too_vague", "answered_at": NOW}
    Claim.objects.create(affiliate=ana, order_reference=f"X-{number}", **sale, **answered)
    write_action(brand, ana, Change(f"Digo el plazo {number}", DAY, Subject("figure", "csat")), by=by, now=NOW)
    write_heard(ana, Heard(DAY, "praise", "entrega", f"Dicho {number}"), by=by, now=NOW)
    invite_member(ana, f"nueva{number}@correo.example", by=None, now=NOW)
    listen(brand, "feedback.block_published", audience=audience_of(ana))
    fold_changes(now=NOW)
    write_to_brand(ana, "improve", "entrega", f"¿Qué plazo digo? {number}", by=by, now=NOW)


def walk(client: Client, start: str, *others: str) -> dict[str, tuple[int, int]]:
    """By its name, of the first page of each kind that links lead to: how many statements, and how many bytes."""
    found: dict[str, tuple[int, int]] = {}
    ahead = [start, *others]
    for url in ahead:
        name = resolve(url.partition("?")[0]).url_name or ""
        if name in found or name in NO_PAGES:
            continue
        with CaptureQueriesContext(connection) as asked:
            response = client.get(url)
        assert response.status_code == 200, url
        found[name] = len(asked), len(response.content)
        ahead += re.findall(rf'href="({start}[^"#]*)', response.text.replace("&amp;", "&"))
    return found


def names(patterns: list[Any]) -> Iterator[str]:
    return (each.name for each in patterns if isinstance(each, URLPattern) and each.name not in NO_PAGES)


def test_every_page_is_light_and_asks_as_much_for_three_rows_as_for_one(shop: Shop, ana: Affiliate) -> None:
    fill_programme(shop)
    member, staff = Client(), Client()
    member.force_login(make_member(ana))
    staff.force_login(make_staff(shop.brand))

    def walk_all() -> dict[str, tuple[int, int]]:
        measure_brand(shop.brand, now=NOW)
        brand = "/portal/brands/lumbre/"
        return walk(member, "/portal/") | walk(staff, brand, f"{brand}drivers/ana/")

    add_a_row(shop, ana, 0)
    one = walk_all()
    for number in (1, 2):
        add_a_row(shop, ana, number)
    three = walk_all()

    assert three.keys() == set(names(pages)) | set(names(urlpatterns))
    assert {name: size for name, (_asked, size) in three.items() if size >= MOST_BYTES} == {}
    # What the first walk fills for good, such as types of content, it asks for once more.
    more = {name: (one[name][0], asked) for name, (asked, _size) in three.items() if asked > one[name][0]}
    assert more == {}
