"""Files that come with a message: checked before anything is written, stored with it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.models import User
from complaints.files import MOST_BYTES, MOST_FILES, CheckedFile, check_file
from complaints.models import Attachment, AttachmentContent, Complaint, ComplaintEvent

MOST_FILES_A_CASE = 30  # of its customer


def check_uploads(uploads: Iterable[UploadedFile]) -> list[CheckedFile]:
    """ValidationError with all that is wrong with any of them."""
    given = list(uploads)
    if len(given) > MOST_FILES:
        raise ValidationError(_("%(count)d files at most with one message."), params={"count": MOST_FILES})
    checked, refusals = [], []
    for upload in given:
        try:
            checked.append(check_file(upload.name or "", upload.read(MOST_BYTES + 1)))
        except ValidationError as refusal:
            refusals.append(refusal)
    if refusals:
        raise ValidationError(refusals)
    return checked


def attach(event: ComplaintEvent, files: Sequence[CheckedFile], *, by: User | None, now: datetime) -> None:
    """In the transaction of the message that they came with. `by`: a colleague; None: the customer."""
    for file in files:
        attachment = Attachment.objects.create(
            complaint_id=event.complaint_id,
            event=event,
            name=file.name,
            content_type=file.content_type,
            size=len(file.data),
            uploaded_by=by,
            created_at=now,
        )
        AttachmentContent.objects.create(attachment=attachment, data=file.data)


def refuse_too_many(complaint: Complaint, files: Sequence[CheckedFile]) -> None:
    """ValidationError: whoever has the link could otherwise fill the database."""
    if files and len(files) > room_for_files(complaint):
        message = _("This case has room for %(count)d files. Write to us what else you have.")
        raise ValidationError(message, code="too_many_files", params={"count": MOST_FILES_A_CASE})


def room_for_files(complaint: Complaint) -> int:
    """How many more its customer may add."""
    return max(MOST_FILES_A_CASE - complaint.attachments.filter(uploaded_by=None).count(), 0)
