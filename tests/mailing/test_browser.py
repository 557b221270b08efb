"""Sofía looks after the mail: finds one, reads its story, settles what is uncertain, and watches the queue."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Brand
from mailing.models import MailEvent, OutgoingMail
from mailing.services.watching import note_alive
from tests.factories import NOW, make_brand, make_staff
from tests.looking import assert_fits
from tests.mailing.factories import make_mail

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
State = OutgoingMail.State
LEDGER = reverse("admin:mailing_outgoingmail_changelist")
UNCERTAIN = reverse("admin:mailing_outgoingmail_uncertain")
QUEUE = reverse("admin:mailing_outgoingmail_queue")


@pytest.fixture
def brand(transactional_db: None) -> Brand:
    return make_brand()


@pytest.fixture
def sofia_at(browser_page: Page, live_server: LiveServer, brand: Brand) -> Callable[[str], Page]:
    """Her browser, signed in, at an address."""
    client = Client()
    client.force_login(make_staff(brand))
    name = settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
    browser_page.context.add_cookies([cookie])  # type: ignore[list-item]

    def visit(address: str) -> Page:
        browser_page.goto(live_server.url + address)
        return browser_page

    return visit


def make_one_of_each(brand: Brand) -> None:
    for state in (State.QUEUED, State.SENT, State.FAILED, State.UNCERTAIN, State.CANCELLED, State.EXPIRED):
        mail = make_mail(brand, to=f"una-persona-de-nombre-bastante-largo-{state}@correo-de-ejemplo.example")
        OutgoingMail.objects.filter(pk=mail.pk).update(
            state=state, sent_at=NOW, handed_over_at=NOW, reason="lost", server_reply="451 4.7.1 " + "x" * 300
        )
        MailEvent.objects.create(
            brand=brand, mail=mail, kind="bounced", source="ses", event_id=state, detail="y" * 200, occurred_at=NOW
        )


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_every_page_fits_and_can_be_used_by_everybody(
    sofia_at: Callable[[str], Page], brand: Brand, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    make_one_of_each(brand)
    told = OutgoingMail.objects.filter(state__in=[State.QUEUED, State.FAILED, State.UNCERTAIN])
    mails = [reverse("admin:mailing_outgoingmail_change", args=[mail.pk]) for mail in told]
    page = sofia_at(LEDGER)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    # Nobody is alive here, so each of them says so too.
    for address in (LEDGER, f"{LEDGER}?q=nadie@x.example", UNCERTAIN, QUEUE, reverse("admin:index"), *mails):
        sofia_at(address)
        expect(page.locator(".mail-alarm, .mail-verdict .tone-alarm").first).to_be_visible()
        assert_fits(page)
        assert_accessible(page)


def test_what_is_uncertain_is_settled(sofia_at: Callable[[str], Page], brand: Brand) -> None:
    mails = [make_mail(brand, to=f"carla{number}@correo.example") for number in range(3)]
    OutgoingMail.objects.update(state=State.UNCERTAIN, reason="lost", handed_over_at=NOW)
    page = sofia_at(UNCERTAIN)

    page.locator(".mail-all").check()
    expect(page.locator('input[name="mail"]:checked')).to_have_count(3)
    page.locator(f'input[name="mail"][value="{mails[0].pk}"]').uncheck()
    page.locator('button[value="arrived"]').click()

    expect(page.locator('input[name="mail"]')).to_have_count(1)
    assert dict(OutgoingMail.objects.values_list("pk", "state")) == {
        mails[0].pk: State.UNCERTAIN,
        mails[1].pk: State.SENT,
        mails[2].pk: State.SENT,
    }


def test_a_mail_is_found_and_sent_again_without_script(
    browser: Browser, live_server: LiveServer, sofia_at: Callable[[str], Page], brand: Brand
) -> None:
    mail = make_mail(brand, to="carla@correo.example")
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.FAILED, reason="refused")
    cookies = sofia_at(LEDGER).context.cookies()
    context: BrowserContext = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(live_server.url + LEDGER)

    page.fill("#mail-q", "Carla@correo.example")
    page.press("#mail-q", "Enter")
    page.locator(".mail-to a").click()
    page.locator('button[value="retry"]').click()

    expect(page.locator(".mail-queued")).to_be_visible()
    expect(page.locator(".mail-story li")).to_have_count(2)
    mail.refresh_from_db()
    assert mail.state == State.QUEUED
    context.close()


def test_the_queue_is_asked_anew_by_itself(sofia_at: Callable[[str], Page], brand: Brand) -> None:
    page = sofia_at(QUEUE)
    waiting = page.locator("#mail-now + dl dd").first
    expect(waiting).to_have_text("0")
    note_alive("worker", host="uno", pid=1)

    make_mail(brand)

    expect(waiting).to_have_text("1", timeout=15_000)
    expect(page.locator("#mail-processes + dl div")).to_have_count(1)
