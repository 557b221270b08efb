"""The survey in a real browser: a phone in Spanish, with and without script, by thumb and by keyboard."""

import itertools
import re
from collections.abc import Callable
from typing import Literal

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Brand
from surveys.models import Response, ResponseRevision
from surveys.services.answering import said_in
from tests import factories
from tests.looking import assert_fits
from tests.surveys.factories import make_invitation, send_mail

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
def path(live_server: LiveServer) -> str:
    """The path of Carla's survey; her brand believes quick thumbs."""
    cache.clear()
    brand = factories.make_brand(color="#e8c547", min_form_seconds=0)
    ana = factories.make_affiliate(brand, "Ana", public_name="Ana Botas")
    mail = send_mail(make_invitation(factories.make_purchase(factories.make_customer(brand), affiliate=ana)))
    mail.sent_at = timezone.now()
    mail.save()
    return f"{live_server.url}/s/{mail.token}/"


def given() -> dict[str, object]:
    return {key: one.as_json for key, one in said_in(Response.objects.get()).given.items()}


def go_on(page: Page) -> None:
    """To the next page, and see it whole."""
    with page.expect_navigation():
        page.locator(".send .button-main").click()


def test_a_customer_taps_tells_and_goes_on_to_the_end(browser_page: Page, path: str) -> None:
    page = browser_page
    page.goto(f"{path}?q=2")

    expect(page.get_by_label("Mala", exact=True)).to_be_checked()
    go_on(page)
    page.get_by_role("group", name="¿Qué parte no fue bien?").get_by_text("La entrega").click()
    page.get_by_role("group", name="recomiendes").get_by_text("3", exact=True).click()
    page.locator("label.choice", has_text="Algo peor").click()
    go_on(page)
    expect(page.locator(".chip", has_text="Plazos")).to_be_hidden()
    page.get_by_role("group", name="¿Te faltó alguna información").get_by_text("Sí", exact=True).click()
    page.locator(".chip", has_text="Plazos").click()
    expect(page.get_by_role("group", name="¿Influyó en tu decisión?")).to_be_hidden()
    page.get_by_role("group", name="Ana Botas").get_by_text("Buena", exact=True).click()
    page.get_by_role("group", name="¿Influyó en tu decisión?").get_by_text("Mucho").click()
    go_on(page)
    page.get_by_label("¿Qué esperabas y no encontraste?").fill("Que llegara en mayo")
    go_on(page)
    page.get_by_role("group", name="¿Qué deberíamos mejorar?").get_by_text("Entrega", exact=True).click()
    page.get_by_role("group", name="¿Quieres que te contactemos?").get_by_text("Sí, por correo").click()
    go_on(page)

    expect(page).to_have_url(re.compile("/thanks/$"))
    assert given() == {
        "csat": 2,
        "part": ["delivery"],
        "nps": 3,
        "promise": -1,
        "missing": ["yes"],
        "missing_facts": ["deadlines"],
        "affiliate_rating": 4,
        "influence": ["much"],
        "expectation": "Que llegara en mayo",
        "improve": ["entrega"],
        "contact": ["yes"],
    }
    assert not Response.objects.get().is_suspect
    assert not ResponseRevision.objects.exists()


def test_two_taps_on_send_are_one_answer(browser_page: Page, path: str) -> None:
    browser_page.goto(f"{path}?q=5")
    browser_page.locator(".send button").dblclick()

    # Not wait_for_url: it fails when the second tap breaks off the way that the first has begun.
    expect(browser_page.locator("[name=nps]").first).to_be_visible()
    assert given() == {"csat": 5}


def test_the_browsers_own_way_back_loses_nothing(browser_page: Page, path: str) -> None:
    page = browser_page
    page.goto(f"{path}?q=5")
    go_on(page)
    page.locator("[name=nps][value='9']").check()
    go_on(page)
    expect(page.locator("[name=missing]").first).to_be_visible()
    page.go_back()
    go_on(page)
    expect(page.locator("[name=missing]").first).to_be_visible()
    page.locator(".back button").click()

    expect(page.locator("[name=nps][value='9']")).to_be_checked()
    assert given() == {"csat": 5, "nps": 9}


def test_without_the_first_answer_nothing_leaves_the_page(browser_page: Page, path: str) -> None:
    browser_page.goto(f"{path}?step=all")
    browser_page.locator("[name=keep_text]").fill("El trato")
    browser_page.locator(".send button").click()

    assert browser_page.url == f"{path}?step=all"
    expect(browser_page.locator("[name=keep_text]")).to_have_value("El trato")
    assert not Response.objects.exists()


def test_the_keyboard_alone_is_enough(browser_page: Page, path: str) -> None:
    page = browser_page
    page.goto(path)
    page.locator("[name=csat]").first.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):  # Enter presses the first button: go on
        page.keyboard.press(key)
    expect(page.locator("[name=part]").first).to_be_visible()  # 3 of 5: what did not go well is asked
    page.locator("[name=nps]").first.focus()
    for key in ("ArrowRight", "Tab", "Space", "Tab", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.value") == "finish"
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/thanks/$"))
    assert given() == {"csat": 3, "nps": 1, "promise": -2}


def test_without_script_it_is_the_same(browser: Browser, path: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="es-ES", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{path}?q=4")
    go_on(page)
    page.locator("[name=nps][value='8']").check()
    page.locator(".send [value=finish]").click()
    page.wait_for_url("**/thanks/")

    page.goto(path)
    assert page.locator("[name=csat][value='4']").is_checked()
    page.locator("[name=keep_text]").fill("El trato")
    go_on(page)
    page.wait_for_url("**/thanks/")
    page.goto(path)
    assert page.locator("[name=keep_text]").input_value() == ""
    context.close()
    assert given() == {"csat": 4, "nps": 8, "keep_text": "El trato"}


def test_every_step_is_accessible_and_fits(
    browser_page: Page, path: str, assert_accessible: Callable[[Page], None]
) -> None:
    page = browser_page
    for width, language, scheme in itertools.product((320, 1280), ("es", "en"), SCHEMES):
        page.set_viewport_size({"width": width, "height": 640})
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{path}?step=1&q=1&lang={language}")
        for step in range(1, 6):
            if step == 3:
                page.locator("[name=missing][value=yes]").check()
            if step == 2:
                page.locator("[name=promise][value='-2']").check()
            assert_fits(page)
            assert page.locator("h1").count() == 1
            assert_accessible(page)
            go_on(page)
        page.wait_for_url("**/thanks/*")


def test_all_on_one_page_is_accessible_and_fits(
    browser_page: Page, path: str, assert_accessible: Callable[[Page], None]
) -> None:
    page = browser_page
    for width, language, scheme in itertools.product((320, 1280), ("es", "en"), SCHEMES):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{path}?step=all&q=1&lang={language}")
        page.locator("[name=promise][value='-2']").check()
        page.locator("[name=missing][value=yes]").check()

        assert_fits(page)
        assert_accessible(page)

        page.locator("[name=nonce]").evaluate("input => { input.value = '' }")
        page.locator(".send button").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert_accessible(page)


def test_a_closed_link_is_accessible(browser_page: Page, path: str, assert_accessible: Callable[[Page], None]) -> None:
    Brand.objects.update(link_days=0)

    browser_page.goto(path)

    expect(browser_page.get_by_role("link", name="atencion@lumbre.example")).to_be_visible()
    assert browser_page.locator("[name=csat]").count() == 0
    assert_accessible(browser_page)
