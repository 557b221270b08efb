"""The portal in a real browser: a phone and a desk, in both themes, with few answers, some and many."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from affiliates.models import Affiliate, AffiliateMember, Claim, Click, LinkPromise
from affiliates.services import ClaimInput, decline_claim, file_claim, invite_member
from affiliates.standard import offer_standard_promises
from insights.models import AffiliateWord, PublicPage, Weighing
from insights.services import fold_changes
from surveys.models import Response
from tests import factories
from tests.factories import NOW
from tests.insights.conftest import Shop
from tests.insights.test_privacy import fill_programme
from tests.looking import assert_fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (360, 1280, 1920)
PAGES = (
    "/portal/",
    "/portal/opinions/",
    "/portal/links/",
    "/portal/links/new/",
    "/portal/links/guia/edit/",
    "/portal/sales/",
    "/portal/sales/claims/",
    "/portal/people/",
    "/portal/terms/",
)


PAGES_OF_MANY = (
    "/portal/conversations/",
    "/portal/conversations/improve/entrega/",
    "/portal/heard/",
    "/portal/reputation/",
    "/portal/report/",
    "/portal/notifications/",
    "/o/the-page-of-ana/",
    "/o/the-page-of-ana/embed/",
)


def claim_of(affiliate: Affiliate, user: User) -> None:
    """One that is answered, so that it has a page."""
    told = ClaimInput("L-1001", NOW.date(), Decimal("49.90"), "EUR")
    claim, _is_new = file_claim(affiliate, told, by=user, now=NOW)
    decline_claim(claim, reason=Claim.Reason.OUTSIDE_RULES, by=factories.make_staff(affiliate.brand), now=NOW)


@pytest.fixture
def signed_in(browser_page: Page, live_server: LiveServer) -> Callable[[int], Page]:
    """Ana before her portal, after so many answers of her customers and sixty of the others'."""

    def sign_in(answers: int) -> Page:
        cache.clear()
        shop = Shop(factories.make_brand())
        ana = factories.make_affiliate(shop.brand, "Ana")
        user = factories.make_member(ana)
        link = factories.make_link(ana, "guia", campaign="Guía de zapatillas de montaña para principiantes")
        LinkPromise.objects.create(link=link, text="Envío en 24 h a toda la península")
        offer_standard_promises(shop.brand)
        Click.objects.create(link=link, occurred_at=NOW, sub_ids={"sub1": "boletín-de-noviembre-de-la-montaña"})
        PublicPage.objects.create(affiliate=ana, token="the-page-of-ana", is_on=True, frame_hosts=["blog.example"])
        invite_member(ana, "una-persona-de-nombre-larguisimo@correo.example", by=None, now=NOW)
        claim_of(ana, user)
        fill_programme(shop)
        shop.respond_many(
            ana,
            answers,
            link=link,
            csat=5,
            nps=9,
            promise=0,
            affiliate_rating=5,
            missing=["yes"],
            keep=["precio"],
            missing_facts=["plazos", "garantia"],
            improve=["entrega"],
            expectation="Envío gratis",
            keep_text="Buen precio",
            improve_text="Tardó en llegar y nadie avisó",
        )
        Response.objects.filter(brand=shop.brand).update(publishes=True)
        fold_changes(now=NOW)
        browser_page.goto(f"{live_server.url}/accounts/login/")
        browser_page.locator("[name=login]").fill(user.email)
        browser_page.locator("[name=password]").fill(factories.PASSWORD)
        browser_page.locator("main button[type=submit], main .button-main").first.click()
        browser_page.wait_for_url("**/portal/**")
        return browser_page

    return sign_in


@pytest.mark.parametrize("answers", [4, 6, 25])
def test_every_page_is_accessible_and_fits(
    signed_in: Callable[[int], Page], live_server: LiveServer, assert_accessible: Callable[[Page], None], answers: int
) -> None:
    page = signed_in(answers)

    for path in (*PAGES, *(PAGES_OF_MANY if answers > 20 else ())):
        page.goto(live_server.url + path)
        assert_reads_well(page, assert_accessible)


def test_the_pages_of_a_sale_and_of_a_claim_are_accessible_and_fit(
    signed_in: Callable[[int], Page], live_server: LiveServer, assert_accessible: Callable[[Page], None]
) -> None:
    page = signed_in(4)

    for path, link in (("/portal/sales/", "ol.sales a"), ("/portal/sales/claims/", ".claim a")):
        page.goto(live_server.url + path)
        page.locator(link).first.click()
        page.wait_for_url(f"**{path}*/**")
        for fold in page.locator("main details").all():
            fold.locator("summary").click()
        assert_reads_well(page, assert_accessible)


def test_what_moves_the_score_is_accessible_and_fits(
    signed_in: Callable[[int], Page], live_server: LiveServer, assert_accessible: Callable[[Page], None]
) -> None:
    page = signed_in(25)
    ana = Affiliate.objects.get(code="ana")
    weights = [
        ["question", "missing", 0.5, 0.4, 0.6],
        ["aspect", "entrega", 0.4, 0.3, 0.5],
        ["aspect", "precio", 0.1, 0, 0.2],
    ]
    weighed: dict[str, Any] = {"method": "weights", "answers": 400, "weights": weights, "read_until": NOW}
    Weighing.objects.create(brand=ana.brand, audience="programme", **weighed)
    word: dict[str, Any] = {"side": "own", "form": "nadie avisó", "comments": 25, "customers": 25, "z": 3.0}
    AffiliateWord.objects.create(brand=ana.brand, affiliate=ana, is_published=True, **word)

    page.goto(f"{live_server.url}/portal/drivers/")
    expect(page.locator("svg.chart")).to_have_count(2)
    for fold in page.locator("main details").all():
        fold.locator("summary").click()

    assert_reads_well(page, assert_accessible)
    page.get_by_role("link", name="nadie avisó").click()
    expect(page.get_by_text("Tardó en llegar y nadie avisó").first).to_be_visible()


def assert_reads_well(page: Page, assert_accessible: Callable[[Page], None]) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert_accessible(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert_fits(page)


def test_a_finding_opens_what_stands_behind_it(signed_in: Callable[[int], Page]) -> None:
    page = signed_in(25)
    evidence = page.get_by_role("region", name="Mantener").get_by_text("25 de los 25 que lo mencionan")
    expect(evidence).to_be_hidden()

    page.get_by_role("region", name="Mantener").locator("summary", has_text="Precio y valor").press("Enter")

    expect(evidence).to_be_visible()


def test_a_period_is_chosen_without_a_script(signed_in: Callable[[int], Page]) -> None:
    page = signed_in(25)

    page.get_by_label("Periodo").select_option("marzo de 2026")
    page.get_by_role("button", name="Ver").click()

    page.wait_for_url("**/portal/?period=2026-03")
    expect(page.get_by_label("Periodo")).to_have_value("2026-03")


def test_at_the_first_sign_in_the_terms_are_accepted(signed_in: Callable[[int], Page], live_server: LiveServer) -> None:
    page = signed_in(0)
    AffiliateMember.objects.update(accepted_terms_at=None)
    page.goto(f"{live_server.url}/portal/sales/")

    expect(page.get_by_role("heading", level=1)).to_have_text("Antes de empezar")
    page.get_by_role("button", name="De acuerdo, ver mis datos").click()

    page.wait_for_url("**/portal/")
    expect(page.get_by_text("Aún no hay respuestas suficientes de tus clientes.")).to_be_visible()


def test_on_paper_the_evidence_is_open_and_the_navigation_gone(signed_in: Callable[[int], Page]) -> None:
    page = signed_in(25)
    evidence = page.get_by_role("region", name="Mantener").get_by_text("25 de los 25 que lo mencionan")

    page.emulate_media(media="print")

    expect(evidence).to_be_visible()
    expect(page.get_by_role("navigation", name="Secciones")).to_be_hidden()
    expect(page.get_by_role("button", name="Ver")).to_be_hidden()


def test_on_a_phone_the_sections_wait_behind_one_bar_that_opens_without_a_script(
    signed_in: Callable[[int], Page], live_server: LiveServer, assert_accessible: Callable[[Page], None]
) -> None:
    page = signed_in(25)
    page.set_viewport_size({"width": 360, "height": 740})
    opinions = page.get_by_role("link", name="Opiniones", exact=True)
    assert page.locator(".masthead").evaluate("bar => bar.offsetHeight") <= 64
    expect(opinions).to_be_hidden()

    page.locator(".menu > summary").press("Enter")
    assert_accessible(page)
    opinions.click()

    page.wait_for_url("**/portal/opinions/")


@pytest.mark.parametrize("width", [1000, 1280])
def test_with_room_the_sections_stand_open(signed_in: Callable[[int], Page], width: int) -> None:
    page = signed_in(4)
    page.set_viewport_size({"width": width, "height": 740})

    expect(page.locator(".menu > summary")).to_be_hidden()
    expect(page.get_by_role("navigation", name="Secciones").get_by_role("link", name="Opiniones")).to_be_visible()


def test_on_a_phone_boards_show_their_gist_and_open(signed_in: Callable[[int], Page]) -> None:
    page = signed_in(25)
    missing = page.get_by_role("region", name="Lo que faltó antes de comprar")
    page.set_viewport_size({"width": 1280, "height": 740})
    expect(missing.locator(".pareto")).to_be_visible()

    page.set_viewport_size({"width": 360, "height": 740})
    expect(missing.locator(".pareto")).to_be_hidden()
    missing.locator(".fold > summary").click()

    expect(missing.locator(".pareto")).to_be_visible()


def test_an_opinion_is_reported(
    signed_in: Callable[[int], Page], live_server: LiveServer, assert_accessible: Callable[[Page], None]
) -> None:
    page = signed_in(6)
    page.goto(f"{live_server.url}/portal/opinions/?theme=expectation")
    page.locator(".opinions a").first.click()
    page.wait_for_url("**/opinions/*/")
    assert_reads_well(page, assert_accessible)

    page.get_by_role("radio").first.check()
    page.locator("main .button-main").click()

    page.wait_for_url("**/portal/opinions/")
    expect(page.get_by_text("Envío gratis")).to_have_count(0)
