"""Making it right: one case a problem, with an owner, two clocks and a record of all that happened."""

from complaints.models.attachments import Attachment, AttachmentContent
from complaints.models.cases import Complaint, ComplaintQuerySet, ComplaintResponse
from complaints.models.desk import CannedAnswer, ComplaintWords, SavedView
from complaints.models.events import ComplaintChange, ComplaintEvent
from complaints.models.guides import Guide, GuideQuestion, GuideText, GuideVerdict
from complaints.models.incoming import IncomingMail, IncomingMailContent
from complaints.models.links import ComplaintLink
from complaints.models.remedies import Remedy
from complaints.models.timing import Alarm, DayOff, Pause, Recount
from complaints.models.warranty import WarrantyDecision, WarrantyRule

__all__ = [
    "Alarm",
    "Attachment",
    "AttachmentContent",
    "CannedAnswer",
    "Complaint",
    "ComplaintChange",
    "ComplaintEvent",
    "ComplaintLink",
    "ComplaintQuerySet",
    "ComplaintResponse",
    "ComplaintWords",
    "DayOff",
    "Guide",
    "GuideQuestion",
    "GuideText",
    "GuideVerdict",
    "IncomingMail",
    "IncomingMailContent",
    "Pause",
    "Recount",
    "Remedy",
    "SavedView",
    "WarrantyDecision",
    "WarrantyRule",
]
