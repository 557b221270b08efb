"""The life of a case in Spanish, as its customer on a phone and as Sofía at her desk go through it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Brand, User
from affiliates.models import Purchase
from complaints.models import Complaint, Guide, GuideVerdict
from complaints.services import open_cases_for_bad_answers
from complaints.services.guides import Words, write_guide
from mailing.models import OutgoingMail
from surveys.models import InvitationMail, Wave
from tests import factories
from tests.complaints.factories import answered, make_complaint
from tests.complaints.test_receiving import PNG
from tests.looking import assert_fits
from tests.surveys.factories import make_invitation, send_mail

pytestmark = pytest.mark.browser
DESK = {"width": 1280, "height": 900}


@pytest.fixture
def purchase(transactional_db: None) -> Purchase:
    brand = factories.make_brand()
    customer = factories.make_customer(brand, "Carla Ruiz", "carla@correo.example")
    return factories.make_purchase(
        customer, affiliate=factories.make_affiliate(brand), product=factories.make_product(brand)
    )


def sign_in(context: BrowserContext, live_server: LiveServer, user: User) -> None:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])


def mail_link(template: str) -> str:
    return f"/c/{OutgoingMail.objects.filter(template=template).latest('id').token}/"


def test_a_case_from_a_report_to_its_end(
    browser_page: Page,
    browser: Browser,
    live_server: LiveServer,
    purchase: Purchase,
    assert_accessible: Callable[[Page], None],
) -> None:
    invitation = make_invitation(purchase)
    survey_mail = send_mail(invitation)
    customer = browser_page

    def look(page: Page) -> None:
        assert_fits(page)
        assert_accessible(page)

    # Carla has answered badly, and says what is wrong.
    answered(invitation, csat=1)
    customer.goto(f"{live_server.url}/s/{survey_mail.token}/thanks/")
    expect(customer.get_by_role("heading", level=1)).to_have_text("Gracias: tenemos tu respuesta")
    look(customer)
    customer.get_by_role("main").get_by_role("link", name="Algo va mal con mi compra").click()
    look(customer)
    customer.get_by_label("Se ha roto o no funciona (garantía)").check()
    customer.get_by_label("Cuéntanos qué ha pasado").fill("La suela se abrió el segundo día.")
    customer.get_by_role("button", name="Enviar").click()
    expect(customer.get_by_role("heading", level=1)).to_have_text("Lo hemos recibido")
    assert open_cases_for_bad_answers(now=timezone.now()) == 1  # her answer joins what she reported
    number = Complaint.objects.get().number
    expect(customer.get_by_role("main")).to_contain_text(number)
    look(customer)

    # Sofía finds it with the keyboard, takes it and asks.
    staff = browser.new_context(locale="es-ES", timezone_id="Europe/Madrid", viewport=DESK)
    sign_in(staff, live_server, factories.make_staff(purchase.brand))
    desk = staff.new_page()
    desk.goto(f"{live_server.url}/admin/complaints/complaint/")
    expect(desk.get_by_role("row", name=re.compile("La suela se abrió"))).to_contain_text("Carla Ruiz")
    look(desk)
    desk.keyboard.press("j")
    desk.keyboard.press("o")
    expect(desk.get_by_role("heading", level=1)).to_have_text("La suela se abrió el segundo día.")
    expect(desk.get_by_text("carla@correo.example")).to_be_visible()
    look(desk)
    desk.keyboard.press("a")
    expect(desk.get_by_text("El caso es tuyo.")).to_be_visible()
    desk.keyboard.press("r")
    desk.keyboard.type("Lo sentimos. ¿Qué talla usas?")
    desk.get_by_label("Después, esperar su respuesta").check()
    desk.get_by_role("button", name="Enviar la respuesta").dblclick()  # which is one answer
    expect(desk.get_by_text("La respuesta va de camino al cliente.")).to_be_visible()
    look(desk)

    assert OutgoingMail.objects.filter(template="complaints/reply").count() == 1

    # Carla answers by the link in her mail.
    customer.goto(live_server.url + mail_link("complaints/reply"))
    expect(customer.get_by_role("main")).to_contain_text("Esperamos tu respuesta.")
    expect(customer.get_by_role("main")).to_contain_text("Lo sentimos. ¿Qué talla usas?")
    look(customer)
    customer.get_by_label("Escríbenos").fill("La 39")
    customer.locator("[type=file]").set_input_files({"name": "suela.png", "mimeType": "image/png", "buffer": PNG})
    customer.get_by_role("button", name="Enviar").click()
    expect(customer.get_by_role("main")).to_contain_text("La 39")
    expect(customer.get_by_role("link", name="suela.png")).to_be_visible()

    # Sofía closes it; Carla reads how.
    desk.reload()
    expect(desk.get_by_text("La 39")).to_be_visible()
    desk.get_by_label("Cómo se resolvió").fill("Te enviamos otras de la 39.")
    desk.locator("#resolve_cause").select_option("faulty")
    desk.get_by_role("button", name="Resolver").click()
    expect(desk.get_by_text("El caso está resuelto.")).to_be_visible()
    customer.goto(live_server.url + mail_link("complaints/resolution"))
    expect(customer.get_by_role("main")).to_contain_text("Resuelto.")
    expect(customer.get_by_role("main")).to_contain_text("Te enviamos otras de la 39.")
    look(customer)

    # She is asked how it ended: not well. It is looked at again, with what she said before and after side by side.
    Brand.objects.update(min_form_seconds=0)
    customer.goto(f"{live_server.url}/s/{InvitationMail.objects.get(invitation__wave=Wave.CLOSING).mail.token}/")
    look(customer)
    customer.locator("[name=solved][value='1']").check()
    customer.locator(".button-main").last.click()
    customer.locator("[name=ces][value='3']").check()
    look(customer)
    customer.locator(".button-main").last.click()
    expect(customer.get_by_role("heading", level=1)).to_have_text("Gracias: tenemos tu respuesta")
    assert open_cases_for_bad_answers(now=timezone.now()) == 1
    desk.reload()
    expect(desk.locator(".desk-state")).to_contain_text("En curso")
    before, after = desk.locator(".desk-pair section").all()
    expect(before).to_contain_text("1 de 5")
    expect(after).to_contain_text("No")
    assert before.bounding_box()["y"] == after.bounding_box()["y"]  # type: ignore[index]
    look(desk)
    desk.goto(f"{live_server.url}/portal/brands/{purchase.brand.slug}/cases/")
    expect(desk.get_by_role("heading", level=1)).to_be_visible()
    look(desk)
    staff.close()


def test_the_desk_fits_a_phone_and_needs_no_script(
    browser: Browser, live_server: LiveServer, purchase: Purchase, assert_accessible: Callable[[Page], None]
) -> None:
    make_complaint(purchase, subject="Un asunto bastante largo que en un teléfono no cabe en una línea")
    phone: dict[str, Any] = {"locale": "es-ES", "viewport": {"width": 360, "height": 740}, "java_script_enabled": False}
    context = browser.new_context(**phone)
    sign_in(context, live_server, factories.make_staff(purchase.brand))
    desk = context.new_page()

    desk.goto(f"{live_server.url}/admin/complaints/complaint/")
    expect(desk.get_by_role("row")).to_contain_text(["Un asunto bastante largo"])
    desk.get_by_role("button", name="Asignarme el caso").click()

    expect(desk.get_by_text("El caso es tuyo.")).to_be_visible()
    expect(desk.get_by_label("Cómo se resolvió")).to_be_visible()
    facts = desk.get_by_text("carla@correo.example")
    expect(facts).to_be_hidden()
    desk.get_by_text("Cliente, compra y respuesta").click()
    expect(facts).to_be_visible()
    context.close()


def test_a_question_meets_a_guide_before_it_is_sent(
    browser_page: Page, live_server: LiveServer, purchase: Purchase, assert_accessible: Callable[[Page], None]
) -> None:
    guide = Guide(brand=purchase.brand, product=purchase.product, is_published=True)
    write_guide(guide, {"es": Words("Cómo se limpian", "## Paso a paso\n\n1. Con agua\n2. y **jabón**")})
    survey_mail = send_mail(make_invitation(purchase))
    page = browser_page

    def look(page: Page) -> None:
        assert_fits(page)
        assert_accessible(page)

    page.goto(f"{live_server.url}/s/{survey_mail.token}/report/")
    page.get_by_label("Tengo una consulta").check()
    page.get_by_label("Cuéntanos qué ha pasado").fill("¿Las limpio con jabón?")
    page.locator(".button-main").click()
    look(page)
    with page.expect_popup() as opened:
        page.get_by_role("main").get_by_role("link", name="Cómo se limpian").click()
    guide_page = opened.value
    expect(guide_page.get_by_role("heading", level=1)).to_have_text("Cómo se limpian")
    look(guide_page)
    guide_page.locator("[name=helped][value=no]").click()
    expect(guide_page.get_by_role("status")).to_be_visible()
    guide_page.get_by_role("banner").get_by_role("link").click()
    guide_page.locator("[type=search]").fill("jabon")
    guide_page.keyboard.press("Enter")
    expect(guide_page.get_by_role("main").get_by_role("link", name="Cómo se limpian")).to_be_visible()
    look(guide_page)
    assert GuideVerdict.objects.get().helped is False
    # What she wrote is still where she wrote it.
    page.locator(".button-main").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lo hemos recibido")
    assert Complaint.objects.get().text == "¿Las limpio con jabón?"
