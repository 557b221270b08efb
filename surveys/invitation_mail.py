"""What the mails that ask say: the words of the brand's survey, and the little that they tell of the purchase."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from surveys.asking import zone_of
from surveys.models import Invitation, Question, Survey
from surveys.wording import fill, in_language

REMINDER = "reminder_"  # before the name of a text: it is the reminder's
TEXTS = tuple(f"{mail}{text}" for mail in ("", REMINDER) for text in ("subject", "preheader", "body"))
# What stands around the name of somebody whose name is not known goes with it: «Hola, {name}:» is then «Hola:».
AROUND_NAME = re.compile(r"^\{name\}[,:]?\s*|\s*,?\s*\{name\}", re.MULTILINE)
# Received no longer ago than this, "a few days ago" would be untrue.
FRESH_FOR = timedelta(days=2)


def mail_contexts(brand: Brand, invitations: Sequence[Invitation], *, now: datetime) -> dict[int, dict[str, Any]]:
    """The templates' context by invitation, each in its customer's language. Invitations carry their purchases."""
    surveys = Survey.objects.in_bulk({invitation.survey_id for invitation in invitations})
    questions = first_scales(surveys)
    return {
        invitation.pk: mail_context(
            brand,
            invitation.purchase,
            survey=surveys[invitation.survey_id],
            question=questions[invitation.survey_id],
            now=now,
        )
        for invitation in invitations
        if invitation.purchase
    }


def first_scales(surveys: Iterable[int]) -> dict[int, Question]:
    """The one question of each survey that its mail asks: the first that a link can answer."""
    scales = Question.objects.filter(survey__in=surveys, kind=Question.Kind.SCALE)
    return {question.survey_id: question for question in scales.order_by("survey", "position").distinct("survey")}


def mail_context(
    brand: Brand, purchase: Purchase, *, survey: Survey, question: Question, now: datetime, language: str = ""
) -> dict[str, Any]:
    """In discreet mode nothing here says what was bought, nor the brand's own name where it has a discreet one.

    `language`: one of the brand's; the customer's where none is given.
    """
    language = language or brand.language_for(purchase.customer.language)
    return {
        **asking_context(brand, purchase.customer, purchase, survey=survey, question=question, language=language),
        "is_fresh": purchase.received_at is not None and now - purchase.received_at < FRESH_FOR,
        "purchased_on": date_in_words(purchase, brand, language),
    }


def closing_context(
    brand: Brand,
    customer: Customer,
    purchase: Purchase | None,
    *,
    number: str,
    survey: Survey,
    question: Question,
    language: str,
) -> dict[str, Any]:
    """Of the mail that asks about a closed case, which has a number and perhaps no purchase."""
    asking = asking_context(brand, customer, purchase, survey=survey, question=question, language=language)
    return {**asking, "case_number": number}


def asking_context(
    brand: Brand, customer: Customer, purchase: Purchase | None, *, survey: Survey, question: Question, language: str
) -> dict[str, Any]:
    """What every mail tells that asks."""
    kind = purchase.kind if purchase else ""

    def say(texts: Mapping[str, str]) -> str:
        return in_language(texts, brand.voice(language), brand.voice(brand.default_language), kind=kind)

    names = {
        "brand": (brand.is_discreet and brand.discreet_name) or brand.name,
        "product": product_label(purchase, brand, language),
        "name": first_name(customer.name),
    }
    return {
        "brand_name": names["brand"],
        "product": names["product"],
        "name": names["name"],
        "is_discreet": brand.is_discreet,
        "kind": kind,
        "wave": survey.wave,
        "question": fill(say(question.texts), brand=names["brand"]),
        "options": points_of(question, say),
        "texts": {key: word(survey.mail_texts.get(language, {}).get(key, ""), names) for key in TEXTS},
    }


def word(text: str, names: Mapping[str, str]) -> str:
    return fill(text if names["name"] else AROUND_NAME.sub("", text), **names)


def points_of(question: Question, say: Callable[[Mapping[str, str]], str]) -> list[dict[str, str]]:
    """The points of a scale, one link each, in the brand's words where it has some."""
    labels = {option["code"]: say(option["labels"]) for option in question.options}
    points = range(question.low or 0, (question.high or 0) + 1)
    return [{"code": str(point), "label": labels.get(str(point), str(point))} for point in points]


def first_name(name: str) -> str:
    return name.split()[0] if name.strip() else ""


def product_label(purchase: Purchase | None, brand: Brand, language: str) -> str:
    if purchase and purchase.product and purchase.product.name and not brand.is_discreet:
        return purchase.product.name
    with translation.override(brand.voice(language)):
        return gettext("your recent purchase") if purchase else gettext("what you wrote to us about")


def date_in_words(purchase: Purchase, brand: Brand, language: str) -> str:
    """The day of the purchase where the customer lives, as «3 de marzo de 2026»."""
    with translation.override(language):
        return date_format(purchase.purchased_at.astimezone(zone_of(purchase, brand)), "DATE_FORMAT")
