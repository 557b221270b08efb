"""Answers as they come in, without the pages that take them: insights starts where a change is written down."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Purchase, PurchaseChange, TrackingLink
from insights.services import fold_changes
from surveys.models import Answer, Aspect, Fact, Invitation, Question, Response, ResponseChange, Survey, Wave
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_purchase

KINDS = {
    "csat": Question.Kind.SCALE,
    "nps": Question.Kind.SCALE,
    "promise": Question.Kind.SCALE,
    "affiliate_rating": Question.Kind.SCALE,
    "missing": Question.Kind.CHOICE,
    "part": Question.Kind.CHOICE,
    "missing_facts": Question.Kind.CHIPS,
    "keep": Question.Kind.CHIPS,
    "improve": Question.Kind.CHIPS,
    "keep_text": Question.Kind.TEXT,
    "improve_text": Question.Kind.TEXT,
    "expectation": Question.Kind.TEXT,
}


class Shop:
    """A brand whose customers answer when told to."""

    def __init__(self, brand: Brand) -> None:
        self.brand = brand
        survey = Survey.objects.create(brand=brand, wave=Wave.FIRST, version=50, status=Survey.Status.DRAFT)
        self.questions = {
            key: Question.objects.create(survey=survey, key=key, kind=kind, position=number)
            for number, (key, kind) in enumerate(KINDS.items())
        }
        self.survey = survey
        Aspect.objects.filter(brand=brand).delete()
        for code, label, owner in [
            ("entrega", "Entrega", Aspect.Owner.BRAND),
            ("info_previa", "Información antes de la compra", Aspect.Owner.BOTH),
            ("precio", "Precio y valor", Aspect.Owner.BRAND),
        ]:
            Aspect.objects.create(brand=brand, code=code, labels={"es": label, "en": code}, owner=owner)
        Fact.objects.filter(brand=brand).delete()
        Fact.objects.create(
            brand=brand, code="plazos", labels={"es": "los plazos"}, advice={"es": "Di el plazo real de entrega."}
        )
        Fact.objects.create(brand=brand, code="garantia", labels={"es": "la garantía"}, position=1)

    def purchase(self, affiliate: Affiliate | None, *, link: TrackingLink | None = None, **fields: Any) -> Purchase:
        purchase = make_purchase(make_customer(self.brand), affiliate=affiliate, **fields)
        purchase.attributions.update(link=link)
        return purchase

    def respond(
        self,
        affiliate: Affiliate | None,
        *,
        link: TrackingLink | None = None,
        at: datetime = NOW,
        suspect: bool = False,
        quotable: bool = True,
        hides: bool = False,
        **given: Any,
    ) -> Response:
        """One customer of the affiliate answers; an int is a number, a list codes, a text a text."""
        purchase = self.purchase(affiliate, link=link)
        invitation = Invitation.objects.create(
            brand=self.brand,
            survey=self.survey,
            occasion=f"purchase:{purchase.pk}",
            purchase=purchase,
            state=Invitation.State.QUEUED,
        )
        response = Response.objects.create(
            brand=self.brand,
            invitation=invitation,
            answered_at=at,
            updated_at=at,
            is_suspect=suspect,
            is_quotable=quotable,
            hides_comment=hides,
        )
        self.edit(response, **given)
        return response

    def edit(self, response: Response, **given: Any) -> None:
        """Say this instead: None takes an answer away."""
        for key, value in given.items():
            Answer.objects.filter(response=response, question=self.questions[key]).delete()
            if value is None:
                continue
            kind = {int: "number", list: "codes", str: "text"}[type(value)]
            answer = Answer(response=response, question=self.questions[key])
            setattr(answer, kind, value)
            if kind == "text":
                answer.redacted_text = value
            answer.save()
        ResponseChange.objects.create(response=response)

    def judge(self, response: Response, *, suspect: bool) -> None:
        response.is_suspect = suspect
        response.save(update_fields=["is_suspect"])
        ResponseChange.objects.create(response=response)

    def erase(self, response: Response) -> None:
        response.delete()

    def credit(self, response: Response, affiliate: Affiliate | None, link: TrackingLink | None = None) -> None:
        """Staff correct who brought the customer."""
        purchase = response.invitation.purchase
        assert purchase is not None
        purchase.attributions.update(is_current=False)
        Attribution.objects.create(
            purchase=purchase,
            affiliate=affiliate,
            link=link,
            method=Attribution.Method.MANUAL if affiliate else Attribution.Method.NONE,
            confidence=Attribution.Confidence.HIGH if affiliate else Attribution.Confidence.NONE,
            reason=Attribution.Reason.MANUAL,
            decided_at=NOW,
        )
        PurchaseChange.objects.create(purchase=purchase)


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop(make_brand())


@pytest.fixture
def ana(shop: Shop) -> Affiliate:
    return make_affiliate(shop.brand, "Ana")


@pytest.fixture
def bruno(shop: Shop) -> Affiliate:
    return make_affiliate(shop.brand, "Bruno")


@pytest.fixture
def fold() -> Callable[..., int]:
    return lambda now=NOW: fold_changes(now=now)
