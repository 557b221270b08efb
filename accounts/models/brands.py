"""A tenant and its rules, and who may see the rows that it owns."""

from datetime import time, timedelta
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models.people import User

    Viewer: TypeAlias = "User | AnonymousUser"


# Spanish with «usted»: a private tag of RFC 5646, which is Spanish to every browser and has a catalogue of its own.
FORMAL_SPANISH = "es-x-usted"


ATTRIBUTION_METHODS = ["manual", "declared", "coupon", "click", "referral", "customer"]


def validate_timezone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(_("“%(value)s” is not a time zone, such as Europe/Madrid."), params={"value": value})


def validate_attribution_order(value: list[str]) -> None:
    unknown = [method for method in value if method not in ATTRIBUTION_METHODS]
    if unknown or len(set(value)) != len(value):
        raise ValidationError(
            _("Each of these at most once, in your order: %(methods)s."),
            params={"methods": ", ".join(ATTRIBUTION_METHODS)},
        )


def default_attribution_order() -> list[str]:
    return list(ATTRIBUTION_METHODS)


def default_languages() -> list[str]:
    return ["es", "en"]


class Role(models.TextChoices):
    """What a person may do for a brand."""

    ADMIN = "admin", _("Administrator")
    AGENT = "agent", _("Agent")
    ANALYST = "analyst", _("Analyst")
    READ_ONLY = "read_only", _("Read only")


# Who needs no customer's name for their work gets none (GDPR 5.1.c); who only looks takes no files away.
KNOWING_CUSTOMERS = (Role.ADMIN, Role.AGENT, Role.READ_ONLY)
TAKING_FILES = (Role.ADMIN, Role.AGENT, Role.ANALYST)


def working_week() -> list[int]:
    """Monday to Friday."""
    return [0, 1, 2, 3, 4]


class BrandQuerySet(models.QuerySet["Brand"]):
    def visible_to(self, user: "Viewer") -> "BrandQuerySet":
        """The brands whose staff the user is. An affiliate is nobody's staff."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user)

    def where_customers_are_known_to(self, user: "Viewer") -> "BrandQuerySet":
        """The brands whose staff the user is, but for those where they only analyse."""
        if not user.is_authenticated or not user.is_active or user.is_superuser:
            return self.visible_to(user)
        return self.filter(memberships__user=user, memberships__role__in=KNOWING_CUSTOMERS)

    def administered_by(self, user: "Viewer") -> "BrandQuerySet":
        """The brands whose administrator the user is."""
        if not user.is_authenticated or not user.is_active or user.is_superuser:
            return self.visible_to(user)
        # One membership that is both: in two filters a colleague who administers the brand would do.
        return self.filter(memberships__user=user, memberships__role=Role.ADMIN)


class Brand(models.Model):
    """A tenant and its rules. Everything below belongs to exactly one brand."""

    class AttributionModel(models.TextChoices):
        LAST = "last", _("Last click")
        FIRST = "first", _("First click")

    class LegalRegime(models.TextChoices):
        STANDARD = "standard", _("Standard: one month")
        LARGE_FIRM = "large_firm", _("Large firm (Spain, Law 10/2025): 15 working days")

    class Formality(models.TextChoices):
        TU = "tu", _("Informal (tú)")
        USTED = "usted", _("Formal (usted)")

    slug = models.SlugField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    country = models.CharField(_("country"), max_length=2, default="ES", help_text=_("Two letters, such as ES."))
    timezone = models.CharField(_("time zone"), max_length=64, default="Europe/Madrid", validators=[validate_timezone])
    languages = ArrayField(models.CharField(max_length=10), verbose_name=_("languages"), default=default_languages)
    color = models.CharField(
        _("colour"), max_length=7, default="#1f6f54", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$")]
    )
    formality = models.CharField(_("form of address"), max_length=5, choices=Formality, default=Formality.TU)
    allowed_hosts = ArrayField(
        models.CharField(max_length=253),
        verbose_name=_("hosts of the shop"),
        default=list,
        blank=True,
        help_text=_("Tracking links may lead to these hosts only."),
    )

    sender_name = models.CharField(_("sender name"), max_length=100, blank=True)
    survey_sender = models.EmailField(_("sender of surveys"), blank=True)
    service_sender = models.EmailField(_("sender of replies to customers"), blank=True)
    reply_to = models.EmailField(_("mailbox for replies"), blank=True)
    is_discreet = models.BooleanField(
        _("discreet"),
        default=False,
        help_text=_("Subject, sender and survey never name what was bought."),
    )
    discreet_name = models.CharField(_("discreet sender name"), max_length=100, blank=True)
    public_review_url = models.URLField(_("public review page"), blank=True)

    delay_goods = models.DurationField(_("delay for goods"), default=timedelta(days=3))
    delay_digital = models.DurationField(_("delay for digital products"), default=timedelta(days=2))
    delay_service = models.DurationField(_("delay for services"), default=timedelta(days=2))
    reminder_after = models.DurationField(_("reminder after"), default=timedelta(days=4), null=True, blank=True)
    follow_up_after = models.DurationField(
        _("follow-up after"),
        default=timedelta(days=75),
        null=True,
        blank=True,
        help_text=_("Counted from delivery or activation. Empty: customers are asked about a purchase only once."),
    )
    reopen_days = models.PositiveSmallIntegerField(
        _("days for which customers can open a closed case again"),
        default=30,
        db_default=30,
        null=True,
        blank=True,
        help_text=_("Later, what they write begins a new case. Empty: always."),
    )
    closing_question_after = models.DurationField(
        _("question after a closed case"),
        default=timedelta(days=1),
        db_default=timedelta(days=1),
        null=True,
        blank=True,
        help_text=_("Counted from its closing. Empty: nobody is asked how their case ended."),
    )
    window_start = models.TimeField(_("send from"), default=time(10, 0))
    window_end = models.TimeField(_("send until"), default=time(20, 0))
    is_spread = models.BooleanField(_("spread over the hour"), default=True)
    fatigue_days = models.PositiveSmallIntegerField(_("days between surveys to one customer"), default=30)
    follow_up_rest_days = models.PositiveSmallIntegerField(
        _("days between a follow-up and any other survey to one customer"), default=30, db_default=30
    )
    max_age_days = models.PositiveSmallIntegerField(_("oldest delivery to ask about, in days"), default=45)
    sampling_percent = models.PositiveSmallIntegerField(
        _("share of customers asked, in %"), default=100, validators=[MaxValueValidator(100)]
    )
    survey_notice_default = models.BooleanField(
        _("customers are told of the survey when they buy"),
        default=False,
        help_text=_("Used where a purchase does not say it. Without notice nobody is asked."),
    )
    link_days = models.PositiveSmallIntegerField(_("days a survey link stays open"), default=45)
    edit_days = models.PositiveSmallIntegerField(_("days an answer can be changed"), default=7)
    asking_paused_at = models.DateTimeField(_("asking paused since"), null=True, blank=True)

    attribution_order = ArrayField(
        models.CharField(max_length=10),
        verbose_name=_("evidence, strongest first"),
        default=default_attribution_order,
        validators=[validate_attribution_order],
    )
    attribution_model = models.CharField(
        _("which click counts"), max_length=5, choices=AttributionModel, default=AttributionModel.LAST
    )
    attribution_window_days = models.PositiveSmallIntegerField(_("attribution window, in days"), default=30)

    k = models.PositiveSmallIntegerField(
        _("answers in a block"),
        default=5,
        validators=[MinValueValidator(3)],
        help_text=_("Affiliates see figures in blocks of at least this many answers."),
    )
    min_form_seconds = models.FloatField(_("fastest believable answer, in seconds"), default=1.5)
    max_posts_per_address = models.PositiveIntegerField(
        _("answers from one address in 10 minutes before they look suspect"), default=10, help_text=_("0: no limit.")
    )
    max_messages_per_address = models.PositiveIntegerField(
        _("messages from one address, or by one link, in 10 minutes"),
        default=20,
        db_default=20,
        help_text=_("What customers write about a purchase or a case. More has to wait. 0: no limit."),
    )
    checks_own_device = models.BooleanField(_("flag answers from an affiliate's own device"), default=True)
    # What makes a purchase worth a person's look (affiliates/services/suspicions.py). It counts all the same.
    suspect_seconds_after_click = models.PositiveSmallIntegerField(
        _("purchases this soon after the click are looked at, in seconds"), default=10, help_text=_("0: never.")
    )
    suspect_purchases_an_hour = models.PositiveIntegerField(
        _("purchases of one affiliate within an hour that are looked at"), default=20, help_text=_("0: never.")
    )
    suspect_customers_a_domain = models.PositiveIntegerField(
        _("customers of one affiliate with one mail domain that are looked at"), default=5, help_text=_("0: never.")
    )
    accepts_applications = models.BooleanField(
        _("affiliates may apply"), default=False, help_text=_("Opens a public page where anybody can ask to join.")
    )
    claim_answer_days = models.PositiveSmallIntegerField(_("days to answer an affiliate’s claim"), default=10)

    legal_regime = models.CharField(_("legal regime"), max_length=20, choices=LegalRegime, default=LegalRegime.STANDARD)
    region = models.CharField(
        _("region"),
        max_length=3,
        default="",
        db_default="",
        blank=True,
        help_text=_("For its holidays and terms; as in ISO 3166-2 without the country, such as AN for Andalusia."),
    )
    first_answer_hours = models.PositiveSmallIntegerField(_("hours to a first answer"), default=24)
    solution_hours = models.PositiveSmallIntegerField(
        _("hours to a solution"),
        null=True,
        blank=True,
        help_text=_("Not counted while we wait for the customer. Empty: none is promised."),
    )
    service_opens = models.TimeField(
        _("somebody answers from"),
        null=True,
        blank=True,
        help_text=_("Hours are promised in this time alone. Empty: day and night."),
    )
    service_closes = models.TimeField(_("somebody answers until"), null=True, blank=True)
    service_weekdays = ArrayField(
        models.PositiveSmallIntegerField(choices=list(WEEKDAYS.items())),
        verbose_name=_("somebody answers on"),
        default=working_week,
        db_default=[0, 1, 2, 3, 4],
    )
    warning_hours = models.PositiveSmallIntegerField(
        _("hours before a promised answer or solution at which its owner is warned"),
        default=4,
        db_default=4,
        help_text=_("0: no warning."),
    )
    legal_warning_days = models.PositiveSmallIntegerField(
        _("days before a term of the law at which its owner is warned"),
        default=3,
        db_default=3,
        help_text=_("0: no warning."),
    )
    requires_second_factor = models.BooleanField(_("staff need a second factor"), default=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = BrandQuerySet.as_manager()

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=Q(k__gte=3), name="brand_k_at_least_3"),
            models.CheckConstraint(condition=Q(sampling_percent__lte=100), name="brand_sampling_is_a_percentage"),
            models.CheckConstraint(condition=Q(window_start__lt=models.F("window_end")), name="brand_window_is_open"),
            models.CheckConstraint(
                condition=Q(service_opens=None, service_closes=None)
                | Q(
                    service_opens__isnull=False,
                    service_closes__isnull=False,
                    service_opens__lt=models.F("service_closes"),
                ),
                name="brand_service_is_open",
                violation_error_message=_("Say from when until when somebody answers, or neither."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def default_language(self) -> str:
        return self.languages[0] if self.languages else settings.LANGUAGE_CODE

    def language_for(self, language: str) -> str:
        """The language to write to somebody in: theirs (for en-GB also en) where the brand has it, else its first."""
        spoken = (code for code in (language, language.partition("-")[0]) if code in self.languages)
        return next(spoken, self.default_language)

    def voice(self, language: str) -> str:
        """The language to speak to a customer in: this one, in the brand's form of address where it has two."""
        is_formal = self.formality == self.Formality.USTED and language.partition("-")[0] == "es"
        return FORMAL_SPANISH if is_formal else language

    def delay_for(self, kind: str) -> timedelta:
        """How long after delivery or activation to ask, by `Product.Kind` value."""
        return {"service": self.delay_service, "digital": self.delay_digital}.get(kind, self.delay_goods)


Row = TypeVar("Row", bound=models.Model)


class BrandOwnedQuerySet(models.QuerySet[Row]):
    """Rows of a brand: its staff may see them and nobody else. `brand_path`: the way from a row to its brand."""

    brand_path = "brand"

    def visible_to(self, user: "Viewer") -> Self:
        return self.filter(**{f"{self.brand_path}__in": self.brands_seen_by(user)})

    @staticmethod
    def brands_seen_by(user: "Viewer") -> BrandQuerySet:
        return Brand.objects.visible_to(user)


class CustomersQuerySet(BrandOwnedQuerySet[Row]):
    """Rows that say who a customer is, or what they wrote to the brand: not for those who reckon with figures."""

    @staticmethod
    def brands_seen_by(user: "Viewer") -> BrandQuerySet:
        return Brand.objects.where_customers_are_known_to(user)
