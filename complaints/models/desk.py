"""What makes the desk quick to work at: words to find cases by, views that people keep, answers kept ready."""

from typing import TYPE_CHECKING

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, CustomersQuerySet, User
from complaints.models.cases import Complaint
from complaints.placeholders import validate_placeholders

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ComplaintWordsQuerySet(CustomersQuerySet["ComplaintWords"]):
    pass


class ComplaintWords(models.Model):
    """All words of a case, its thread and its customer's name, as they are searched (migration `search_words`)."""

    complaint = models.OneToOneField(Complaint, models.CASCADE, primary_key=True, related_name="words")
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False)
    words = SearchVectorField()

    objects = ComplaintWordsQuerySet.as_manager()

    class Meta:
        verbose_name = _("words of a case")
        verbose_name_plural = _("words of cases")
        indexes = [GinIndex(fields=["words"], name="complaint_words")]

    def __str__(self) -> str:
        return str(self.complaint_id)


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: "User | AnonymousUser") -> "SavedViewQuerySet":
        """Each their own."""
        return self.filter(user=user) if isinstance(user, User) and user.is_active else self.none()


class SavedView(models.Model):
    """A way to look at the inbox that somebody has named: its queue, search and filters."""

    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(_("what it shows"), max_length=500)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="complaint_view_name_once")]

    def __str__(self) -> str:
        return self.name


class CannedAnswerQuerySet(BrandOwnedQuerySet["CannedAnswer"]):
    pass


class CannedAnswer(models.Model):
    """An answer kept ready, with places that the case fills in."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="canned_answers", verbose_name=_("brand"))
    title = models.CharField(_("title"), max_length=80)
    language = models.CharField(_("language"), max_length=10)
    text = models.TextField(_("text"), max_length=5000, validators=[validate_placeholders])
    is_active = models.BooleanField(_("in use"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = CannedAnswerQuerySet.as_manager()

    class Meta:
        verbose_name = _("ready answer")
        verbose_name_plural = _("ready answers")
        ordering = ["title", "language"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "title", "language"], name="complaint_answer_title_once")
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.language})"
