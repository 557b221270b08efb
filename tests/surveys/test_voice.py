"""How a brand speaks: «usted» or «tú», aloud or discreetly, in the mail and on every page behind it."""

import re

import pytest
from django.core.cache import cache

from accounts.models import Brand
from mailing.rendering import render, texts_of
from postventa.catalogue import SPEAKS_TU
from surveys.invitation_mail import mail_contexts
from surveys.models import Invitation
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, send_mail
from tests.surveys.visits import pages_behind, see, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation() -> Invitation:
    cache.clear()
    brand = factories.make_brand(formality=Brand.Formality.USTED)
    ana = factories.make_affiliate(brand, "Ana")
    product = factories.make_product(brand)
    return make_invitation(factories.make_purchase(factories.make_customer(brand), product=product, affiliate=ana))


@pytest.mark.parametrize("template", ["surveys/invitation", "surveys/reminder", "surveys/follow_up"])
def test_every_mail_that_asks(invitation, template):
    mail = send_mail(invitation)
    mail.template = template
    mail.context = mail_contexts(invitation.brand, [invitation], now=NOW)[invitation.pk]
    mail.save()

    texts = texts_of(mail)

    assert "¿cómo valora su compra?" in texts.text
    for text in (texts.subject, texts.text, words_of(texts.html)):
        assert not SPEAKS_TU.search(text), text
    assert '<html lang="es">' in texts.html


def test_every_page_behind_it(invitation):
    mail = send_mail(invitation)

    for name, page in pages_behind(mail).items():
        assert page.status_code == 200
        assert not SPEAKS_TU.search(words_of(page.content.decode())), name


def test_another_brand_keeps_its_tu(invitation):
    Brand.objects.update(formality=Brand.Formality.TU)
    mail = send_mail(invitation)

    assert "¿cómo valoras tu compra?" in see(mail).content.decode()


class TestDiscretion:
    """Whoever looks over the customer's shoulder learns neither who asks nor what was bought."""

    @pytest.fixture
    def invitation(self) -> Invitation:
        cache.clear()
        brand = factories.make_brand(
            "velvet", name="Velvet Nights", sender_name="Velvet Nights", is_discreet=True, discreet_name="VLV Servicios"
        )
        product = factories.make_product(brand, name="Suscripción Noche", kind="service")
        return make_invitation(factories.make_purchase(factories.make_customer(brand), product=product))

    @pytest.mark.parametrize("template", ["surveys/invitation", "surveys/reminder", "surveys/follow_up"])
    def test_the_mail_with_its_sender_subject_and_foot(self, invitation, template):
        mail = send_mail(invitation)
        mail.template = template
        mail.context = mail_contexts(invitation.brand, [invitation], now=NOW)[invitation.pk]
        mail.save()

        message = render(mail, now=NOW).as_bytes().decode()
        texts = texts_of(mail)

        assert 'From: "VLV Servicios"' in message or "From: VLV Servicios" in message
        for text in (message, texts.subject, texts.text, texts.html):
            assert not re.search("velvet nights|suscripción|noche", text, re.IGNORECASE)
        assert "/s/" in texts.text

    def test_every_page_behind_it(self, invitation):
        mail = send_mail(invitation)

        for name, page in pages_behind(mail).items():
            assert not re.search("velvet nights|suscripción|noche", page.content.decode(), re.IGNORECASE), name
            assert "VLV Servicios" in page.content.decode(), name
