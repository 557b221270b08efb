"""What lay behind a case, as staff find when they close it; each cause is somebody's part."""

from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Part(models.TextChoices):
    """Where it went wrong; the affiliate answers for the first, the brand for the rest."""

    SALE = "sale", _("What was said before buying")
    PRODUCT = "product", _("The product")
    DELIVERY = "delivery", _("The delivery")
    SERVICE = "service", _("The service")


class Cause(models.TextChoices):
    WRONG_PROMISE = "wrong_promise", _("Something untrue was said")
    NOT_SAID = "not_said", _("Something was not said")
    WRONG_PRICE = "wrong_price", _("Another price or condition than was said")
    FAULTY = "faulty", _("It is faulty or broke")
    NOT_AS_DESCRIBED = "not_as_described", _("It is not as described")
    INCOMPLETE = "incomplete", _("Parts are missing")
    HARD_TO_USE = "hard_to_use", _("How to use it was not clear")
    LATE = "late", _("It came late")
    LOST = "lost", _("It was lost")
    DAMAGED = "damaged", _("It was damaged on its way")
    WRONG_ITEM = "wrong_item", _("Something else was sent")
    NO_ANSWER = "no_answer", _("Nobody answered")
    BAD_SERVICE = "bad_service", _("The service was bad or gave wrong advice")
    WRONG_CHARGE = "wrong_charge", _("It was charged wrongly")
    SLOW_REFUND = "slow_refund", _("Money was given back late")
    NOTHING = "nothing", pgettext_lazy("cause", "Nothing went wrong")


CAUSES_OF: Mapping[Part, tuple[Cause, ...]] = {
    Part.SALE: (Cause.WRONG_PROMISE, Cause.NOT_SAID, Cause.WRONG_PRICE),
    Part.PRODUCT: (Cause.FAULTY, Cause.NOT_AS_DESCRIBED, Cause.INCOMPLETE, Cause.HARD_TO_USE),
    Part.DELIVERY: (Cause.LATE, Cause.LOST, Cause.DAMAGED, Cause.WRONG_ITEM),
    Part.SERVICE: (Cause.NO_ANSWER, Cause.BAD_SERVICE, Cause.WRONG_CHARGE, Cause.SLOW_REFUND),
}


def part_of(cause: str) -> str:
    """Whose part a cause is; "" where nothing went wrong, and for what is no cause."""
    return next((part.value for part, causes in CAUSES_OF.items() if cause in causes), "")
