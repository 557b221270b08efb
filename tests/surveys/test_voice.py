"""A brand that says «usted» says it in the mail, on every page behind it, and nowhere else «tú»."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils.html import strip_tags

from accounts.models import Brand
from mailing.models import OutgoingMail
from mailing.rendering import texts_of
from postventa.catalogue import SPEAKS_TU
from surveys.invitation_mail import mail_contexts
from surveys.models import Invitation
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, send_mail
from tests.surveys.visits import see, send, thanks_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation() -> Invitation:
    cache.clear()
    brand = factories.make_brand(formality=Brand.Formality.USTED)
    ana = factories.make_affiliate(brand, "Ana")
    product = factories.make_product(brand)
    return make_invitation(factories.make_purchase(factories.make_customer(brand), product=product, affiliate=ana))


def words_of(html: str) -> str:
    return " ".join(strip_tags(re.sub(r"<(style|title)>.*?</\1>", " ", html, flags=re.DOTALL)).split())


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


def pages(mail: OutgoingMail) -> dict[str, Any]:
    rated = {"first": see(mail), "rated": see(mail, "?q=2"), "all": see(mail, "?step=all")}
    send(mail, step=1, csat="2")
    steps = {f"step {number}": see(mail, f"?step={number}") for number in range(1, 6)}
    send(mail, step=2, go="finish", nps="9")
    return {
        **rated,
        **steps,
        "thanks": Client().get(thanks_of(mail)),
        "to change": see(mail),
        "wrong": see(mail, "report/"),
        "no more": Client().get(f"/u/{mail.token}/"),
        "closed": see(mail, at=NOW.replace(year=2027)),
    }


def test_every_page_behind_it(invitation):
    mail = send_mail(invitation)

    for name, page in pages(mail).items():
        assert page.status_code == 200
        assert not SPEAKS_TU.search(words_of(page.content.decode())), name


def test_another_brand_keeps_its_tu(invitation):
    Brand.objects.update(formality=Brand.Formality.TU)
    mail = send_mail(invitation)

    assert "¿cómo valoras tu compra?" in see(mail).content.decode()
