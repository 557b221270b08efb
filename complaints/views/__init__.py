"""What customers see beyond the survey: thanks, a way to say that something is wrong, their own case, guides."""

from complaints.views.cases import case, case_file, report, reported, thanks
from complaints.views.guides import guide, help_page

__all__ = ["case", "case_file", "guide", "help_page", "report", "reported", "thanks"]
