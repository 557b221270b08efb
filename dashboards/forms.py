import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from affiliates.forms import SubIdsField
from affiliates.models import Affiliate, AffiliateMember, MemberInvitation, TrackingLink
from affiliates.selectors import OfferedPromise
from dashboards.wording import name_of_period
from insights.actions import parse_subject
from insights.models import HeardFeedback, Preference, PublicPage, QuoteReport
from insights.services.acting import Change
from insights.services.hearing import Heard
from mailing.models import Endpoint
from mailing.services.webhooks.keeping import checked_url
from mailing.targets import LONGEST_URL

MOST_HOSTS = 20
HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+(:[0-9]{1,5})?")


class SpanForm(forms.Form):
    """So many days back from now."""

    days = forms.ChoiceField(
        label=gettext_lazy("opened in"),
        choices=[
            (30, gettext_lazy("the last 30 days")),
            (90, gettext_lazy("the last 90 days")),
            (365, gettext_lazy("the last year")),
            (36_500, gettext_lazy("all the time")),
        ],
        required=False,
        initial=90,
    )

    def clean_days(self) -> int:
        return int(self.cleaned_data["days"] or 90)


class MessageForm(forms.Form):
    """What an affiliate writes to its brand about a finding."""

    text = forms.CharField(
        label=gettext_lazy("your message"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("About the thing, not about a customer: no names, addresses or order numbers."),
    )


class HeardForm(forms.Form):
    """What a customer told the affiliate directly. `themes`: the brand's aspects by code."""

    text = forms.CharField(
        label=gettext_lazy("what they said"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("In their words, and without who it was."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("what it was"), choices=HeardFeedback.Kind.choices)
    theme = forms.ChoiceField(label=gettext_lazy("about"), required=False)
    heard_on = forms.DateField(
        label=gettext_lazy("when"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, themes: Mapping[str, str], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["theme"].choices = [("", _("something else")), *themes.items()]  # type: ignore[attr-defined]

    def as_heard(self) -> Heard:
        return Heard(**self.cleaned_data)


class ReputationForm(forms.Form):
    """Whether an affiliate's page is public, and who may embed it."""

    is_on = forms.BooleanField(label=gettext_lazy("Everybody with the address may read it"), required=False)
    shows_words = forms.BooleanField(
        label=gettext_lazy("With the words of those who agreed, all of them"), required=False
    )
    frame_hosts = forms.CharField(
        label=gettext_lazy("sites that may embed it"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "blog.example"}),
        help_text=gettext_lazy("One a line, such as blog.example. Empty: none."),
    )

    def __init__(self, data: Any = None, *, page: PublicPage, **options: Any) -> None:
        hosts = "\n".join(page.frame_hosts)
        standing = {"is_on": page.is_on, "shows_words": page.shows_words, "frame_hosts": hosts}
        super().__init__(data, initial=standing, **options)

    def clean_frame_hosts(self) -> list[str]:
        """Bare hosts: they go into a header, so nothing else may."""
        hosts = [host_of(line) for line in self.cleaned_data["frame_hosts"].split()]
        wrong = [host for host in hosts if not HOST.fullmatch(host)]
        if wrong:
            raise forms.ValidationError(_("“%(host)s” is not a site, such as blog.example.") % {"host": wrong[0]})
        if len(hosts) > MOST_HOSTS:
            raise forms.ValidationError(_("At most %(n)d sites.") % {"n": MOST_HOSTS})
        return list(dict.fromkeys(hosts))


class RhythmForm(forms.Form):
    """How often somebody wants a summary by mail."""

    rhythm = forms.ChoiceField(
        label=gettext_lazy("How often?"),
        choices=[
            (Preference.Rhythm.WEEKLY, gettext_lazy("Once a week")),
            (Preference.Rhythm.MONTHLY, gettext_lazy("Once a month, on its first Monday")),
            (Preference.Rhythm.NEVER, gettext_lazy("Never")),
        ],
        widget=forms.RadioSelect,
    )


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


class ReportForm(forms.Form):
    """Why staff should look at somebody's words again."""

    reason = forms.ChoiceField(
        label=gettext_lazy("What is wrong with it?"),
        choices=[
            (QuoteReport.Reason.REVEALS, gettext_lazy("It reveals who somebody is: I stop seeing it at once")),
            (
                QuoteReport.Reason.NOT_MINE,
                gettext_lazy("It is not from a customer of mine: it stays meanwhile"),
            ),
        ],
        widget=forms.RadioSelect,
    )


class PromisesField(forms.CharField):
    """A promise a line; cleaned it is the list of them."""

    def __init__(self, **options: Any) -> None:
        given: dict[str, Any] = {
            "label": gettext_lazy("what you promise there"),
            "required": False,
            "max_length": 5000,
            "widget": forms.Textarea(attrs={"rows": 5}),
            "help_text": gettext_lazy(
                "One a line, such as “Delivered in 24 hours”. Whoever buys here is asked whether it held."
            ),
        }
        super().__init__(**given | options)

    def clean(self, value: Any) -> list[str]:
        return super().clean(value).splitlines()


class PromisesForm(forms.Form):
    """What an affiliate promises at a link from now on: sentences of the brand's catalogue, and others of their own.

    `offers`: the catalogue. `standing`: what is promised there now. Cleaned, `promises` has both kinds.
    """

    offered = forms.MultipleChoiceField(
        label=gettext_lazy("promises that the brand suggests"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "chips"}),
        help_text=gettext_lazy("Only what you tell people. Whoever buys here is asked whether it held."),
    )
    promises = PromisesField(label=gettext_lazy("other promises"))

    def __init__(
        self, offers: Sequence[OfferedPromise], data: Any = None, *, standing: Sequence[str] = (), **options: Any
    ) -> None:
        # What stands in another language, or stood so before, is ticked and stays in its words.
        self.words = {o.code: next((t for t in standing if t in o.wordings), o.text) for o in offers}
        ticked = [code for code, words in self.words.items() if words in standing]
        own = [text for text in standing if text not in self.words.values()]
        super().__init__(data, initial={"offered": ticked, "promises": "\n".join(own)}, **options)
        self.fields["offered"].choices = [(o.code, o.text) for o in offers]  # type: ignore[attr-defined]
        if not offers:
            del self.fields["offered"]
            self.fields["promises"].label = _("what you promise there")

    def clean(self) -> dict[str, Any]:
        ticked = [self.words[code] for code in self.cleaned_data.pop("offered", [])]
        if "promises" in self.cleaned_data:
            self.cleaned_data["promises"] = [*ticked, *self.cleaned_data["promises"]]
        return self.cleaned_data


class SubIdsForm(forms.Form):
    """What visits of a link are marked with that bring no mark of their own."""

    sub_ids = SubIdsField(
        label=gettext_lazy("words that this link always carries"),
        help_text=gettext_lazy("A visit keeps them unless its address says otherwise."),
    )


class NewLinkForm(PromisesForm):
    """A link as its affiliate makes it; the code is made up."""

    destination = forms.URLField(
        label=gettext_lazy("page of the shop"),
        max_length=2000,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    campaign = forms.CharField(
        label=gettext_lazy("campaign"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("Where you are going to put the link. By this name you find it again."),
    )
    field_order = ("destination", "campaign", "offered", "promises")

    def __init__(
        self, affiliate: Affiliate, offers: Sequence[OfferedPromise], data: Any = None, **options: Any
    ) -> None:
        super().__init__(offers, data, **options)
        hosts = ", ".join(affiliate.brand.allowed_hosts)
        self.fields["destination"].help_text = _("On %(hosts)s.") % {"hosts": hosts} if hosts else ""


class InvitePersonForm(forms.Form):
    """Who is to sign in for the affiliate as well."""

    email = forms.EmailField(label=gettext_lazy("e-mail"), max_length=254)
    role = forms.ChoiceField(
        label=gettext_lazy("what they may do"),
        initial=AffiliateMember.Role.MEMBER,
        choices=[
            (AffiliateMember.Role.MEMBER, gettext_lazy("See everything, make links, claim sales")),
            (AffiliateMember.Role.OWNER, gettext_lazy("The same, and manage people")),
        ],
        widget=forms.RadioSelect,
    )


class PersonForm(forms.Form):
    """One of the affiliate's people; `role` where theirs is to change."""

    person = forms.ModelChoiceField(AffiliateMember.objects.none())
    role = forms.ChoiceField(choices=AffiliateMember.Role.choices, required=False)

    def __init__(self, people: QuerySet[AffiliateMember], data: Any = None) -> None:
        super().__init__(data)
        self.fields["person"].queryset = people  # type: ignore[attr-defined]


class InvitationForm(forms.Form):
    """One of the affiliate's invitations that nobody has taken up."""

    invitation = forms.ModelChoiceField(MemberInvitation.objects.none())

    def __init__(self, affiliate: Affiliate, data: Any = None) -> None:
        super().__init__(data)
        pending = MemberInvitation.objects.pending().filter(affiliate=affiliate)
        self.fields["invitation"].queryset = pending  # type: ignore[attr-defined]


def host_of(address: str) -> str:
    """«https://Blog.example/inicio» is the site blog.example."""
    return address.lower().removeprefix("https://").removeprefix("http://").partition("/")[0]


def grouped(periods: Sequence[str]) -> list[Any]:
    """By length, so that a long list can be skimmed."""
    groups = {
        _("Years"): [code for code in periods if len(code) == len("2026")],
        _("Quarters"): [code for code in periods if "-Q" in code],
        _("Months"): [code for code in periods if len(code) == len("2026-03") and "-Q" not in code],
    }
    named = [(label, [(code, name_of_period(code)) for code in codes]) for label, codes in groups.items() if codes]
    return [("all", name_of_period("all")), *named]


class ActionForm(forms.Form):
    """What an affiliate changed, when, and which figure it should move. `choices`: figures by group."""

    about = forms.ChoiceField(label=gettext_lazy("what should get better"))
    aim = forms.DecimalField(
        label=gettext_lazy("where it should get"),
        required=False,
        max_digits=4,
        decimal_places=1,
        help_text=gettext_lazy("In percent, or in points of the NPS. Empty: simply better."),
    )
    text = forms.CharField(
        label=gettext_lazy("what you changed"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("In a sentence, such as “I say the real time of delivery in the video”."),
    )
    changed_on = forms.DateField(
        label=gettext_lazy("since when"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    link = forms.ModelChoiceField(
        TrackingLink.objects.none(),
        label=gettext_lazy("at which link"),
        required=False,
        empty_label=gettext_lazy("everywhere"),
        help_text=gettext_lazy("What its customers answer can be told apart only where they are enough."),
    )

    def __init__(
        self, affiliate: Affiliate, choices: Mapping[str, Mapping[str, str]], data: Any = None, **options: Any
    ) -> None:
        super().__init__(data, **options)
        grouped_choices = [(group, list(labels.items())) for group, labels in choices.items() if labels]
        self.fields["about"].choices = grouped_choices  # type: ignore[attr-defined]
        self.fields["link"].queryset = TrackingLink.objects.filter(affiliate=affiliate)  # type: ignore[attr-defined]

    def as_change(self) -> Change:
        given = self.cleaned_data
        subject = parse_subject(given["about"])
        assert subject  # it was one of the choices
        return Change(given["text"], given["changed_on"], subject, link=given["link"], aim=given["aim"])


class NewWebhookForm(forms.Form):
    """Where an affiliate's own program is told; `standing`: where it is told already."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=LONGEST_URL,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )

    def __init__(self, standing: QuerySet[Endpoint], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.standing = standing

    def clean_url(self) -> str:
        try:
            url = checked_url(self.cleaned_data["url"])
        except ValidationError as refusal:
            raise ValidationError(refusal.messages) from refusal
        if self.standing.filter(url=url).exists():
            raise ValidationError(_("We send there already."), "known")
        return url


class WebhookForm(forms.Form):
    """One of the affiliate's own, and what is to be done with it."""

    webhook = forms.ModelChoiceField(Endpoint.objects.none(), to_field_name="uuid")
    do = forms.ChoiceField(choices=[(name, name) for name in ("test", "pause", "resume", "secret", "end")])

    def __init__(self, standing: QuerySet[Endpoint], data: Any = None) -> None:
        super().__init__(data)
        self.fields["webhook"].queryset = standing  # type: ignore[attr-defined]
