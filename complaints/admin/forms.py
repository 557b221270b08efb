"""What staff type at the desk. Forms check that something is there; the rules are the services'."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, User
from complaints.forms import files_field, text_field
from complaints.kinds import ALL_DETAILS, DETAILS
from complaints.models import Complaint, Remedy, WarrantyDecision
from complaints.models.causes import CAUSES_OF
from complaints.selectors import Look, Queue
from complaints.services import WRITING_ROLES, Problem, Terms

NEW_KINDS = [choice for choice in Complaint.Kind.choices if choice[0] != Complaint.Kind.FOLLOW_UP]


def day_field(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


# --- One case ------------------------------------------------------------------------------------------------------
class ReplyForm(forms.Form):
    text = text_field(_("Your answer"))
    attached = files_field(_("Files (pictures or PDF)"))
    waits = forms.BooleanField(label=_("Then wait for their answer"), required=False)


class NoteForm(forms.Form):
    text = text_field(_("Only colleagues read it"), rows=3)
    attached = files_field(_("Files (pictures or PDF)"))


def cause_choices() -> list[tuple[Any, Any]]:
    """By whose part each is."""
    groups = [(part.label, [(cause, cause.label) for cause in causes]) for part, causes in CAUSES_OF.items()]
    return [("", "—"), *groups, (Complaint.Cause.NOTHING, Complaint.Cause.NOTHING.label)]


class CauseForm(forms.Form):
    cause = forms.ChoiceField(label=_("What the cause was"), choices=cause_choices)


class ResolveForm(CauseForm):
    resolution = text_field(_("How it was resolved"), rows=3)

    field_order = ["resolution", "cause"]


class WarrantyForm(forms.Form):
    outcome = forms.ChoiceField(label=_("What applies"), choices=WarrantyDecision.Outcome)
    reason = text_field(_("Why (needed where the dates say otherwise)"), rows=2, is_required=False)


class TermsForm(forms.Form):
    """Cost, days and note of a remedy: all of them may be left out."""

    cost = forms.DecimalField(label=_("Cost"), min_value=0, max_digits=12, decimal_places=2, required=False)
    currency = forms.CharField(
        label=_("Currency"), max_length=3, required=False, help_text=_("Empty: that of the purchase.")
    )
    taken_on = day_field(_("Handed in on (repair)"))
    back_on = day_field(_("Given back on (repair)"))
    done_on = day_field(_("Done on"))
    note = forms.CharField(label=_("Note"), max_length=200, required=False)


def terms_of(given: Mapping[str, Any]) -> Terms:
    return Terms(**{name: given[name] for name in TermsForm.base_fields})


class RemedyForm(TermsForm):
    """A new one."""

    kind = forms.ChoiceField(label=pgettext_lazy("remedy", "Remedy"), choices=Remedy.Kind)
    state = forms.ChoiceField(
        label=_("It is"), choices=[(state, state.label) for state in Remedy.NEXT[""]], initial=Remedy.State.OFFERED
    )

    @property
    def main_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("kind", "state", "cost", "currency")]

    @property
    def day_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("done_on", "taken_on", "back_on")]

    @property
    def day_errors(self) -> bool:
        return any(field.errors for field in self.day_fields)


class RemedyStepForm(TermsForm):
    """The next step of one: the button says which."""

    remedy = forms.IntegerField(widget=forms.HiddenInput)
    state = forms.ChoiceField(choices=Remedy.State, widget=forms.HiddenInput)


class ReopenForm(forms.Form):
    reason = text_field(_("Why it is opened again"), rows=2)


class KindForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=Complaint.Kind)


class PartForm(forms.Form):
    part = forms.ChoiceField(label=_("Whose part"), choices=[("", "—"), *Complaint.Part.choices], required=False)


class SeverityForm(forms.Form):
    severity = forms.ChoiceField(label=_("Severity"), choices=Complaint.Severity)


class TagsForm(forms.Form):
    tags = forms.CharField(label=_("Tags, with commas between them"), max_length=400, required=False)

    def clean_tags(self) -> list[str]:
        return str(self.cleaned_data["tags"]).split(",")


class AssigneeForm(forms.Form):
    """Only who may work on the brand's cases can be given one."""

    assignee = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.none(), required=False)

    def __init__(self, *args: Any, brands: list[Brand], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["assignee"].queryset = colleagues_of(brands)  # type: ignore[attr-defined]


class OtherCaseForm(forms.Form):
    """Another case of the same brand, by its number."""

    number = forms.CharField(label=_("Number of the other case"), max_length=20)

    def __init__(self, *args: Any, brand: Brand, **options: Any) -> None:
        super().__init__(*args, **options)
        self.brand = brand

    def clean_number(self) -> Complaint:
        number = str(self.cleaned_data["number"]).strip()
        other = Complaint.objects.filter(brand=self.brand, number=number).select_related("brand").first()
        if other is None:
            raise forms.ValidationError(_("There is no case of this number."))
        return other


class NewCaseForm(forms.Form):
    """A case that somebody told of by telephone or across a counter. `brand` is asked only where there is a choice."""

    brand = forms.ModelChoiceField(label=_("Brand"), queryset=Brand.objects.none(), empty_label=None)
    order = forms.CharField(label=_("Order"), max_length=120, required=False)
    email = forms.EmailField(label=_("Customer’s e-mail"), max_length=320, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=NEW_KINDS, initial=Complaint.Kind.COMPLAINT)
    severity = forms.ChoiceField(label=_("Severity"), choices=Complaint.Severity, initial=Complaint.Severity.MEDIUM)
    subject = forms.CharField(label=_("What it is about, in one line"), max_length=200)
    text = text_field(_("What the customer says"), is_required=False)
    wants_contact = forms.BooleanField(
        label=_("They want an answer by e-mail: send them a receipt now"), required=False, initial=True
    )

    def __init__(self, *args: Any, brands: list[Brand], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["brand"].queryset = Brand.objects.filter(pk__in=[brand.pk for brand in brands])  # type: ignore[attr-defined]
        self.fields["brand"].initial = brands[0] if brands else None
        for detail in ALL_DETAILS.values():
            widget = forms.DateInput(attrs={"type": "date"}) if detail.kind == "date" else None
            field = forms.DateField if detail.kind == "date" else forms.CharField
            extra: dict[str, Any] = {"widget": widget} if widget else {"max_length": 200}
            self.fields[detail.code] = field(label=detail.label, required=False, **extra)

    @property
    def who(self) -> list[forms.BoundField]:
        return [self["order"], self["email"]]

    @property
    def sort(self) -> list[forms.BoundField]:
        return [self["kind"], self["severity"]]

    @property
    def details(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The fields of each kind that has any: its code, its name, the fields."""
        labels = dict(Complaint.Kind.choices)
        return [(kind, str(labels[kind]), [self[each.code] for each in details]) for kind, details in DETAILS.items()]

    @property
    def problem(self) -> Problem:
        given = self.cleaned_data
        asked = DETAILS.get(given["kind"], ())
        return Problem(
            kind=given["kind"],
            subject=given["subject"],
            text=given["text"],
            severity=given["severity"],
            wants_contact=given["wants_contact"],
            details={each.code: str(given[each.code]) for each in asked if given.get(each.code)},
        )


def colleagues_of(brands: list[Brand]) -> Any:
    active = User.objects.filter(memberships__brand__in=brands, memberships__role__in=WRITING_ROLES, is_active=True)
    return active.order_by("name", "email").distinct()


# --- The inbox -----------------------------------------------------------------------------------------------------
class LookForm(forms.Form):
    """What the inbox's address asks for. What is not understood is left out, so that every address shows a page."""

    queue = forms.ChoiceField(choices=Queue, required=False, widget=forms.HiddenInput)
    q = forms.CharField(max_length=200, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("any")), *Complaint.Kind.choices], required=False)
    severity = forms.ChoiceField(
        label=_("Severity"), choices=[("", _("any")), *Complaint.Severity.choices], required=False
    )
    part = forms.ChoiceField(label=_("Whose part"), choices=[("", _("any")), *Complaint.Part.choices], required=False)
    cause = forms.ChoiceField(label=_("Cause"), choices=[("", _("any")), *Complaint.Cause.choices], required=False)
    owner = forms.ModelChoiceField(
        label=_("Owner"), queryset=User.objects.none(), required=False, empty_label=pgettext_lazy("owner", "anybody")
    )
    tag = forms.CharField(label=_("Tag"), max_length=40, required=False)

    FILTERS = ("kind", "severity", "part", "cause", "owner", "tag")

    def __init__(self, data: Any, *, brands: list[Brand]) -> None:
        super().__init__({name: value.replace("\0", "") for name, value in data.items()}, auto_id="look_%s")
        self.fields["owner"].queryset = colleagues_of(brands)  # type: ignore[attr-defined]
        self.is_valid()
        self.cursor = str(data.get("at", ""))

    @property
    def look(self) -> Look:
        given = self.cleaned_data
        return Look(
            queue=Queue(given.get("queue") or Queue.OPEN),
            search=str(given.get("q") or "").strip(),
            filters=self.filters,
            cursor=self.cursor,
        )

    @property
    def filters(self) -> Q:
        given = {name: self.cleaned_data.get(name) for name in self.FILTERS}
        columns = {"owner": "assignee", "tag": "tags__contains"}
        chosen = {columns.get(name, name): value for name, value in given.items() if value}
        if tag := chosen.get("tags__contains"):
            chosen["tags__contains"] = [str(tag).lower()]
        return Q(**chosen)

    @property
    def chosen(self) -> int:
        """How many filters are set."""
        return sum(bool(self.cleaned_data.get(name)) for name in self.FILTERS)

    @property
    def filter_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.FILTERS]

    @property
    def query(self) -> str:
        """The same, as an address that somebody may keep."""
        given = {name: self.cleaned_data.get(name) for name in ("queue", "q", *self.FILTERS)}
        plain = {name: value.pk if isinstance(value, User) else value for name, value in given.items() if value}
        return urlencode(plain)


class ViewForm(forms.Form):
    name = forms.CharField(label=_("Name of the view"), max_length=40)
    query = forms.CharField(max_length=500, widget=forms.HiddenInput)
