"""The builder in a real browser: the preview follows what is typed, the keyboard is enough, a phone is wide enough."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Brand
from mailing.models import OutgoingMail
from surveys.models import Response, Survey, Wave
from surveys.services.editing import begin_draft
from surveys.standard import publish_standard_survey
from tests import factories
from tests.looking import assert_fits

pytestmark = pytest.mark.browser
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}

OpenDesk = Callable[..., Page]


@pytest.fixture
def brand(transactional_db: None) -> Brand:
    return factories.make_brand()


@pytest.fixture
def published(brand: Brand) -> Survey:
    return publish_standard_survey(brand)


@pytest.fixture
def open_desk(browser: Browser, live_server: LiveServer, brand: Brand) -> Iterator[OpenDesk]:
    """Sofía at a page of the admin. An error in the console, such as a violation of the policy, fails the test."""
    client = Client()
    client.force_login(factories.make_staff(brand))
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and message.location["url"]:  # axe, which has none, tries styles of its own
            errors.append(f"{message.location['url']}: {message.text}")

    def open_page(name: str, *args: int, **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-GB", "viewport": DESK, **options})
        contexts.append(context)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        page = context.new_page()
        page.on("console", note)
        page.goto(live_server.url + reverse(f"admin:surveys_{name}", args=args))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def test_from_a_new_version_to_publishing_it(
    open_desk: OpenDesk, brand: Brand, published: Survey, assert_accessible: Callable[[Page], None]
) -> None:
    page = open_desk("survey_change", published.pk)
    assert_accessible(page)
    page.get_by_role("button", name="New version").click()
    preview = page.frame_locator("iframe[name=preview]")
    expect(preview.get_by_role("heading", level=1)).to_be_visible()
    assert_accessible(page)

    # What is typed is in the preview before it is saved.
    page.get_by_label("One of your own").select_option("choice")
    page.get_by_role("button", name="Add a question of your own").click()
    own = page.locator("#q-own_1")
    own.get_by_role("textbox", name="Question, Spanish", exact=True).fill("¿Volverías a comprar aquí?")
    expect(preview.get_by_text("¿Volverías a comprar aquí?")).to_be_visible()
    assert not brand.surveys.filter(questions__texts__es="¿Volverías a comprar aquí?").exists()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="things are missing")).to_be_visible()
    assert_accessible(page)

    # Each thing that is missing leads to its box; the keyboard is enough.
    page.get_by_role("region", name="things are missing").get_by_role("link").first.press("Enter")
    for label, words in (
        ("Question, English", "Would you buy here again?"),
        ("Answer 1, Spanish", "Sí"),
        ("Answer 1, English", "Yes"),
        ("Answer 2, Spanish", "No"),
        ("Answer 2, English", "No"),
    ):
        own.get_by_role("textbox", name=label, exact=True).focus()
        page.keyboard.type(words)
    page.keyboard.press("Enter")  # in a box it saves, and publishes nothing
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    assert brand.surveys.get(version=2).status == Survey.Status.DRAFT

    # Asked only of those who would not recommend.
    own.locator("summary").first.click()
    own.get_by_label("Depends on").select_option("nps")
    own.get_by_label("Compared how").select_option("at_most")
    own.get_by_label("With which answer").select_option("nps:6")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published. From now on customers are asked by this version.")).to_be_visible()

    question = Survey.objects.published(brand, Wave.FIRST).get().questions.get(key="own_1")
    assert question.condition == {"question": "nps", "at_most": 6}
    assert [option["labels"] for option in question.options] == [{"es": "Sí", "en": "Yes"}, {"es": "No", "en": "No"}]
    assert not Response.objects.exists()

    page.get_by_role("link", name="Compare with version 1").click()
    expect(page.get_by_role("main")).to_contain_text("Added")
    assert_accessible(page)


def test_the_preview_can_run_and_send_nothing(open_desk: OpenDesk, brand: Brand, published: Survey) -> None:
    page = open_desk("survey_change", published.pk)
    preview = page.frame_locator("iframe[name=preview]")

    preview.locator("#ask-csat").get_by_text("Muy mala").click()
    expect(preview.get_by_text("¿Qué parte no fue bien?")).to_be_visible()
    page.get_by_label("Language").select_option("en")
    expect(preview.get_by_text("Overall, how would you rate your purchase?")).to_be_visible()

    assert not Response.objects.exists()


def test_the_builder_fits_a_phone_and_needs_no_script(
    open_desk: OpenDesk, brand: Brand, published: Survey, assert_accessible: Callable[[Page], None]
) -> None:
    draft = begin_draft(brand, Wave.FIRST)
    page = open_desk("survey_change", draft.pk, viewport=PHONE, java_script_enabled=False, locale="es-ES")
    assert_fits(page)

    question = page.locator("#q-promise")
    question.locator("summary").first.click()
    assert_fits(page)
    page.locator("[name='promise.text.es']").fill("¿Fue como te contaron?")
    page.locator("#show-preview").click()
    expect(page.frame_locator("iframe[name=preview]").get_by_role("heading", level=1)).to_be_visible()
    page.locator("button[value='up:promise']").click()

    expect(page.locator("#q-promise details").first).to_have_attribute("open", "")
    assert draft.questions.get(key="promise").texts["es"] == "¿Fue como te contaron?"
    keys = list(draft.questions.order_by("position").values_list("key", flat=True))
    assert keys.index("promise") == 2
    assert_fits(page)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_question_is_dragged_to_its_place_and_what_was_typed_is_kept(
    open_desk: OpenDesk, brand: Brand, published: Survey, viewport: Any
) -> None:
    draft = begin_draft(brand, Wave.FOLLOW_UP)  # of few questions, so that all fit the window
    before = list(draft.questions.values_list("key", flat=True))
    page = open_desk("survey_change", draft.pk, viewport=viewport)
    page.locator("#q-needs > details > summary").click()
    page.locator('[name="needs.text.en"]').fill("What next?")
    page.locator("#q-needs > details > summary").click()

    with page.expect_navigation():
        drag(page, "needs", onto="alternatives")

    expect(page.locator(".builder-question").nth(1)).to_have_id("q-needs")
    expected = ["buy_again", "needs", *[key for key in before if key not in ("buy_again", "needs")]]
    assert list(draft.questions.values_list("key", flat=True)) == expected
    assert draft.questions.get(key="needs").texts["en"] == "What next?"
    assert_fits(page)


def test_a_drag_that_is_given_up_changes_nothing(open_desk: OpenDesk, brand: Brand, published: Survey) -> None:
    draft = begin_draft(brand, Wave.FOLLOW_UP)
    before = list(draft.questions.values_list("key", flat=True))
    page = open_desk("survey_change", draft.pk)

    drag(page, "needs", onto="alternatives", escapes=True)

    shown = page.locator(".builder-question").evaluate_all("rows => rows.map(row => row.dataset.question)")
    assert shown == before == list(draft.questions.values_list("key", flat=True))
    page.close()


def drag(page: Page, key: str, *, onto: str, escapes: bool = False) -> None:
    """By the handle of one question to just above another."""
    handle = page.locator(f"#q-{key} > .builder-handle")
    handle.scroll_into_view_if_needed()
    start, end = handle.bounding_box(), page.locator(f"#q-{onto}").bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 5, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 2, steps=8)
    if escapes:
        page.keyboard.press("Escape")
    page.mouse.up()


def test_the_mail_is_worded_beside_a_real_one(
    open_desk: OpenDesk, brand: Brand, published: Survey, assert_accessible: Callable[[Page], None]
) -> None:
    customer = factories.make_customer(brand, "Carla Ruiz")
    factories.make_purchase(customer, external_id="P-1", product=factories.make_product(brand))
    draft = begin_draft(brand, Wave.FIRST)
    page = open_desk("survey_mail", draft.pk)
    assert_accessible(page)

    page.locator("[name='es.subject']").fill("¿Qué tal, {name}?")
    frame = page.frame_locator("iframe[name=preview]")
    expect(frame.get_by_text("¿Qué tal, Carla?")).to_be_visible()
    expect(frame.frame_locator("iframe").get_by_text("Muy buena")).to_be_visible()
    page.locator("[name='es.body']").fill("¿Qué tal {producto}?")
    page.get_by_role("button", name="Save the words").click()

    expect(page.get_by_text("“{producto}” is not known.")).to_be_visible()
    assert_accessible(page)
    page.locator("[name='es.body']").fill("¿Qué tal {product}?")
    page.get_by_role("button", name="Save the words").click()
    expect(page.get_by_text("The words of the mail are saved.")).to_be_visible()
    draft.refresh_from_db()
    assert draft.mail_texts == {"es": {"subject": "¿Qué tal, {name}?", "body": "¿Qué tal {product}?"}}
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("locale", ["es-ES", "en-GB"])
def test_the_other_pages_are_accessible_and_fit(
    open_desk: OpenDesk, brand: Brand, published: Survey, assert_accessible: Callable[[Page], None], locale: str
) -> None:
    draft = begin_draft(brand, Wave.FIRST)
    fact = brand.facts.first()
    assert fact is not None
    for name, args in {
        "survey_changelist": (),
        "survey_add": (),
        "survey_discard": (draft.pk,),
        "survey_compare": (draft.pk, published.pk),
        "survey_mail": (draft.pk,),
        "fact_changelist": (),
        "fact_change": (fact.pk,),
        "response_export": (),
    }.items():
        page = open_desk(name, *args, viewport=PHONE, locale=locale)
        assert_accessible(page)
        assert_fits(page)
