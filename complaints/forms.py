"""What customers write. Forms check that something is there; the rules are the services'."""

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from complaints.models import Complaint

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


class ReportForm(forms.Form):
    """A customer says that something is wrong with their purchase."""

    kind = forms.ChoiceField(label=_("What is it about?"), choices=KINDS_TO_REPORT, widget=forms.RadioSelect)
    text = text_field(_("Tell us what happened"), rows=7)

    @property
    def subject(self) -> str:
        """The first line of what was written, for lists."""
        first = str(self.cleaned_data["text"]).strip().splitlines()[0]
        return first if len(first) <= 100 else f"{first[:99].rstrip()}…"


class MessageForm(forms.Form):
    """What a customer adds to their own case."""

    text = text_field(_("Write to us"))
