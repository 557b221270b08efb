"""What an affiliate shows in public of what its customers say."""

import secrets
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.models import Affiliate

if TYPE_CHECKING:
    from accounts.models import Viewer


def make_token() -> str:
    return secrets.token_urlsafe(16)


class PublicPageQuerySet(models.QuerySet["PublicPage"]):
    def visible_to(self, user: "Viewer") -> "PublicPageQuerySet":
        return self.filter(affiliate__in=Affiliate.objects.visible_to(user))

    def open(self) -> "PublicPageQuerySet":
        """Those that anybody who has their address may read."""
        return self.filter(is_on=True, stopped_at=None, affiliate__status=Affiliate.Status.ACTIVE)


class PublicPage(models.Model):
    """An affiliate's page, badge and frame for everybody, off until one of its owners turns it on.

    All or nothing: which answers count and which words stand on it nobody can choose.
    """

    affiliate = models.OneToOneField(Affiliate, models.CASCADE, related_name="public_page", verbose_name=_("affiliate"))
    token = models.CharField(_("address"), max_length=22, unique=True, default=make_token, editable=False)
    is_on = models.BooleanField(_("public"), default=False)
    shows_words = models.BooleanField(_("with customers’ words"), default=True)
    frame_hosts = ArrayField(
        models.CharField(max_length=253), verbose_name=_("sites that may embed it"), default=list, blank=True
    )
    stopped_at = models.DateTimeField(_("stopped by staff at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = PublicPageQuerySet.as_manager()

    class Meta:
        verbose_name = _("public page of an affiliate")
        verbose_name_plural = _("public pages of affiliates")

    def __str__(self) -> str:
        return str(self.affiliate)

    @property
    def brand(self) -> Brand:
        return self.affiliate.brand
