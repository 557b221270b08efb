"""Rows about an affiliate that both it and its brand may see."""

from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models
from django.db.models import Q

from accounts.models import Brand
from affiliates.models import Affiliate

if TYPE_CHECKING:
    from accounts.models import Viewer

Row = TypeVar("Row", bound=models.Model)


class SharedQuerySet(models.QuerySet[Row]):
    def visible_to(self, user: "Viewer") -> Self:
        """An affiliate's members see its own rows; staff all of their brand, also those of the brand itself."""
        return self.filter(
            Q(brand__in=Brand.objects.visible_to(user)) | Q(affiliate__in=Affiliate.objects.visible_to(user))
        )
