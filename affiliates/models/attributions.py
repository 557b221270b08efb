"""Why a purchase is credited as it is, and what a person should look at or answer."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, User
from affiliates.models.links import TrackingLink
from affiliates.models.people import Affiliate, OwnedByAffiliateQuerySet
from affiliates.models.purchases import Purchase


class AttributionQuerySet(BrandOwnedQuerySet["Attribution"]):
    """Staff only: it leads to a purchase. What affiliates see of it goes through insights' privacy module."""

    brand_path = "purchase__brand"

    def current(self) -> "AttributionQuerySet":
        return self.filter(is_current=True)

    def sales_of(self, affiliate: Affiliate) -> "AttributionQuerySet":
        """The real purchases that it is credited with now."""
        return self.current().filter(affiliate=affiliate).exclude(purchase__source=Purchase.TEST)


class Attribution(models.Model):
    """Who is credited with a purchase and why, also when it is nobody. Append-only: a correction is a new row."""

    class Method(models.TextChoices):
        CLICK = "click", _("Click")
        COUPON = "coupon", _("Coupon")
        DECLARED = "declared", _("Named by the shop")
        REFERRAL = "referral", _("Recommended by a customer")
        CUSTOMER = "customer", _("Brought earlier")
        MANUAL = "manual", _("Set by staff")
        NONE = "none", _("Nobody")

    class Confidence(models.TextChoices):
        HIGH = "high", _("High")
        MEDIUM = "medium", _("Medium")
        LOW = "low", _("Low")
        NONE = "none", _("None")

    class Reason(models.TextChoices):
        CLICK_IN_WINDOW = "click_in_window", _("Clicked a link within the window")
        COUPON = "coupon", _("Used a coupon of the affiliate")
        DECLARED_BY_SHOP = "declared_by_shop", _("The shop named the affiliate")
        CUSTOMER_REFERRAL = "customer_referral", _("Recommended by a customer")
        ACQUIRED_BEFORE = "acquired_before", _("A customer the affiliate brought before")
        SELF_DECLARED = "self_declared", _("The customer said so")
        MANUAL = "manual", _("Set by staff")
        NO_EVIDENCE = "no_evidence", _("Nothing points to an affiliate")
        WINDOW_OVER = "window_over", _("The click is older than the window")
        AFFILIATE_INACTIVE = "affiliate_inactive", _("The affiliate is not active")
        SELF_REFERRAL = "self_referral", _("Affiliate and customer are the same person")
        UNKNOWN_CODE = "unknown_code", _("The code or click is unknown")

    purchase = models.ForeignKey(Purchase, models.PROTECT, related_name="attributions", verbose_name=_("purchase"))
    is_current = models.BooleanField(_("current"), default=True)
    affiliate = models.ForeignKey(
        Affiliate, models.PROTECT, null=True, blank=True, related_name="attributions", verbose_name=_("affiliate")
    )
    method = models.CharField(_("method"), max_length=8, choices=Method)
    confidence = models.CharField(_("confidence"), max_length=6, choices=Confidence)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    # These are mostly empty: their indexes (below) hold only the rows where they are not.
    link = models.ForeignKey(
        TrackingLink,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="attributions",
        verbose_name=_("link"),
        db_index=False,
    )
    window_ends_at = models.DateTimeField(_("window ends at"), null=True, blank=True)
    acquiring_affiliate = models.ForeignKey(
        Affiliate, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("brought by")
    )
    indirect_affiliate = models.ForeignKey(
        Affiliate,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("brought the referrer"),
        db_index=False,
    )
    # [{"method", "reason", "affiliate": code|null, "at": ISO|null, "won": bool}, …] in the order of the brand's rules
    touches = models.JSONField(_("evidence weighed"), default=list)
    decided_at = models.DateTimeField(_("decided at"))
    decided_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, verbose_name=_("decided by"), db_index=False
    )
    note = models.CharField(_("note"), max_length=500, blank=True)

    objects = AttributionQuerySet.as_manager()

    class Meta:
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        indexes = [
            models.Index(fields=["affiliate", "purchase"], name="attribution_of", condition=Q(is_current=True)),
            models.Index(fields=["link"], name="attribution_by_link", condition=Q(link__isnull=False)),
            models.Index(
                fields=["indirect_affiliate"],
                name="attribution_indirect",
                condition=Q(indirect_affiliate__isnull=False),
            ),
            models.Index(fields=["decided_by"], name="attribution_decided_by", condition=Q(decided_by__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["purchase"], condition=Q(is_current=True), name="attribution_one_current"),
            models.CheckConstraint(
                condition=Q(method__in=["click", "coupon", "declared", "referral", "customer", "manual", "none"]),
                name="attribution_method_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(method="none") | Q(affiliate__isnull=True), name="attribution_none_is_nobody"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id} → {self.affiliate_id or '—'} ({self.reason})"


class ClaimQuerySet(OwnedByAffiliateQuerySet):
    def open(self) -> "ClaimQuerySet":
        return self.filter(state=Claim.State.OPEN)


class Claim(models.Model):
    """A sale that an affiliate misses, told without any customer's data; answered once, and then it stands.

    `purchase` and `note` are for staff: what an affiliate reads of a claim is `selectors.claims_of`.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")

    class Reason(models.TextChoices):
        """The first is for what is accepted. None tells apart an order that is not there from one of somebody else."""

        CREDITED = "credited", _("The sale is yours")
        NOT_CONFIRMED = "not_confirmed", _("We cannot confirm that this sale came from you")
        OUTSIDE_RULES = "outside_rules", _("The rules of the programme do not credit it")
        ALREADY_CREDITED = "already_credited", _("This sale was counted as yours already")
        TOO_VAGUE = "too_vague", _("What was told is not enough to find it")

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="claims", verbose_name=_("affiliate"))
    order_reference = models.CharField(_("order"), max_length=120)
    purchased_on = models.DateField(_("purchased on"))
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    text = models.CharField(_("why it is yours"), max_length=1000, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    filed_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("claimed by")
    )
    filed_at = models.DateTimeField(_("claimed at"))
    due_on = models.DateField(_("answer due on"))
    reason = models.CharField(_("reason"), max_length=16, choices=Reason, blank=True)
    answer = models.CharField(_("answer"), max_length=1000, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    answered_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("answered by")
    )
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, null=True, blank=True, related_name="claims", verbose_name=_("purchase")
    )

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim of a sale")
        verbose_name_plural = _("claims of sales")
        ordering = ["-filed_at", "-pk"]
        indexes = [models.Index(fields=["due_on"], name="claim_due", condition=Q(state="open"))]
        constraints = [
            models.UniqueConstraint(
                models.functions.Lower("order_reference"),
                "affiliate",
                condition=Q(state="open"),
                name="claim_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "accepted", "declined"]), name="claim_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", reason="", answered_at__isnull=True)
                | (~Q(state="open") & ~Q(reason="") & Q(answered_at__isnull=False)),
                name="claim_answer_says_why_and_when",
            ),
            models.CheckConstraint(
                condition=Q(reason="credited", purchase__isnull=False, state="accepted")
                | (~Q(reason="credited") & ~Q(state="accepted")),
                name="claim_accepted_is_credited",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="claim_amount_positive"),
        ]

    def __str__(self) -> str:
        return self.order_reference

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def brand(self) -> Brand:
        return self.affiliate.brand


class SuspicionQuerySet(BrandOwnedQuerySet["Suspicion"]):
    brand_path = "affiliate__brand"


class Suspicion(models.Model):
    """Something a person should look at. It changes no figure and no credit; staff correct where need be."""

    class Kind(models.TextChoices):
        OWN_ADDRESS = "own_address", _("Bought with the affiliate’s own address")
        OWN_DEVICE = "own_device", _("Clicked in a browser where the affiliate was signed in")
        QUICK = "quick", _("Bought seconds after the click")
        BURST = "burst", _("Many purchases within an hour")
        MAIL_DOMAIN = "mail_domain", _("Many customers with one mail domain")

    class State(models.TextChoices):
        OPEN = "open", _("To be looked at")
        DISMISSED = "dismissed", _("Nothing wrong")
        CONFIRMED = "confirmed", _("Confirmed")

    affiliate = models.ForeignKey(
        Affiliate, models.PROTECT, related_name="suspicions", verbose_name=_("affiliate"), db_index=False
    )
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, null=True, blank=True, related_name="suspicions", verbose_name=_("purchase")
    )
    kind = models.CharField(_("what"), max_length=11, choices=Kind)
    key = models.CharField(max_length=255, editable=False)  # of the purchase, the hour or the domain: found once
    detail = models.JSONField(_("detail"), default=dict)
    found_at = models.DateTimeField(_("found at"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    note = models.CharField(_("reason"), max_length=1000, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )

    objects = SuspicionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suspicion")
        verbose_name_plural = _("suspicions")
        ordering = ["-found_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "kind", "key"], name="suspicion_once"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "dismissed", "confirmed"]), name="suspicion_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at__isnull=True) | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="suspicion_decided_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.affiliate}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def brand(self) -> Brand:
        return self.affiliate.brand
