"""The desk: where staff put right what went wrong."""

from complaints.admin.answers import CannedAnswerAdmin
from complaints.admin.days import DayOffAdmin
from complaints.admin.desk import ComplaintAdmin
from complaints.admin.guides import GuideAdmin
from complaints.admin.incoming import IncomingMailAdmin
from complaints.admin.warranties import WarrantyRuleAdmin

__all__ = ["CannedAnswerAdmin", "ComplaintAdmin", "DayOffAdmin", "GuideAdmin", "IncomingMailAdmin", "WarrantyRuleAdmin"]
