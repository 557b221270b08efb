"""What customers write. Forms check that something is there; the rules are the services'."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from complaints.files import CheckedFile
from complaints.kinds import DETAILS
from complaints.models import Complaint
from complaints.services.attaching import check_uploads

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST_TEXT = 5000  # characters

# In the customer's words; what they choose decides whether the law's clock runs.
KINDS_TO_REPORT = [
    (Complaint.Kind.COMPLAINT, _("Something went wrong and I want you to know")),
    (Complaint.Kind.CLAIM, _("I ask you to put it right: a repair, a change or my money back")),
    (Complaint.Kind.WARRANTY, _("It broke or does not work (warranty)")),
    (Complaint.Kind.RETURN, _("I want to return it")),
    (Complaint.Kind.INQUIRY, _("I have a question")),
    (Complaint.Kind.SUGGESTION, _("I have a suggestion")),
]


def text_field(label: "StrOrPromise", *, rows: int = 5, is_required: bool = True) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=LONGEST_TEXT, widget=area, required=is_required)


def detail_field(kind: str, label: "StrOrPromise") -> forms.Field:
    if kind == "date":
        return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))
    return forms.CharField(label=label, required=False, max_length=200)


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Files that were looked at: `complaints.files.CheckedFile`."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[CheckedFile]:
        return check_uploads(data if isinstance(data, list | tuple) else [data] if data else [])


def files_field(label: "StrOrPromise", help_text: "StrOrPromise" = "") -> FilesField:
    accepted = FilesInput(attrs={"accept": ".jpg,.jpeg,.png,.webp,.pdf"})
    return FilesField(label=label, required=False, widget=accepted, help_text=help_text)


ENCLOSED = _("Photos or PDF, if they help")
ROOM_FOR_FILES = _("Up to five, of 10 MB each.")
# What each kind asks for (`complaints.kinds`), as its customer is asked.
QUESTIONS: "Mapping[str, StrOrPromise]" = {
    "asks_for": _("What do you ask for?"),
    "fault": _("What fails?"),
    "since": _("Since when?"),
    "serial": _("Serial number, if it has one"),
    "why": _("Why do you want to return it?"),
    "condition": _("In which condition is it?"),
}


class ReportForm(forms.Form):
    """A customer says that something is wrong with their purchase. What is asked of another kind counts for nothing."""

    kind = forms.ChoiceField(label=_("What is it about?"), choices=KINDS_TO_REPORT, widget=forms.RadioSelect)
    text = text_field(_("Tell us what happened"), rows=7)
    enclosed = files_field(ENCLOSED, ROOM_FOR_FILES)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for details in DETAILS.values():
            for detail in details:
                self.fields[detail.code] = detail_field(detail.kind, QUESTIONS[detail.code])

    @property
    def guides_shown(self) -> list[int]:
        """Those that the page before showed as an answer."""
        shown = self.data.getlist("guide") if hasattr(self.data, "getlist") else []
        return [int(guide) for guide in shown[:5] if guide.isdecimal() and len(guide) < 10]

    @property
    def by_kind(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The questions that belong to one kind alone; a page shows them with it."""
        return [(kind, [self[detail.code] for detail in details]) for kind, details in DETAILS.items()]

    @property
    def details(self) -> dict[str, str]:
        """What was said of what the chosen kind asks for."""
        given = self.cleaned_data
        asked = DETAILS.get(given["kind"], ())
        return {each.code: str(given[each.code]) for each in asked if given.get(each.code)}

    @property
    def subject(self) -> str:
        """The first line of what was written, for lists."""
        first = str(self.cleaned_data["text"]).strip().splitlines()[0]
        return first if len(first) <= 100 else f"{first[:99].rstrip()}…"


class MessageForm(forms.Form):
    """What a customer adds to their own case."""

    text = text_field(_("Write to us"))
    enclosed = files_field(ENCLOSED, ROOM_FOR_FILES)
