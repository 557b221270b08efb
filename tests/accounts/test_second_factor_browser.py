"""A passkey in a real browser: set up because the brand asks, then used to sign in without a password."""

import re
from collections.abc import Callable

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import PASSWORD, make_brand, make_staff

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
A_PHONE_WITH_FINGERPRINT = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_staff_set_up_a_passkey_and_sign_in_with_it(
    browser_page: Page, live_server: LiveServer, assert_accessible: Callable[[Page], None]
) -> None:
    cache.clear()
    sofia = make_staff(make_brand(requires_second_factor=True))
    page = browser_page
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": A_PHONE_WITH_FINGERPRINT})

    page.goto(f"{live_server.url}/admin/")
    page.fill("input[name=login]", sofia.email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/accounts/second-factor/"))
    assert_accessible(page)
    page.click('a[href="/accounts/2fa/webauthn/add/"]')
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.click("#mfa_webauthn_add")
    expect(page).to_have_url(f"{live_server.url}/accounts/2fa/recovery-codes/")
    assert_accessible(page)
    page.goto(f"{live_server.url}/admin/")
    expect(page).to_have_url(f"{live_server.url}/admin/")

    page.context.clear_cookies()
    page.goto(f"{live_server.url}/accounts/login/")
    page.click("#passkey_login")

    expect(page).to_have_url(f"{live_server.url}/admin/")
