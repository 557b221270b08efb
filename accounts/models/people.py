"""Who signs in, and what they may do for a brand."""

from typing import TYPE_CHECKING, ClassVar, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import KNOWING_CUSTOMERS, TAKING_FILES, Brand, BrandOwnedQuerySet, validate_timezone
from accounts.models.brands import Role as BrandRole

if TYPE_CHECKING:
    from accounts.models.brands import Viewer


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        # The whole address, not only its host: two accounts that differ in capitals would be one person.
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "Viewer") -> "UserQuerySet":
        """Oneself, and for staff their colleagues of the same brands."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(Q(pk=user.pk) | Q(memberships__brand__in=Brand.objects.visible_to(user))).distinct()

    def with_duties(self) -> "UserQuerySet":
        """`owes_second_factor`: one of the brands that they see asks its staff for one."""
        strict = Brand.objects.filter(requires_second_factor=True)
        own = strict.filter(memberships__user=OuterRef("pk"))
        return self.annotate(owes_second_factor=Exists(own) | (Q(is_superuser=True) & Exists(strict)))


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True, choices=settings.LANGUAGES)
    timezone = models.CharField(_("time zone"), max_length=64, blank=True, validators=[validate_timezone])
    is_staff = models.BooleanField(_("works for a brand"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = UserManager.from_queryset(UserQuerySet)()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(condition=Q(email=models.functions.Lower("email")), name="user_email_is_lower_case")
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]

    def role_in(self, brand: Brand) -> "Membership.Role | None":
        """The user's role among a brand's staff; None for everybody else."""
        if self.is_superuser:
            return Membership.Role.ADMIN
        membership = self.memberships.filter(brand=brand).first()
        return Membership.Role(membership.role) if membership else None

    @cached_property
    def owes_second_factor(self) -> bool:
        """Does a brand that they see ask its staff for one? Known already of whoever came `with_duties`."""
        return User.objects.with_duties().filter(Q(owes_second_factor=True), pk=self.pk).exists()

    def zone_for(self, brand: Brand | None) -> ZoneInfo:
        """Where they are, or else the brand."""
        return ZoneInfo(self.timezone or (brand.timezone if brand else settings.TIME_ZONE))

    def may_write_for(self, brand: Brand) -> bool:
        """May they change what concerns the brand's customers?"""
        return self.is_active and self.role_in(brand) in (Membership.Role.ADMIN, Membership.Role.AGENT)

    def knows_customers_of(self, brand: Brand) -> bool:
        """May they learn who its customers are?"""
        return self.is_active and self.role_in(brand) in KNOWING_CUSTOMERS

    def may_take_files_of(self, brand: Brand) -> bool:
        """May they take what they see there away, as a file?"""
        return self.is_active and self.role_in(brand) in TAKING_FILES


class Membership(models.Model):
    """What a person may do for a brand."""

    Role: TypeAlias = BrandRole

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("person"))
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="memberships", verbose_name=_("brand"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = BrandOwnedQuerySet["Membership"].as_manager()

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        constraints = [
            models.UniqueConstraint(fields=["user", "brand"], name="membership_once_a_brand"),
            models.CheckConstraint(
                condition=Q(role__in=["admin", "agent", "analyst", "read_only"]), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.brand} · {self.get_role_display()}"
