"""Files that came with a message, or go with one."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import CustomersQuerySet, User
from complaints.models.cases import Complaint
from complaints.models.events import ComplaintEvent


class AttachmentQuerySet(CustomersQuerySet["Attachment"]):
    brand_path = "complaint__brand"

    def for_customers(self) -> "AttachmentQuerySet":
        """What came with their own words, and with ours to them. All else is for colleagues."""
        return self.filter(event__kind__in=ComplaintEvent.SHOWN_TO_CUSTOMER)


class Attachment(models.Model):
    """What is known of a file. `name` is what its owner called it; the type is what its bytes say."""

    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="attachments", verbose_name=_("case"))
    event = models.ForeignKey(
        ComplaintEvent, models.CASCADE, related_name="attachments", verbose_name=_("came with"), null=True
    )
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120)
    content_type = models.CharField(_("type"), max_length=60)
    size = models.PositiveIntegerField(_("size in bytes"))
    uploaded_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("created at"))

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("file of a case")
        verbose_name_plural = _("files of cases")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class AttachmentContentQuerySet(CustomersQuerySet["AttachmentContent"]):
    brand_path = "attachment__complaint__brand"


class AttachmentContent(models.Model):
    """The bytes, apart so that lists do not read them.

    In the database: stored, backed up and erased with the case, and there is no folder that several machines share.
    """

    attachment = models.OneToOneField(Attachment, models.CASCADE, primary_key=True, related_name="content")
    data = models.BinaryField()

    objects = AttachmentContentQuerySet.as_manager()

    class Meta:
        verbose_name = _("content of a file")
        verbose_name_plural = _("contents of files")

    def __str__(self) -> str:
        return str(self.attachment_id)
