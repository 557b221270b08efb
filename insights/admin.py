"""What staff do about findings, and the record of what affiliates have been shown."""

from collections.abc import Callable
from typing import Any, Literal

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.timezone import localtime
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import BrandModelAdmin, ReadOnlyAdmin, ReadOnlyInline
from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.templatetags.components import percent, percent_range
from affiliates.models import Product
from insights.actions import parse_subject
from insights.models import (
    Action,
    Alert,
    Block,
    Finding,
    FindingMessage,
    HeardFeedback,
    PublicPage,
    QualityVerdict,
    QuoteReport,
    Target,
)
from insights.outcomes import measurable, staff_outcome, subject_of
from insights.services.acting import Change, check_change, close_action, edit_action, write_action
from insights.services.conversing import answer_affiliate, refuse_personal_data
from insights.services.reporting import decide_report
from insights.services.showing import allow_public_page, stop_public_page
from insights.statistics import newcombe_interval
from insights.wording import figure_names, sentences_of, span_said
from surveys.models import Aspect, Fact
from surveys.wording import in_language


def with_labels(rows: QuerySet[Any], column: str = "key") -> QuerySet[Any]:
    """With what the brand calls the aspect and the fact of the code that stands in the column."""
    of_code = {"brand": OuterRef("brand"), "code": OuterRef(column)}
    return rows.annotate(
        aspect=Subquery(Aspect.objects.filter(**of_code).values("labels")),
        fact=Subquery(Fact.objects.filter(**of_code).values("labels")),
    )


def label_of(row: Any, kind: Literal["aspect", "fact"], column: str = "key") -> str:
    """As the reader calls it; its code where the brand has it no more."""
    called = in_language(getattr(row, kind) or {}, get_language() or "", row.brand.default_language)
    return called or getattr(row, column)


class FindingForm(forms.ModelForm):
    """What became of a finding, and a word to its affiliate."""

    answer = forms.CharField(
        label=_("answer to the affiliate"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The affiliate reads it under “With the brand”. No customers’ names, addresses or order numbers."),
    )

    class Meta:
        model = Finding
        fields = ("status", "owner")

    def clean_answer(self) -> str:
        text: str = self.cleaned_data["answer"].strip()
        if text:
            refuse_personal_data(text, self.instance.brand)
        return text

    def clean(self) -> dict[str, Any]:
        """What is closed for an affiliate is closed with the brand's word on it."""
        cleaned = super().clean() or {}
        is_closed = "status" in self.changed_data and cleaned.get("status") == Finding.Status.MET
        if is_closed and self.instance.affiliate_id and not cleaned.get("answer") and not self.is_answered:
            self.add_error("answer", _("Say how it was met: the affiliate reads it with the finding."))
        return cleaned

    @property
    def is_answered(self) -> bool:
        return FindingMessage.objects.filter(finding=self.instance, is_from_brand=True).exists()


class FindingMessageInline(ReadOnlyInline):
    model = FindingMessage
    fields = ("written_at", "is_from_brand", "written_by", "text")
    readonly_fields = fields


class WaitingFilter(admin.SimpleListFilter):
    title = _("messages")
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("waits for an answer"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_answered=False) if self.value() == "yes" else queryset


@admin.register(Finding)
class FindingAdmin(BrandModelAdmin):
    list_display = ("about", "kind", "affiliate", "owner", "status", "talk", "changed_on")
    list_display_links = ("about",)
    list_filter = (WaitingFilter, "status", "kind", "owner")
    list_select_related = ("affiliate", "quote", "brand")
    search_fields = ("key", "quote__text", "affiliate__code", "affiliate__name")
    ordering = ("-updated_at", "-pk")
    fields = ("affiliate", "kind", "about", "status", "owner", "answer", "created_at", "updated_at")
    readonly_fields = ("affiliate", "kind", "about", "created_at", "updated_at")
    form = FindingForm
    inlines = (FindingMessageInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Finding]:
        """With who wrote last: what the affiliate did waits for an answer."""
        last = FindingMessage.objects.filter(finding=OuterRef("pk")).order_by("-written_at", "-pk")
        findings = with_labels(super().get_queryset(request))
        return findings.annotate(is_answered=Subquery(last.values("is_from_brand")[:1]))

    def get_fields(self, request: HttpRequest, obj: Finding | None = None) -> Any:
        """Who may only read answers nobody; and what is the whole programme's has nobody to answer."""
        if obj and obj.affiliate_id and self.has_change_permission(request, obj):
            return self.fields
        return tuple(name for name in self.fields if name != "answer")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if not super().has_change_permission(request, obj) or not isinstance(request.user, User):
            return False
        return not isinstance(obj, Finding) or request.user.may_write_for(obj.brand)

    def save_model(self, request: HttpRequest, obj: Finding, form: Any, change: bool) -> None:
        assert isinstance(request.user, User)
        super().save_model(request, obj, form, change)
        if text := form.cleaned_data.get("answer"):
            answer_affiliate(obj, text, by=request.user, now=database_now())

    @admin.display(description=_("updated at"), ordering="updated_at")
    def changed_on(self, finding: Finding) -> str:
        return date_format(localtime(finding.updated_at), "SHORT_DATE_FORMAT")

    @admin.display(description=_("messages"))
    def talk(self, finding: Finding) -> str:
        is_answered = getattr(finding, "is_answered", None)
        return "" if is_answered is None else str(_("answered") if is_answered else _("waits for an answer"))

    @admin.display(description=_("about"))
    def about(self, finding: Finding) -> str:
        """The customer's words, or what it is about."""
        if finding.quote:
            return finding.quote.text
        return label_of(finding, "fact" if finding.kind == Finding.Kind.MISSING else "aspect")


@admin.register(QualityVerdict)
class QualityVerdictAdmin(ReadOnlyAdmin):
    """Quarters that are over, as programs outside are told them."""

    list_display = ("affiliate", "code", "share", "judged", "rating_share", "rating_judged", "purchases")
    list_filter = ("quarter", "verdict", "rating_verdict")
    list_select_related = ("affiliate",)
    search_fields = ("affiliate__code", "affiliate__name")
    ordering = ("-quarter", "affiliate__code")

    @admin.display(description=_("quarter"), ordering="quarter")
    def code(self, row: QualityVerdict) -> str:
        return row.code

    @admin.display(description=_("satisfied customers"))
    def share(self, row: QualityVerdict) -> str:
        return share_of(row.satisfied, row.answers)

    @admin.display(description=_("good ratings of the affiliate"))
    def rating_share(self, row: QualityVerdict) -> str:
        return share_of(row.rated_well, row.ratings)

    @admin.display(description=_("verdict"), ordering="verdict")
    def judged(self, row: QualityVerdict) -> str:
        return said_of(row.get_verdict_display())

    @admin.display(description=_("verdict on the rating"), ordering="rating_verdict")
    def rating_judged(self, row: QualityVerdict) -> str:
        return said_of(row.get_rating_verdict_display())


def share_of(n: int, of: int) -> str:
    return _("%(share)s of %(n)s") % {"share": percent(n / of), "n": of} if of else "—"


def said_of(verdict: str) -> str:
    """A dash would leave open whether nobody has looked yet."""
    return verdict or str(_("too few to say"))


@admin.register(QuoteReport)
class QuoteReportAdmin(BrandModelAdmin):
    """What affiliates ask to have looked at again: read the words, and take them down or leave them."""

    list_display = ("words", "affiliate", "reason", "decision", "reported_at", "decided_by")
    list_display_links = ("words",)
    list_filter = ("decision", "reason")
    list_select_related = ("affiliate", "quote", "decided_by")
    search_fields = ("quote__text", "affiliate__code", "affiliate__name")
    ordering = ("-reported_at", "-pk")
    fields = ("words", "affiliate", "reason", "reported_by", "reported_at", "decision", "decided_by", "decided_at")
    readonly_fields = fields
    actions = ("take_down", "leave")

    @admin.display(description=_("words"))
    def words(self, report: QuoteReport) -> str:
        return report.quote.text

    @admin.action(description=_("Take the words down"), permissions=["change"])
    def take_down(self, request: HttpRequest, queryset: QuerySet[QuoteReport]) -> None:
        self._decide(request, queryset, QuoteReport.Decision.HIDDEN)

    @admin.action(description=_("Leave the words, or show them again"), permissions=["change"])
    def leave(self, request: HttpRequest, queryset: QuerySet[QuoteReport]) -> None:
        self._decide(request, queryset, QuoteReport.Decision.LEFT)

    def _decide(self, request: HttpRequest, reports: QuerySet[QuoteReport], decision: str) -> None:
        user = request.user
        assert isinstance(user, User)
        own = [report for report in reports.select_related("brand") if user.may_write_for(report.brand)]
        for report in own:
            decide_report(report, decision, by=user, now=database_now())
        n = len(own)
        self.message_user(request, ngettext("%(n)d report decided.", "%(n)d reports decided.", n) % {"n": n})


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ("affiliate", "sequence", "month", "n", "published_at")
    list_select_related = ("affiliate",)
    list_filter = ("month",)
    search_fields = ("affiliate__code", "affiliate__name")
    ordering = ("-published_at", "-pk")
    fields = ("affiliate", "sequence", "month", "n", "counts", "splits", "published_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Block]:
        return super().get_queryset(request).defer("context")


class ActionForm(forms.ModelForm):
    """What the brand changed: the figure it should move is one choice."""

    about = forms.ChoiceField(label=_("what should get better"))

    class Meta:
        model = Action
        fields = ("text", "changed_on", "product", "aim")

    brand: Brand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = measurable(self.brand, get_language() or self.brand.default_language)
        self.fields["about"].choices = [(group, list(labels.items())) for group, labels in choices.items()]  # type: ignore[attr-defined]
        self.fields["product"].queryset = Product.objects.filter(brand=self.brand)  # type: ignore[attr-defined]
        if self.instance.pk:
            self.initial["about"] = subject_of(self.instance).code

    def as_change(self) -> Change:
        given = self.cleaned_data
        subject = parse_subject(given["about"])
        assert subject  # it was one of the choices
        return Change(given["text"], given["changed_on"], subject, product=given["product"], aim=given["aim"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            check_change(self.brand, None, self.as_change(), now=database_now())
        return cleaned


@admin.register(Action)
class ActionAdmin(BrandModelAdmin):
    """Everybody's changes to read, with all that is counted; the brand's own to write."""

    can_add = True
    list_display = ("text", "affiliate", "about", "changed_on", "closed_on")
    list_filter = (("affiliate", admin.EmptyFieldListFilter), "changed_on")
    list_select_related = ("affiliate", "brand")
    search_fields = ("text", "affiliate__code", "affiliate__name")
    ordering = ("-changed_on", "-pk")
    raw_id_fields = ("product",)
    actions = ("close",)

    def get_form(self, request: HttpRequest, obj: Action | None = None, change: bool = False, **kwargs: Any) -> Any:
        if self.has_change_permission(request, obj):
            kwargs["form"] = type("BrandsActionForm", (ActionForm,), {"brand": self._brand_of(request, obj)})
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Action | None = None) -> Any:
        if obj is None:
            return ("text", "changed_on", "about", "aim", "product")
        if self.has_change_permission(request, obj):
            return ("text", "changed_on", "about", "aim", "product", "came_of_it")
        what, of_what = ("affiliate", "text", "changed_on", "named", "aim"), ("link", "product")
        return (*what, *of_what, "written_by", "closed_on", "came_of_it")

    def get_readonly_fields(self, request: HttpRequest, obj: Action | None = None) -> Any:
        return ("came_of_it", "named")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody writes in an affiliate's name, nor for a brand they may only read; a closed action stays as it was."""
        if not super().has_change_permission(request, obj) or not isinstance(request.user, User):
            return False
        if not isinstance(obj, Action):
            return True
        return obj.affiliate_id is None and obj.is_open and request.user.may_write_for(obj.brand)

    def save_model(self, request: HttpRequest, obj: Action, form: Any, change: bool) -> None:
        assert isinstance(request.user, User)
        if change:
            edit_action(obj, form.as_change(), now=database_now())
        else:
            made = write_action(form.brand, None, form.as_change(), by=request.user, now=database_now())
            obj.pk, obj.brand = made.pk, made.brand

    def get_queryset(self, request: HttpRequest) -> QuerySet[Action]:
        return with_labels(super().get_queryset(request))

    @admin.display(description=_("about"))
    def about(self, action: Action) -> str:
        if action.subject == Action.Subject.FIGURE:
            return figure_names().get(action.key, action.key)
        return label_of(action, "fact" if action.subject == Action.Subject.FACT else "aspect")

    @admin.display(description=_("about"))
    def named(self, action: Action) -> str:
        """Where `about` is the form's choice."""
        return self.about(action)

    @admin.display(description=_("what came of it"))
    def came_of_it(self, action: Action) -> str:
        """From the daily counts: as many days before as after."""
        outcome = staff_outcome(action, now=database_now())
        said = list(sentences_of(outcome, subject_of(action), aim=action.aim))
        if outcome.spans:
            spans = (outcome.spans.before, outcome.spans.after)
            said.append(" / ".join(span_said(span, by_month=False) for span in spans))
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in said))

    @admin.action(description=_("Close: measure no further"), permissions=["change"])
    def close(self, request: HttpRequest, queryset: QuerySet[Action]) -> None:
        own = [each for each in queryset.select_related("brand") if self.has_change_permission(request, each)]
        closed = sum(close_action(action, now=database_now()) for action in own)
        self.message_user(request, ngettext("%(n)d action closed.", "%(n)d actions closed.", closed) % {"n": closed})

    def _brand_of(self, request: HttpRequest, obj: Action | None) -> Brand:
        """Whoever works for several brands says for which by `?brand=`; the first is offered."""
        assert isinstance(request.user, User)
        if obj:
            return obj.brand
        brands = [brand for brand in Brand.objects.visible_to(request.user) if request.user.may_write_for(brand)]
        if not brands:
            raise PermissionDenied
        return next((brand for brand in brands if brand.slug == request.GET.get("brand")), brands[0])


@admin.register(HeardFeedback)
class HeardFeedbackAdmin(ReadOnlyAdmin):
    """What affiliates say that they were told: it counts nowhere."""

    list_display = ("text", "kind", "about", "affiliate", "heard_on")
    list_filter = ("kind", "heard_on")
    list_select_related = ("affiliate", "brand")
    search_fields = ("text", "affiliate__code", "affiliate__name")
    ordering = ("-heard_on", "-pk")
    fields = ("affiliate", "heard_on", "kind", "about", "text", "written_by", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[HeardFeedback]:
        return with_labels(super().get_queryset(request), "theme")

    @admin.display(description=_("about"))
    def about(self, heard: HeardFeedback) -> str:
        return label_of(heard, "aspect", "theme")


@admin.register(PublicPage)
class PublicPageAdmin(BrandModelAdmin):
    """What affiliates show in public: staff may take a page down, and nobody but its owners turns it on."""

    list_display = ("affiliate", "is_on", "shows_words", "stopped_at", "updated_at")
    list_filter = ("is_on", ("stopped_at", admin.EmptyFieldListFilter))
    list_select_related = ("affiliate",)
    search_fields = ("affiliate__code", "affiliate__name")
    ordering = ("affiliate__code",)
    fields = ("affiliate", "is_on", "shows_words", "frame_hosts", "stopped_at", "created_at", "updated_at")
    readonly_fields = fields
    actions = ("stop", "allow")

    @admin.action(description=_("Take the pages down"), permissions=["change"])
    def stop(self, request: HttpRequest, queryset: QuerySet[PublicPage]) -> None:
        self._change(request, queryset, stop_public_page)

    @admin.action(description=_("Allow the pages again"), permissions=["change"])
    def allow(self, request: HttpRequest, queryset: QuerySet[PublicPage]) -> None:
        self._change(request, queryset, allow_public_page)

    def _change(self, request: HttpRequest, pages: QuerySet[PublicPage], change: Callable[..., bool]) -> None:
        user = request.user
        assert isinstance(user, User)
        own = [page for page in pages.select_related("affiliate__brand") if user.may_write_for(page.brand)]
        n = sum(change(page, now=database_now()) for page in own)
        self.message_user(request, ngettext("%(n)d page changed.", "%(n)d pages changed.", n) % {"n": n})


@admin.register(Target)
class TargetAdmin(BrandModelAdmin):
    """One figure, one aim. Whoever may change it may also drop it: what was aimed at before is nowhere counted."""

    can_add = True
    list_display = ("figure", "aim", "updated_at")
    fields = ("brand", "figure", "aim")

    def get_readonly_fields(self, request: HttpRequest, obj: Target | None = None) -> tuple[str, ...]:
        return ("brand", "figure") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("about", "affiliate", "from_to", "since", "opened_at", "ended_at")
    list_display_links = ("about",)
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "opened_at")
    list_select_related = ("affiliate", "brand")
    search_fields = ("key", "affiliate__code", "affiliate__name")
    ordering = ("-opened_at", "-pk")
    fields = ("about", "affiliate", "from_to", "interval", "has_to_improve", "since", "opened_at", "ended_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        return with_labels(super().get_queryset(request))

    @admin.display(description=_("about"))
    def about(self, alert: Alert) -> str:
        if alert.key == Alert.SATISFACTION:
            return str(_("Satisfied customers"))
        return label_of(alert, "aspect")

    @admin.display(description=_("fell from"))
    def from_to(self, alert: Alert) -> str:
        figures = {"before": percent(alert.before), "now": percent(alert.now)}
        sizes = {"n_before": alert.n_before, "n_now": alert.n_now}
        return _("%(before)s of %(n_before)s to %(now)s of %(n_now)s") % {**figures, **sizes}

    @admin.display(description=_("by (interval)"))
    def interval(self, alert: Alert) -> str:
        by = newcombe_interval(alert.good_before, alert.n_before, alert.good_now, alert.n_now)
        return percent_range(*by) if by else ""
