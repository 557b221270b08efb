from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboards.wording import name_of_period


class PeriodForm(forms.Form):
    """A choice of the calendar periods in which something has been published; nothing chosen is all time."""

    period = forms.ChoiceField(label=gettext_lazy("Period"), required=False)

    def __init__(self, *args: Any, periods: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["period"].choices = grouped(periods)  # type: ignore[attr-defined]

    def clean_period(self) -> str:
        return self.cleaned_data["period"] or "all"


class OpinionsForm(PeriodForm):
    """Which opinions: of a period, on a theme, with a word in them."""

    theme = forms.ChoiceField(
        label=gettext_lazy("Theme"),
        required=False,
        choices=[
            ("", gettext_lazy("All opinions")),
            ("keep_text", gettext_lazy("What to keep")),
            ("improve_text", gettext_lazy("What to improve")),
            ("expectation", gettext_lazy("Unmet expectations")),
            ("comment", gettext_lazy("Comments")),
        ],
    )
    q = forms.CharField(label=gettext_lazy("With the words"), required=False, max_length=100)


def grouped(periods: Sequence[str]) -> list[Any]:
    """By length, so that a long list can be skimmed."""
    groups = {
        _("Years"): [code for code in periods if len(code) == len("2026")],
        _("Quarters"): [code for code in periods if "-Q" in code],
        _("Months"): [code for code in periods if len(code) == len("2026-03") and "-Q" not in code],
    }
    named = [(label, [(code, name_of_period(code)) for code in codes]) for label, codes in groups.items() if codes]
    return [("all", name_of_period("all")), *named]
