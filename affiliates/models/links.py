"""What an affiliate shares: links, what is promised there, coupons; and who followed them."""

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q, Value
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, User
from accounts.partitions import month_after
from affiliates.models.people import Affiliate, OwnedByAffiliateQuerySet

if TYPE_CHECKING:
    from accounts.models import Viewer

CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is read as something else
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MARKED_ID = 24  # characters: two for the month, 22 for the rest


def random_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _i in range(8))


def click_public_id(at: datetime | None = None) -> str:
    """128 random bits; before them, where it is told, the month of the click, by which it is found again."""
    number = at.astimezone(UTC).year % 100 * 12 + at.astimezone(UTC).month - 1 if at else 0
    return (DIGITS[number // 36] + DIGITS[number % 36] if at else "") + secrets.token_urlsafe(16)


def month_of_click(public_id: str) -> datetime | None:
    """None: its id does not tell, as those made before there were months."""
    if len(public_id) != MARKED_ID or not set(public_id[:2]) <= set(DIGITS):
        return None
    year, month = divmod(int(public_id[:2], 36), 12)
    return datetime(2000 + year, month + 1, 1, tzinfo=UTC) if year < 100 else None


class TrackingLink(models.Model):
    """An affiliate's link. Its destination comes from here and never from the visitor's request."""

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="links", verbose_name=_("affiliate"))
    code = models.CharField(_("code"), max_length=60, unique=True, default=random_code)
    destination = models.URLField(_("destination"), max_length=2000)
    campaign = models.CharField(_("campaign"), max_length=100, blank=True)
    # What a click gets that brings none of its own: {"sub1": "blog", …}
    sub_ids = models.JSONField(_("sub-ids"), default=dict, db_default=Value({}, models.JSONField()), blank=True)
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = OwnedByAffiliateQuerySet.as_manager()

    class Meta:
        verbose_name = _("tracking link")
        verbose_name_plural = _("tracking links")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.campaign or self.code

    def get_absolute_url(self) -> str:
        return reverse("affiliates:follow_link", args=[self.code])


class CataloguePromise(models.Model):
    """A sentence that the brand offers where a link is made. A link keeps its own words, whatever becomes of these."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="catalogue_promises", verbose_name=_("brand"))
    code = models.SlugField(_("code"), max_length=40)
    labels = models.JSONField(_("labels by language"), default=dict)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("offered"), default=True)

    objects = BrandOwnedQuerySet["CataloguePromise"].as_manager()

    class Meta:
        verbose_name = _("promise of the catalogue")
        verbose_name_plural = _("catalogue of promises")
        ordering = ["position", "code"]
        constraints = [models.UniqueConstraint(fields=["brand", "code"], name="cataloguepromise_code_once")]

    def __str__(self) -> str:
        return self.said_in(self.brand.default_language)

    def said_in(self, language: str) -> str:
        """In the language asked for, else the brand's first, else any."""
        said = (self.labels.get(code) for code in (language, self.brand.default_language))
        return next(filter(None, [*said, *self.labels.values()]), self.code)


class LinkPromiseQuerySet(models.QuerySet["LinkPromise"]):
    def visible_to(self, user: "Viewer") -> "LinkPromiseQuerySet":
        return self.filter(link__affiliate__in=Affiliate.objects.visible_to(user))

    def standing(self) -> "LinkPromiseQuerySet":
        return self.filter(withdrawn_at__isnull=True)


class LinkPromise(models.Model):
    """What the affiliate tells buyers at a link; what those buyers later say is held against it."""

    link = models.ForeignKey(TrackingLink, models.CASCADE, related_name="promises", verbose_name=_("link"))
    text = models.CharField(_("promise"), max_length=200)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    objects = LinkPromiseQuerySet.as_manager()

    class Meta:
        verbose_name = _("promise")
        verbose_name_plural = _("promises")
        constraints = [
            models.UniqueConstraint(
                fields=["link", "text"], condition=Q(withdrawn_at__isnull=True), name="linkpromise_once"
            )
        ]

    def __str__(self) -> str:
        return self.text


class Coupon(models.Model):
    """A discount code that stands for an affiliate. One owner at a time; earlier ones stay on record."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="coupons", verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="coupons", verbose_name=_("affiliate"))
    code = models.CharField(_("code"), max_length=60, help_text=_("Capitals do not matter."))
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    given_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("given by")
    )
    ended_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("ended by")
    )

    objects = OwnedByAffiliateQuerySet.as_manager()

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "code"], condition=Q(valid_until__isnull=True), name="coupon_one_owner_now"
            ),
            models.CheckConstraint(condition=Q(code=models.functions.Lower("code")), name="coupon_code_is_lower_case"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")), name="coupon_period_runs"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class ClickQuerySet(BrandOwnedQuerySet["Click"]):
    """Single clicks carry exact times: staff only. Affiliates see counts."""

    brand_path = "link__affiliate__brand"

    def named(self, public_ids: Collection[str]) -> "ClickQuerySet":
        """Looked for only in the months that the ids tell; in all where one does not."""
        found = self.filter(public_id__in=public_ids)
        months = [month for month in map(month_of_click, public_ids) if month]
        if len(months) < len(public_ids) or not months:
            return found
        return found.filter(occurred_at__gte=min(months), occurred_at__lt=month_after(max(months)))


class Click(models.Model):
    """Somebody followed a link. No cookie, no raw address; `visitor` is a keyed hash or the shop's opaque key.

    In pieces of a month each (accounts/partitions.py), so that old ones go at once: see VisitCount.
    """

    class Kind(models.TextChoices):
        VISIT = "visit", _("Visit")
        REPEAT = "repeat", _("Repeat")
        BOT = "bot", _("Bot")
        HEAD = "head", _("Header request")

    # Unique by its 128 random bits: an index over all pieces could not say so without the time.
    public_id = models.CharField(_("id"), max_length=40, default=click_public_id)
    # Without an index of its own: "newest" below begins with it.
    link = models.ForeignKey(
        TrackingLink, models.PROTECT, related_name="clicks", verbose_name=_("link"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.VISIT)
    visitor = models.CharField(_("visitor"), max_length=64, blank=True)
    is_own_device = models.BooleanField(_("by the affiliate"), db_default=False)
    sub_ids = models.JSONField(_("sub-ids"), default=dict, db_default=Value({}, models.JSONField()), blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ClickQuerySet.as_manager()

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes = [
            models.Index(fields=["public_id"], name="click_public_id"),
            models.Index(fields=["link", "-occurred_at"], name="click_newest"),
            models.Index(fields=["visitor", "occurred_at"], name="click_visitor", condition=~Q(visitor="")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["visit", "repeat", "bot", "head"]), name="click_kind_is_known")
        ]

    def __str__(self) -> str:
        return self.public_id


class VisitCountQuerySet(BrandOwnedQuerySet["VisitCount"]):
    brand_path = "link__affiliate__brand"


class VisitCount(models.Model):
    """How many visits a link had in a month of its brand's, of those clicks that have gone."""

    link = models.ForeignKey(
        TrackingLink, models.CASCADE, related_name="visit_counts", verbose_name=_("link"), db_index=False
    )
    month = models.DateField(_("month"))
    visits = models.PositiveIntegerField(_("visits"))

    objects = VisitCountQuerySet.as_manager()

    class Meta:
        verbose_name = _("visits of a month")
        verbose_name_plural = _("visits by month")
        constraints = [models.UniqueConstraint(fields=["link", "month"], name="visitcount_once_a_month")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.visits}"
