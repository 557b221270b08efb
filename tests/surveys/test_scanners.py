"""Programs that open a mail before its reader does: they follow links, run scripts, ask for heads, press buttons."""

import re
from html import unescape
from urllib.parse import urljoin

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Brand
from complaints.models import Complaint
from complaints.services import open_cases_for_bad_answers
from mailing.models import OutgoingMail, Suppression
from mailing.rendering import texts_of
from surveys.invitation_mail import mail_contexts
from surveys.models import Response, ResponseRevision
from surveys.services.answering import said_in
from tests import factories
from tests.surveys.factories import make_invitation, send_mail

pytestmark = pytest.mark.django_db(transaction=True)
browser_test = pytest.mark.browser


@pytest.fixture
def mail(live_server: LiveServer, settings) -> OutgoingMail:
    """As it came in just now, links and all; nobody reads its page in less than a minute."""
    settings.BASE_URL = live_server.url
    cache.clear()
    brand = factories.make_brand(min_form_seconds=60)
    ana = factories.make_affiliate(brand, "Ana", public_name="Ana Botas")
    invitation = make_invitation(factories.make_purchase(factories.make_customer(brand), affiliate=ana))
    now = timezone.now()
    mail = send_mail(invitation)
    mail.template, mail.sent_at, mail.handed_over_at = "surveys/invitation", now, now
    mail.context = mail_contexts(brand, [invitation], now=now)[invitation.pk]
    mail.save()
    return mail


def links_of(mail: OutgoingMail) -> list[str]:
    texts = texts_of(mail)
    found = re.findall(r'href="([^"]+)"', texts.html) + re.findall(r"https?://\S+", texts.text)
    return sorted({unescape(link) for link in found})


def nothing_happened() -> bool:
    return not (Response.objects.exists() or Suppression.objects.exists() or Complaint.objects.exists())


def test_the_mail_leads_to_five_ratings_the_way_out_and_what_we_do_with_data(mail, live_server):
    paths = [link.removeprefix(live_server.url).replace(mail.token, "…") for link in links_of(mail)]

    assert paths == ["/privacy/", *(f"/s/…/?q={rating}" for rating in range(1, 6)), "/u/…/"]


@pytest.mark.parametrize("methods", [["get"], ["head"], ["head", "get"], ["options", "get"]])
def test_following_every_link_writes_nothing(mail, live_server, methods):
    for link in links_of(mail):
        for method in methods:
            page = getattr(Client(), method)(link.removeprefix(live_server.url), follow=True)
            assert page.status_code == (405 if method == "options" else 200)

    assert nothing_happened()


@browser_test
@pytest.mark.parametrize("has_script", [True, False])
def test_a_browser_that_opens_every_link_and_waits_writes_nothing(mail, browser: Browser, has_script):
    context = browser.new_context(java_script_enabled=has_script)
    page = context.new_page()
    for link in links_of(mail):
        page.goto(link, wait_until="networkidle")
        for inner in page.locator("a[href^='/'], a[href^='?']").all():
            page.request.get(urljoin(page.url, str(inner.get_attribute("href"))))
    context.close()

    assert nothing_happened()


def press_through(page: Page, link: str) -> None:
    """Choose the first of everything and press the first button, page after page."""
    page.goto(link)
    while page.locator(".send button").count():
        for name in page.locator("input[type=radio]:visible").evaluate_all("all => [...new Set(all.map(i => i.name))]"):
            page.locator(f"input[name={name}]").first.check()
        for area in page.locator("textarea:visible").all():
            area.fill("scanner")
        with page.expect_navigation():
            page.locator(".send button").first.click()


@browser_test
@pytest.mark.parametrize("has_script", [True, False])
def test_pressing_every_button_is_one_suspect_that_a_human_replaces(mail, browser: Browser, has_script):
    context = browser.new_context(java_script_enabled=has_script)
    scanner = context.new_page()
    for link in [link for link in links_of(mail) if "/s/" in link]:
        press_through(scanner, link)
        expect(scanner).to_have_url(re.compile("/thanks/"))

    suspect = Response.objects.get()
    assert suspect.is_suspect
    assert {"too_fast", "scanner"} >= set(suspect.suspect_reasons) >= {"too_fast"}
    assert open_cases_for_bad_answers(now=timezone.now()) == 0
    assert not Response.objects.counted().exists()

    Brand.objects.update(min_form_seconds=0)
    cache.clear()
    human = context.new_page()
    human.goto(next(link for link in links_of(mail) if link.endswith("?q=5")))
    human.locator(".send .button-main").click()
    expect(human.locator("[name=nps]").first).to_be_visible()
    context.close()

    response = Response.objects.get()
    assert (response.is_suspect, response.suspect_reasons) == (False, [])
    assert {key: given.as_json for key, given in said_in(response).given.items()} == {"csat": 5}
    assert all(revision.answers["suspect_reasons"] for revision in ResponseRevision.objects.all())


@browser_test
def test_a_scanner_that_comes_after_the_human_changes_nothing(mail, browser: Browser):
    Brand.objects.update(min_form_seconds=0)
    context = browser.new_context()
    page = context.new_page()
    page.goto(next(link for link in links_of(mail) if link.endswith("?q=5")))
    page.locator(".send .button-main").click()
    page.locator("[name=nps][value='9']").check()
    page.locator("[value=finish]").click()
    page.wait_for_url("**/thanks/")

    Brand.objects.update(min_form_seconds=180)
    press_through(page, next(link for link in links_of(mail) if link.endswith("?q=1")))
    context.close()

    response = Response.objects.get()
    assert {key: given.as_json for key, given in said_in(response).given.items()} == {"csat": 5, "nps": 9}
    assert not response.is_suspect
    assert open_cases_for_bad_answers(now=timezone.now()) == 0
