"""Answers as they come in, without the pages that take them: insights starts where a change is written down."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Customer, Purchase, PurchaseChange, TrackingLink
from insights.services import fold_changes
from surveys.models import Answer, Aspect, Fact, Invitation, Question, Response, ResponseChange, Survey, Wave
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_purchases, new_customer

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
        return make_purchases([make_customer(self.brand)], affiliate=affiliate, link=link, **fields)[0]

    def respond(self, affiliate: Affiliate | None, **said: Any) -> Response:
        """One customer of the affiliate answers."""
        return self.respond_many(affiliate, 1, **said)[0]

    def respond_many(
        self,
        affiliate: Affiliate | None,
        n: int,
        *,
        link: TrackingLink | None = None,
        at: datetime = NOW,
        suspect: bool = False,
        quotable: bool = True,
        hides: bool = False,
        **given: Any,
    ) -> list[Response]:
        """So many customers of the affiliate answer the same; an int is a number, a list codes, a text a text."""
        customers = Customer.objects.bulk_create(new_customer(self.brand) for _number in range(n))
        invitations = Invitation.objects.bulk_create(
            Invitation(
                brand=self.brand,
                survey=self.survey,
                occasion=f"purchase:{purchase.pk}",
                purchase=purchase,
                state=Invitation.State.QUEUED,
            )
            for purchase in make_purchases(customers, affiliate=affiliate, link=link)
        )
        responses = Response.objects.bulk_create(
            Response(
                brand=self.brand,
                invitation=invitation,
                answered_at=at,
                updated_at=at,
                is_suspect=suspect,
                is_quotable=quotable,
                hides_comment=hides,
            )
            for invitation in invitations
        )
        self.write(responses, given)
        return responses

    def edit(self, response: Response, **given: Any) -> None:
        """Say this instead: None takes an answer away."""
        Answer.objects.filter(response=response, question__in=[self.questions[key] for key in given]).delete()
        self.write([response], given)

    def write(self, responses: list[Response], given: dict[str, Any]) -> None:
        Answer.objects.bulk_create(
            self.answer(response, key, value)
            for response in responses
            for key, value in given.items()
            if value is not None
        )
        ResponseChange.objects.bulk_create(ResponseChange(response=response) for response in responses)

    def answer(self, response: Response, key: str, value: int | list[str] | str) -> Answer:
        answer = Answer(response=response, question=self.questions[key])
        if isinstance(value, int):
            answer.number = value
        elif isinstance(value, list):
            answer.codes = value
        else:
            answer.text = answer.redacted_text = value
        return answer

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
