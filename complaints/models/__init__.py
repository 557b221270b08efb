"""Making it right: one case a problem, with an owner, two clocks and a record of all that happened."""

from complaints.models.cases import Complaint, ComplaintQuerySet, ComplaintResponse
from complaints.models.events import ComplaintChange, ComplaintEvent

__all__ = [
    "Complaint",
    "ComplaintChange",
    "ComplaintEvent",
    "ComplaintQuerySet",
    "ComplaintResponse",
]
