"""Who brought whom: affiliates, their links, the customers they brought, what was bought, and why it is credited."""

import secrets
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, BrandOwnedQuerySet, User
from mailing.models import OutgoingMail

if TYPE_CHECKING:
    from accounts.models import Viewer

CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is read as something else


def random_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _i in range(8))


def click_public_id() -> str:
    return secrets.token_urlsafe(16)


class AffiliateQuerySet(models.QuerySet["Affiliate"]):
    def visible_to(self, user: "Viewer") -> "AffiliateQuerySet":
        """Staff see their brand's affiliates; members see their own, never a rival's, and not while suspended."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        own = AffiliateMember.objects.filter(user=user).exclude(affiliate__status=Affiliate.Status.SUSPENDED)
        return self.filter(Q(brand__in=Brand.objects.visible_to(user)) | Q(pk__in=own.values("affiliate")))

    def active(self) -> "AffiliateQuerySet":
        return self.filter(status=Affiliate.Status.ACTIVE)


class Affiliate(models.Model):
    class Status(models.TextChoices):
        APPLIED = "applied", _("Applied")
        INVITED = "invited", _("Invited")
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="affiliates", verbose_name=_("brand"))
    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    public_name = models.CharField(
        _("public name"), max_length=120, blank=True, help_text=_("How customers know them; else “whoever…”.")
    )
    email = models.EmailField(_("e-mail"), blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ACTIVE)
    joined_at = models.DateTimeField(_("joined at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = AffiliateQuerySet.as_manager()

    class Meta:
        verbose_name = _("affiliate")
        verbose_name_plural = _("affiliates")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "code"], name="affiliate_code_once_a_brand"),
            models.CheckConstraint(
                condition=Q(status__in=["applied", "invited", "active", "suspended"]), name="affiliate_status_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE


class AffiliateMemberQuerySet(models.QuerySet["AffiliateMember"]):
    def visible_to(self, user: "Viewer") -> "AffiliateMemberQuerySet":
        return self.filter(affiliate__in=Affiliate.objects.visible_to(user))


class AffiliateMember(models.Model):
    """A person who signs in for an affiliate."""

    class Role(models.TextChoices):
        OWNER = "owner", pgettext_lazy("member", "Owner")
        MEMBER = "member", _("Member")

    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="members", verbose_name=_("affiliate"))
    user = models.ForeignKey(User, models.CASCADE, related_name="affiliate_members", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=6, choices=Role, default=Role.OWNER)
    accepted_terms_at = models.DateTimeField(_("accepted the terms at"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = AffiliateMemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member of an affiliate")
        verbose_name_plural = _("members of affiliates")
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "user"], name="affiliatemember_once"),
            models.CheckConstraint(condition=Q(role__in=["owner", "member"]), name="affiliatemember_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.affiliate}"


class OwnedByAffiliateQuerySet(models.QuerySet):
    """Rows of an affiliate that its members and the brand's staff may see."""

    def visible_to(self, user: "Viewer") -> "OwnedByAffiliateQuerySet":
        return self.filter(affiliate__in=Affiliate.objects.visible_to(user))


class TrackingLink(models.Model):
    """An affiliate's link. Its destination comes from here and never from the visitor's request."""

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="links", verbose_name=_("affiliate"))
    code = models.CharField(_("code"), max_length=60, unique=True, default=random_code)
    destination = models.URLField(_("destination"), max_length=2000)
    campaign = models.CharField(_("campaign"), max_length=100, blank=True)
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


class Click(models.Model):
    """Somebody followed a link. No cookie, no raw address; `visitor` is a keyed hash or the shop's opaque key."""

    class Kind(models.TextChoices):
        VISIT = "visit", _("Visit")
        REPEAT = "repeat", _("Repeat")
        BOT = "bot", _("Bot")
        HEAD = "head", _("Header request")

    public_id = models.CharField(_("id"), max_length=40, unique=True, default=click_public_id)
    link = models.ForeignKey(TrackingLink, models.PROTECT, related_name="clicks", verbose_name=_("link"))
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.VISIT)
    visitor = models.CharField(_("visitor"), max_length=64, blank=True)
    is_own_device = models.BooleanField(_("by the affiliate"), db_default=False)
    occurred_at = models.DateTimeField(_("occurred at"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ClickQuerySet.as_manager()

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes = [
            models.Index(fields=["link", "-occurred_at"], name="click_newest"),
            models.Index(fields=["visitor", "occurred_at"], name="click_visitor", condition=~Q(visitor="")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["visit", "repeat", "bot", "head"]), name="click_kind_is_known")
        ]

    def __str__(self) -> str:
        return self.public_id


class Customer(models.Model):
    """Who bought. Affiliates never see a row of this table, nor anything that leads to one."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="customers", verbose_name=_("brand"))
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    external_id = models.CharField(_("the shop's id"), max_length=120, null=True, blank=True)
    email = models.EmailField(_("e-mail"), max_length=320, null=True, blank=True)
    email_hash = models.BinaryField(_("e-mail (hash)"), max_length=33, null=True, editable=False)
    name = models.CharField(_("name"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    timezone = models.CharField(_("time zone"), max_length=64, blank=True)
    survey_notice = models.BooleanField(_("was told of the survey"), null=True, blank=True)
    acquiring_affiliate = models.ForeignKey(
        Affiliate,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="acquired_customers",
        verbose_name=_("brought by"),
        help_text=_("Who brought them the first time, for ever."),
    )
    acquired_at = models.DateTimeField(_("brought at"), null=True, blank=True)
    referral_code = models.CharField(_("recommendation code"), max_length=20, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = BrandOwnedQuerySet["Customer"].as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="customer_external_id_once"),
            models.UniqueConstraint(fields=["brand", "email_hash"], name="customer_email_once"),
            models.CheckConstraint(
                condition=Q(email__isnull=True) | Q(email_hash__isnull=False), name="customer_email_has_hash"
            ),
            models.CheckConstraint(
                condition=Q(acquiring_affiliate__isnull=True) | Q(acquired_at__isnull=False),
                name="customer_acquired_says_when",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.external_id or str(self.pk)


class Product(models.Model):
    class Kind(models.TextChoices):
        GOODS = "goods", _("Goods")
        SERVICE = "service", _("Service")
        DIGITAL = "digital", _("Digital")

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="products", verbose_name=_("brand"))
    sku = models.CharField(_("SKU"), max_length=120)
    name = models.CharField(_("name"), max_length=250, blank=True)
    category = models.CharField(_("category"), max_length=120, blank=True)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind, default=Kind.GOODS)

    objects = BrandOwnedQuerySet["Product"].as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["name", "sku"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "sku"], name="product_sku_once_a_brand"),
            models.CheckConstraint(condition=Q(kind__in=["goods", "service", "digital"]), name="product_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.sku


class Purchase(models.Model):
    """What a shop told us was bought. Its natural key is the shop's id; nothing is ever deleted."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        CANCELLED = "cancelled", _("Cancelled")
        REFUNDED = "refunded", _("Refunded")

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="purchases", verbose_name=_("brand"))
    external_id = models.CharField(_("order"), max_length=120)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="purchases", verbose_name=_("customer"))
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="purchases", verbose_name=_("product")
    )
    purchased_at = models.DateTimeField(_("purchased at"))
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    activated_at = models.DateTimeField(_("activated at"), null=True, blank=True)
    promised_on = models.DateField(_("promised for"), null=True, blank=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)

    # The evidence of attribution, as the shop sent it.
    click_ids = ArrayField(models.CharField(max_length=40), verbose_name=_("clicks"), default=list, blank=True)
    coupon_code = models.CharField(_("coupon"), max_length=60, blank=True)
    declared_affiliate = models.CharField(_("affiliate named by the shop"), max_length=60, blank=True)
    referral_code = models.CharField(_("recommendation code"), max_length=20, blank=True)

    # Keyed hash of who the shop said bought it: a repeat must name the same person, whatever we learnt since.
    identity_hash = models.BinaryField(max_length=33, null=True, editable=False)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    source = models.CharField(_("came in by"), max_length=20, default="api")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = BrandOwnedQuerySet["Purchase"].as_manager()

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        ordering = ["-purchased_at", "-id"]
        indexes = [
            models.Index(fields=["brand", "-purchased_at", "-id"], name="purchase_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="purchase_once"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "cancelled", "refunded"]), name="purchase_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gte=0), name="purchase_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | ~Q(currency=""), name="purchase_amount_has_currency"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def kind(self) -> str:
        return self.product.kind if self.product else Product.Kind.GOODS

    @property
    def received_at(self) -> datetime | None:
        """When the customer had it: delivery for goods, activation (or else delivery) for the rest."""
        if self.kind == Product.Kind.GOODS:
            return self.delivered_at or self.activated_at
        return self.activated_at or self.delivered_at

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN


class RefundQuerySet(BrandOwnedQuerySet["Refund"]):
    brand_path = "purchase__brand"


class Refund(models.Model):
    """Money given back, in part or whole. Append-only."""

    purchase = models.ForeignKey(Purchase, models.PROTECT, related_name="refunds", verbose_name=_("purchase"))
    external_id = models.CharField(_("id"), max_length=120)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    refunded_at = models.DateTimeField(_("refunded at"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "external_id"], name="refund_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.purchase.currency}"


class AttributionQuerySet(BrandOwnedQuerySet["Attribution"]):
    """Staff only: it leads to a purchase. What affiliates see of it goes through insights' privacy module."""

    brand_path = "purchase__brand"

    def current(self) -> "AttributionQuerySet":
        return self.filter(is_current=True)


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
    link = models.ForeignKey(
        TrackingLink, models.PROTECT, null=True, blank=True, related_name="attributions", verbose_name=_("link")
    )
    window_ends_at = models.DateTimeField(_("window ends at"), null=True, blank=True)
    acquiring_affiliate = models.ForeignKey(
        Affiliate, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("brought by")
    )
    indirect_affiliate = models.ForeignKey(
        Affiliate, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("brought the referrer")
    )
    # [{"method", "reason", "affiliate": code|null, "at": ISO|null, "won": bool}, …] in the order of the brand's rules
    touches = models.JSONField(_("evidence weighed"), default=list)
    decided_at = models.DateTimeField(_("decided at"))
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, verbose_name=_("decided by"))
    note = models.CharField(_("note"), max_length=500, blank=True)

    objects = AttributionQuerySet.as_manager()

    class Meta:
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        indexes = [
            models.Index(fields=["affiliate", "purchase"], name="attribution_of", condition=Q(is_current=True)),
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


class PurchaseChange(models.Model):
    """A purchase, refund or attribution changed and is not yet counted.

    Written in the transaction of the change; insights takes the rows with SKIP LOCKED and recomputes what they touch.
    """

    purchase = models.ForeignKey(Purchase, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("purchase not yet counted")
        verbose_name_plural = _("purchases not yet counted")

    def __str__(self) -> str:
        return f"{self.purchase_id}"


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


class AffiliateEventQuerySet(BrandOwnedQuerySet["AffiliateEvent"]):
    brand_path = "affiliate__brand"


class AffiliateEvent(models.Model):
    """What happened to an affiliate in the programme: who did it, when and why. Append-only; for staff."""

    class Kind(models.TextChoices):
        APPLIED = "applied", _("Applied")
        INVITED = "invited", _("Invited")
        IMPORTED = "imported", _("Imported")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        SUSPENDED = "suspended", _("Suspended")
        REACTIVATED = "reactivated", _("Reactivated")
        MEMBER_INVITED = "member_invited", _("Person invited")
        MEMBER_JOINED = "member_joined", _("Person joined")
        MEMBER_REMOVED = "member_removed", _("Person removed")
        ROLE_CHANGED = "role_changed", _("Role changed")

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="events", verbose_name=_("affiliate"))
    kind = models.CharField(_("event"), max_length=14, choices=Kind)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))
    note = models.CharField(_("note"), max_length=1000, blank=True)

    objects = AffiliateEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event of an affiliate")
        verbose_name_plural = _("events of affiliates")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.get_kind_display()


class MemberInvitationQuerySet(BrandOwnedQuerySet["MemberInvitation"]):
    """Addresses of people who may never join: for staff."""

    brand_path = "affiliate__brand"

    def pending(self) -> "MemberInvitationQuerySet":
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)


class MemberInvitation(models.Model):
    """Somebody may sign in for an affiliate once they follow the link in their mail. The link works once."""

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="invitations", verbose_name=_("affiliate"))
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=6, choices=AffiliateMember.Role)
    mail = models.OneToOneField(OutgoingMail, models.PROTECT, related_name="+", verbose_name=_("mail"))
    invited_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("invited by")
    )
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("valid until"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    objects = MemberInvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation of a person")
        verbose_name_plural = _("invitations of people")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["affiliate", "email"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="memberinvitation_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(email=models.functions.Lower("email")), name="memberinvitation_email_is_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True),
                name="memberinvitation_ends_one_way",
            ),
            models.CheckConstraint(condition=Q(role__in=["owner", "member"]), name="memberinvitation_role_is_known"),
        ]

    def __str__(self) -> str:
        return self.email

    def is_usable(self, now: datetime) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and self.expires_at > now


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

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="suspicions", verbose_name=_("affiliate"))
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
