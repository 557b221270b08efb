"""How cases come to be, what staff do with them, and what is written to their customers."""

from complaints.services.by_hand import open_by_hand
from complaints.services.customers import customer_wrote, report_on_case
from complaints.services.following_up import open_cases_for_bad_answers
from complaints.services.handling import (
    WRITING_ROLES,
    add_note,
    assign_complaint,
    change_kind,
    reopen_complaint,
    reply,
    resolve_complaint,
    set_cause,
    set_part,
    set_state,
    take_complaint,
)
from complaints.services.importing import HistoricComplaint, Imported, import_complaints
from complaints.services.merging import link_cases, merge_complaint, unlink_cases, unmerge_complaint
from complaints.services.opening import Problem, customers_by_email, open_complaint
from complaints.services.remedying import Terms, add_remedy, move_remedy
from complaints.services.sorting import add_tags, set_severity, set_tags
from complaints.services.trials import remove_test_cases
from complaints.services.warranting import decide_warranty

__all__ = [
    "WRITING_ROLES",
    "HistoricComplaint",
    "Imported",
    "Problem",
    "Terms",
    "add_note",
    "add_remedy",
    "add_tags",
    "assign_complaint",
    "change_kind",
    "customer_wrote",
    "customers_by_email",
    "decide_warranty",
    "import_complaints",
    "link_cases",
    "merge_complaint",
    "move_remedy",
    "open_by_hand",
    "open_cases_for_bad_answers",
    "open_complaint",
    "remove_test_cases",
    "reopen_complaint",
    "reply",
    "report_on_case",
    "resolve_complaint",
    "set_cause",
    "set_part",
    "set_severity",
    "set_state",
    "set_tags",
    "take_complaint",
    "unlink_cases",
    "unmerge_complaint",
]
