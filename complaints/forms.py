"""What customers and staff write. Forms check that something is there; the rules are the services'."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from complaints.models import Complaint
from complaints.services import WRITING_ROLES

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


# --- The desk ------------------------------------------------------------------------------------------------------
class ReplyForm(forms.Form):
    text = text_field(_("Your answer"))
    waits = forms.BooleanField(label=_("Then wait for their answer"), required=False)


class NoteForm(forms.Form):
    text = text_field(_("Only colleagues read it"), rows=3)


class ResolveForm(forms.Form):
    resolution = text_field(_("How it was resolved"), rows=3)


class ReopenForm(forms.Form):
    reason = text_field(_("Why it is opened again"), rows=2)


class KindForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=Complaint.Kind)


class PartForm(forms.Form):
    part = forms.ChoiceField(label=_("Whose part"), choices=[("", "—"), *Complaint.Part.choices], required=False)


class AssigneeForm(forms.Form):
    """Only who may work on the brand's cases can be given one."""

    assignee = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.none(), required=False)

    def __init__(self, *args: Any, brand: Brand, **options: Any) -> None:
        super().__init__(*args, **options)
        colleagues = User.objects.filter(memberships__brand=brand, memberships__role__in=WRITING_ROLES, is_active=True)
        self.fields["assignee"].queryset = colleagues.order_by("name", "email")  # type: ignore[attr-defined]
