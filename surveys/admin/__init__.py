"""What staff see of asking: the questionnaire, who was asked, and why somebody was not."""

from surveys.admin.builder import SurveyAdmin
from surveys.admin.catalogues import AspectAdmin, FactAdmin
from surveys.admin.invitations import AskingAdmin, InvitationAdmin
from surveys.admin.responses import ResponseAdmin
from surveys.admin.samples import SampleMailAdmin

__all__ = [
    "AskingAdmin",
    "AspectAdmin",
    "FactAdmin",
    "InvitationAdmin",
    "ResponseAdmin",
    "SampleMailAdmin",
    "SurveyAdmin",
]
