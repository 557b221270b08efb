"""The whole way: a purchase comes in, the customer is asked and answers, staff put it right, the affiliate learns.

With a real worker, a real SMTP conversation and a real browser: a phone in Spanish, with and without JavaScript.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Brand, User
from accounts.services import create_api_key
from complaints.models import Complaint
from insights.models import Block
from postventa.mailbox import Mail
from postventa.processes import Child
from surveys.models import Answer, Response
from surveys.standard import publish_standard_survey
from tests import factories
from tests.conftest import PHONE, ReceivingMailbox
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CUSTOMERS = 5  # a block
SECRET_WORDS = "Nadie me dijo que tardaba diez días. Soy Carla Ruiz, carla@correo.example."


@dataclass(frozen=True)
class Shop:
    """The shop's side: a brand, an affiliate's link, and a key."""

    brand: Brand
    key: str
    sofia: User
    ana: User

    def api(self, path: str, **content: Any) -> dict[str, Any]:
        response = Client().post(
            f"/api/v1/{path}", content, "application/json", headers={"Authorization": f"Bearer {self.key}"}
        )
        assert response.status_code == 201, response.content
        return dict(response.json())

    def sell(self, number: int) -> dict[str, Any]:
        click = self.api("clicks/", link="guia", visitor=f"v{number}")
        now = datetime.now(UTC).isoformat()
        return self.api(
            "purchases/",
            external_id=f"A-{number}",
            purchased_at=now,
            delivered_at=now,
            amount="49.90",
            currency="EUR",
            product={"sku": "botas", "name": "Botas", "category": "Calzado", "kind": "goods"},
            customer={"email": f"carla{number}@correo.example", "name": "Carla Ruiz", "language": "es"},
            click_id=click["click_id"],
        )


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    brand = factories.make_brand(min_form_seconds=0, max_posts_per_address=0)
    with transaction.atomic():
        publish_standard_survey(brand)
    affiliate = factories.make_affiliate(brand, "Ana")
    factories.make_link(affiliate, "guia", campaign="Guía de botas")
    _key, text = create_api_key(brand, name="tienda")
    return Shop(brand, text, factories.make_staff(brand), factories.make_member(affiliate))


@pytest.fixture(params=["with script", "without script"])
def phone(request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer) -> Page:
    context = browser.new_context(
        locale="es-ES",
        timezone_id="Europe/Madrid",
        viewport=PHONE,
        java_script_enabled=request.param == "with script",
        base_url=live_server.url,
    )
    return context.new_page()


def test_from_a_purchase_to_what_its_affiliate_learns(
    shop: Shop, mailbox: ReceivingMailbox, live_worker: Child, phone: Page
) -> None:
    sold = [shop.sell(number) for number in range(CUSTOMERS)]
    assert {(s["attribution"]["affiliate"], s["attribution"]["method"]) for s in sold} == {("ana", "click")}
    assert {s["survey"]["state"] for s in sold} == {"planned"}

    mails = mailbox.wait_for(CUSTOMERS)
    assert sorted(mail.to for mail in mails) == [f"carla{number}@correo.example" for number in range(CUSTOMERS)]
    assert {mail.subject for mail in mails} == {"¿Qué tal tu compra en Lumbre?"}

    for mail in mails:
        answer_badly(phone, mail)
    assert Response.objects.filter(is_suspect=False).count() == CUSTOMERS
    assert set(Answer.objects.filter(question__key="csat").values_list("number", flat=True)) == {1}

    wait_until(lambda: Complaint.objects.count() == CUSTOMERS)
    resolve_a_case(phone, shop.sofia)
    assert Complaint.objects.filter(state=Complaint.State.RESOLVED, assignee=shop.sofia).count() == 1

    wait_until(lambda: Block.objects.filter(affiliate__code="ana").exists())
    phone.context.clear_cookies()
    sign_in(phone, shop.ana)
    home = phone.get_by_role("main")
    expect(home).to_contain_text("5 respuestas")
    expect(home).not_to_contain_text("Menos de 5 respuestas")
    expect(home).to_contain_text("Nadie me dijo que tardaba diez días.")
    expect(home).not_to_contain_text("Carla")
    expect(home).not_to_contain_text("@")
    assert len(mailbox.mails()) == CUSTOMERS, "nobody asked to be contacted, so nobody was written to again"


def answer_badly(page: Page, mail: Mail) -> None:
    """Tap «Muy mala» in the mail, send it, and go on to say what was missing and what to improve."""
    link = re.search(r"https?://\S+/s/\S+\?q=1\b", mail.text)
    assert link, mail.text
    page.goto(link[0])
    expect(page.locator("[name=csat][value='1']")).to_be_checked()
    assert not Response.objects.filter(invitation__mails__mail__to_address=mail.to).exists(), "looking stores nothing"
    page.get_by_role("button", name="Enviar").click()
    go_on = page.locator(".send .button-main")
    expect(page.locator("[name=nps]").first).to_be_visible()
    go_on.click()
    page.locator("label", has=page.locator("[name=missing][value=yes]")).click()
    page.locator("label", has=page.locator("[name=missing_facts][value=deadlines]")).click()
    go_on.click()
    expect(page.locator("[name=keep_text]")).to_be_visible()
    go_on.click()
    page.locator("[name=improve_text]").fill(SECRET_WORDS)
    go_on.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gracias: tenemos tu respuesta")
    assert page.context.cookies() == []


def resolve_a_case(page: Page, staff: User) -> None:
    sign_in(page, staff)
    page.goto("/admin/complaints/complaint/")
    page.get_by_role("link", name=re.compile(r"^\d{4}-\d{6}$")).first.click()
    case = page.get_by_role("main")
    for fact in ("Carla Ruiz", "Botas", "Ana", "Muy mala", SECRET_WORDS):
        expect(case).to_contain_text(fact)
    page.get_by_role("button", name="Asignármelo").click()
    page.get_by_label("Cómo se resolvió").fill("Le devolvimos los gastos de envío.")
    page.locator("#resolve_cause").select_option("late")
    page.get_by_role("button", name="Resolver").click()
    expect(page.get_by_role("main")).to_contain_text("Le devolvimos los gastos de envío.")


def sign_in(page: Page, user: User) -> None:
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(user.email)
    page.locator("[name=password]").fill(factories.PASSWORD)
    page.get_by_role("button", name="Entrar", exact=True).click()
    expect(page).not_to_have_url(re.compile("/accounts/login/"))
