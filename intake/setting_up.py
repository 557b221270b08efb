"""The first minutes of an installation: a link that its operator alone gets, and what a new brand does next."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Brand, User
from affiliates.models import Affiliate, Purchase
from intake.models import Hook, ImportRun
from surveys.models import SampleMail

SALT = "intake.set_up"
LASTS = 24 * 3600  # seconds


@dataclass(frozen=True)
class Step:
    text: str
    url: str
    is_done: bool


@dataclass(frozen=True)
class FirstSteps:
    brand: Brand
    steps: list[Step]


def is_new() -> bool:
    """Nobody can sign in yet."""
    return not User.objects.exists()


def set_up_url() -> str:
    """Where whoever has it makes the first brand, within a day, as long as there is nobody."""
    return f"{settings.BASE_URL}{reverse('set_up', args=[signing.dumps('set up', salt=SALT)])}"


def may_set_up(token: str) -> bool:
    try:
        signing.loads(token, salt=SALT, max_age=LASTS)
    except signing.BadSignature:
        return False
    return is_new()


def first_steps(user: User) -> list[FirstSteps]:
    """Of each brand that this person administers and whose shop has sold nothing yet; one statement."""
    sales = Purchase.objects.filter(brand=OuterRef("pk"))
    brands = Brand.objects.administered_by(user).filter(~Exists(sales.exclude(source=Purchase.TEST)))
    return [FirstSteps(brand, steps_of(brand)) for brand in brands.annotate(**done_by_brand())]


def done_by_brand() -> dict[str, Any]:
    of_brand = {"brand": OuterRef("pk")}
    keys, hooks, runs = (model.objects.filter(**of_brand) for model in (ApiKey, Hook, ImportRun))
    return {
        "has_sample": Exists(SampleMail.objects.filter(survey__brand=OuterRef("pk"))),
        "has_trial": Exists(Purchase.objects.filter(source=Purchase.TEST, **of_brand)),
        "has_shop": Q(Exists(keys)) | Q(Exists(hooks)) | Q(Exists(runs)),
        "has_affiliate": Exists(Affiliate.objects.filter(**of_brand)),
    }


def steps_of(brand: Any) -> list[Step]:
    """`brand`: with what `done_by_brand` says."""
    has_senders = bool(brand.survey_sender and brand.service_sender and brand.reply_to)
    return [
        Step(
            _("Say who writes to customers, at what hours and how long after delivery"),
            reverse("admin:accounts_brand_change", args=[brand.pk]),
            has_senders,
        ),
        Step(
            _("Read the survey, which is published already, and send yourself its mail"),
            reverse("admin:surveys_samplemail_add"),
            brand.has_sample,
        ),
        Step(_("Let a test purchase go the whole way"), reverse("admin:intake_test_purchase"), brand.has_trial),
        Step(_("Connect your shop: a key for the API"), reverse("admin:accounts_apikey_add"), brand.has_shop),
        Step(_("Invite whoever sells for you"), reverse("admin:affiliates_affiliate_add"), brand.has_affiliate),
    ]
