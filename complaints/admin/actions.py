"""What staff can do with a case, by the name in the address: a form and the service that it leads to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from complaints import services
from complaints.admin.forms import (
    AssigneeForm,
    CauseForm,
    KindForm,
    NoteForm,
    OtherCaseForm,
    PartForm,
    RemedyForm,
    RemedyStepForm,
    ReopenForm,
    ReplyForm,
    ResolveForm,
    SeverityForm,
    TagsForm,
    WarrantyForm,
    terms_of,
)
from complaints.models import Complaint

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Action:
    """`do` gets the case, the form's data, and by, now, version as keywords. `in_bulk`: can be done to many at once."""

    form: Callable[..., forms.Form]
    do: Callable[..., object]
    done: "StrPromise"
    in_bulk: bool = False


ACTIONS: Mapping[str, Action] = {
    "take": Action(
        forms.Form,
        lambda case, given, **how: services.take_complaint(case, **how),
        gettext_lazy("The case is yours."),
    ),
    "assign": Action(
        AssigneeForm,
        lambda case, given, **how: services.assign_complaint(case, to=given["assignee"], **how),
        gettext_lazy("The owner is changed."),
        in_bulk=True,
    ),
    "kind": Action(
        KindForm,
        lambda case, given, **how: services.change_kind(case, kind=given["kind"], **how),
        gettext_lazy("The kind is changed."),
        in_bulk=True,
    ),
    "severity": Action(
        SeverityForm,
        lambda case, given, **how: services.set_severity(case, severity=given["severity"], **how),
        gettext_lazy("The severity is changed."),
        in_bulk=True,
    ),
    "part": Action(
        PartForm,
        lambda case, given, **how: services.set_part(case, part=given["part"], **how),
        gettext_lazy("Noted whose part it was."),
    ),
    "cause": Action(
        CauseForm,
        lambda case, given, **how: services.set_cause(case, cause=given["cause"], **how),
        gettext_lazy("The cause is noted."),
    ),
    "warranty": Action(
        WarrantyForm,
        lambda case, given, **how: services.decide_warranty(
            case, outcome=given["outcome"], reason=given["reason"], **how
        ),
        gettext_lazy("The decision on the warranty is kept."),
    ),
    "remedy": Action(
        RemedyForm,
        lambda case, given, **how: services.add_remedy(
            case, kind=given["kind"], state=given["state"], terms=terms_of(given), **how
        ),
        gettext_lazy("The remedy is noted."),
    ),
    "remedy_step": Action(
        RemedyStepForm,
        lambda case, given, **how: services.move_remedy(
            case, given["remedy"], state=given["state"], terms=terms_of(given), **how
        ),
        gettext_lazy("The remedy is changed."),
    ),
    "tags": Action(
        TagsForm,
        lambda case, given, **how: services.set_tags(case, tags=given["tags"], **how),
        gettext_lazy("The tags are changed."),
    ),
    "tag": Action(
        TagsForm,
        lambda case, given, by, now, version: services.add_tags(case, tags=given["tags"], by=by, now=now),
        gettext_lazy("The tags are added."),
        in_bulk=True,
    ),
    "wait": Action(
        forms.Form,
        lambda case, given, **how: services.set_state(case, state=Complaint.State.WAITING, **how),
        gettext_lazy("The case waits for the customer."),
    ),
    "continue": Action(
        forms.Form,
        lambda case, given, **how: services.set_state(case, state=Complaint.State.IN_PROGRESS, **how),
        gettext_lazy("The case goes on."),
    ),
    "reply": Action(
        ReplyForm,
        lambda case, given, **how: services.reply(
            case, text=given["text"], waits=given["waits"], files=given["attached"], **how
        ),
        gettext_lazy("The answer is on its way to the customer."),
    ),
    "note": Action(
        NoteForm,
        lambda case, given, by, now, version: services.add_note(
            case, text=given["text"], files=given["attached"], by=by, now=now
        ),
        gettext_lazy("The note is kept."),
    ),
    "resolve": Action(
        ResolveForm,
        lambda case, given, **how: services.resolve_complaint(
            case, resolution=given["resolution"], cause=given["cause"], **how
        ),
        gettext_lazy("The case is resolved."),
        in_bulk=True,
    ),
    "reopen": Action(
        ReopenForm,
        lambda case, given, **how: services.reopen_complaint(case, reason=given["reason"], **how),
        gettext_lazy("The case is open again."),
    ),
    "link": Action(
        OtherCaseForm,
        lambda case, given, by, now, version: services.link_cases(case, given["number"], by=by, now=now),
        gettext_lazy("The cases are linked."),
    ),
    "unlink": Action(
        OtherCaseForm,
        lambda case, given, by, now, version: services.unlink_cases(case, given["number"], by=by, now=now),
        gettext_lazy("The cases are no longer linked."),
    ),
    "merge": Action(
        OtherCaseForm,
        lambda case, given, **how: services.merge_complaint(case, given["number"], **how),
        gettext_lazy("The case is merged into the other one."),
    ),
    "unmerge": Action(
        forms.Form,
        lambda case, given, **how: services.unmerge_complaint(case, **how),
        gettext_lazy("The case is separate again."),
    ),
}
BULK: Mapping[str, Action] = {name: action for name, action in ACTIONS.items() if action.in_bulk}


def form_for(
    name: str, complaint: Complaint, data: Any = None, *, files: Any = None, initial: Mapping[str, Any] | None = None
) -> forms.Form:
    """The form of an action, on what the case is now."""
    standing = {
        "kind": complaint.kind,
        "part": complaint.part,
        "cause": complaint.cause,
        "severity": complaint.severity,
        "assignee": complaint.assignee_id,
        "tags": ", ".join(complaint.tags),
    }
    extra = brands_for(name, [complaint.brand])
    return ACTIONS[name].form(data, files, auto_id=f"{name}_%s", initial={**standing, **(initial or {})}, **extra)


def bulk_form(name: str, brands: list[Brand], data: Any = None) -> forms.Form:
    """Nothing in it is required by the browser: what one button needs would stop all others beside it."""
    options = brands_for(name, brands) | {"use_required_attribute": False}
    return BULK[name].form(data, auto_id=f"bulk_{name}_%s", **options)


def brands_for(name: str, brands: list[Brand]) -> dict[str, Any]:
    if name == "assign":
        return {"brands": brands}
    return {"brand": brands[0]} if ACTIONS[name].form is OtherCaseForm else {}
