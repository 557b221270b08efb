"""Files of a case, handed out so that no browser runs or shows them as a page of ours."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from complaints.models import Attachment


def as_download(attachment: Attachment) -> HttpResponse:
    """Whoever calls this has checked that the reader may see it."""
    response = HttpResponse(bytes(attachment.content.data), content_type=attachment.content_type)
    response["Content-Disposition"] = content_disposition_header(True, attachment.name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response
