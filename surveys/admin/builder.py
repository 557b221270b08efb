"""The builder: one page on which staff edit a draft, read a version, and see it as a customer will.

Every button saves the whole form and comes back to the question it was about, so that it works without script and
nothing typed is lost. A draft may be unfinished: what keeps it from being published stands at the top and at its box.
"""

from collections.abc import Sequence
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from accounts.admin import BrandModelAdmin
from accounts.models import Brand, User
from surveys.admin.comparison import comparison_context
from surveys.admin.editor import Page, read_questions, title_of
from surveys.admin.mail_wording import MailForm, mail_context, render_sample
from surveys.admin.preview import Shown, preview_context
from surveys.admin.samples import reader_of
from surveys.drafting import (
    OWN_KINDS,
    add_option,
    addable,
    codes_of,
    moved,
    placed,
    problems_in,
    remove_option,
    standard_questions,
    with_own,
    with_standard,
    without,
)
from surveys.models import Question, Survey, Wave
from surveys.services.editing import (
    begin_draft,
    discard_draft,
    publish_draft,
    questions_before,
    store_mail_texts,
    store_questions,
)
from surveys.services.sending import TEMPLATES

OWN_LABELS = {
    "rating": gettext_lazy("Rating from 1 to 5"),
    "scale_7": gettext_lazy("Scale from 1 to 7"),
    "scale_10": gettext_lazy("Scale from 0 to 10"),
    "choice": gettext_lazy("One of several"),
    "chips": gettext_lazy("Several of several"),
    "text": gettext_lazy("Free text"),
}
# The page may frame its preview, and the preview may be framed by it; nothing else of the site can be framed.
MAY_FRAME = method_decorator(csp_replace({"frame-src": [SELF]}))
MAY_BE_FRAMED = method_decorator(csp_replace({"frame-ancestors": [SELF]}))
# A mail carries its styles in its tags.
MAY_FRAME_MAIL = method_decorator(csp_replace({"frame-ancestors": [SELF], "style-src": [SELF, UNSAFE_INLINE]}))


@admin.register(Survey)
class SurveyAdmin(BrandModelAdmin):
    list_display = ("__str__", "brand", "status", "published_at")
    list_select_related = ("brand",)
    list_filter = ("status", "wave")
    ordering = ("brand", "wave", "-version")
    can_add = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("brand")

    def get_urls(self) -> list[Any]:
        views = {
            "preview": self.preview_view,
            "draft": self.draft_view,
            "discard": self.discard_view,
            "mail": self.mail_view,
            "mail_preview": self.mail_preview_view,
        }
        ours = [
            path(f"<int:object_id>/{name}/", self.admin_site.admin_view(view), name=f"surveys_survey_{name}")
            for name, view in views.items()
        ]
        compare = path(
            "<int:object_id>/compare/<int:other_id>/",
            self.admin_site.admin_view(self.compare_view),
            name="surveys_survey_compare",
        )
        standard = super().get_urls()
        # Before the last of Django's own, which sends every address unknown to it to the change page.
        return [*standard[:-1], *ours, compare, standard[-1]]

    # --- Doors -------------------------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Begin a version: of which wave, and for whom somebody works for several brands, of which brand."""
        brands = [brand for brand in Brand.objects.visible_to(request.user) if self._may_write(request, brand)]
        if not brands:
            raise PermissionDenied
        if request.method == "POST":
            brand = next((one for one in brands if str(one.pk) == request.POST.get("brand")), brands[0])
            if request.POST.get("wave") in Wave.values:
                return self._go_to(begin_draft(brand, request.POST["wave"]))
        waves = [(wave.value, wave.label) for wave in Wave if standard_questions(wave)]
        return self._render(request, "begin", {"brands": brands, "waves": waves, "title": _("New version")})

    @MAY_FRAME
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        survey = self._survey_of(request, object_id)
        if request.method == "POST":
            if not self._may_write(request, survey.brand):
                raise PermissionDenied
            return self._act(request, survey)
        questions = list(survey.questions.order_by("position"))
        if not self._may_edit(request, survey):
            return self._render_reading(request, survey, questions)
        return self._render_editing(request, survey, questions, opened=request.GET.get("open", ""))

    @method_decorator(require_POST)
    def draft_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Begin the next version as a copy of this one, or go on with the draft there is."""
        survey = self._survey_of(request, object_id, to_write=True)
        draft = begin_draft(survey.brand, survey.wave, source=survey)
        self.log_change(request, draft, f"draft from version {survey.version}")
        return self._go_to(draft)

    def discard_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        survey = self._survey_of(request, object_id, to_write=True)
        if request.method != "POST":
            return self._render(request, "discard", {"survey": survey, "title": _("Throw the draft away")})
        try:
            discard_draft(survey)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return self._go_to(survey)
        messages.success(request, _("The draft is gone. What is published stays as it was."))
        return redirect("admin:surveys_survey_changelist")

    @MAY_BE_FRAMED
    @method_decorator(xframe_options_sameorigin)
    def preview_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What a customer will see of the form as it stands, unsaved; by GET of the version as it is stored."""
        survey = self._survey_of(request, object_id)
        questions = list(survey.questions.order_by("position"))
        if request.method == "POST":
            read_questions(request.POST, questions, survey.brand, survey.wave)
        shown = Shown.of(request.POST if request.method == "POST" else request.GET, survey.brand)
        return render(request, "admin/surveys/preview.html", preview_context(request, survey, questions, shown))

    def compare_view(self, request: HttpRequest, object_id: int, other_id: int) -> HttpResponse:
        """Two versions of one survey: what was reworded, moved, added, removed, and what still adds up."""
        survey, other = (self._survey_of(request, pk) for pk in (object_id, other_id))
        if (survey.brand_id, survey.wave) != (other.brand_id, other.wave):
            raise Http404
        before, after = sorted((survey, other), key=lambda version: version.version)
        context = comparison_context(before, after)
        return self._render(request, "compare", {"survey": survey, "before": before, "after": after, **context})

    @MAY_FRAME
    def mail_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The words of the mails: edited in a draft, read in a version that stands."""
        survey = self._survey_of(request, object_id, to_write=request.method == "POST")
        if survey.wave not in TEMPLATES:
            raise Http404
        form = MailForm(survey, request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid() and self._store_mail(request, survey, form):
            return redirect("admin:surveys_survey_mail", survey.pk)
        context = mail_context(survey, form, request.POST if request.method == "POST" else request.GET)
        context["may_edit"] = self._may_edit(request, survey)
        context["names_customers"] = reader_of(request).knows_customers_of(survey.brand)
        return self._render(request, "mail", context)

    @MAY_FRAME_MAIL
    @method_decorator(xframe_options_sameorigin)
    def mail_preview_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """It names the customer of an order."""
        survey, user = self._survey_of(request, object_id), reader_of(request)
        if not user.knows_customers_of(survey.brand):
            raise PermissionDenied
        form = MailForm(survey, request.POST if request.method == "POST" else None)
        return render_sample(request, survey, form, user=user)

    # --- What the buttons do -----------------------------------------------------------------------------------------
    def _act(self, request: HttpRequest, survey: Survey) -> HttpResponse:
        """Save the form, do what its button says, and come back to where that was."""
        questions = list(survey.questions.order_by("position"))
        read_questions(request.POST, questions, survey.brand, survey.wave)
        questions, opened = changed(request.POST, survey, questions)
        try:
            saved = store_questions(survey, questions, edits=edits_in(request.POST))
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            survey.refresh_from_db()
            return self._render_editing(request, survey, questions, opened=opened)
        if request.POST.get("act") == "publish":
            return self._publish(request, saved)
        if request.POST.get("act") == "save":
            messages.success(request, _("The draft is saved."))
        return self._go_to(saved, opened)

    def _store_mail(self, request: HttpRequest, survey: Survey, form: MailForm) -> bool:
        try:
            store_mail_texts(survey, form.said, edits=edits_in(request.POST))
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            survey.refresh_from_db()
            return False
        messages.success(request, _("The words of the mail are saved."))
        return True

    def _publish(self, request: HttpRequest, draft: Survey) -> HttpResponse:
        try:
            published = publish_draft(draft, now=timezone.now())
        except ValidationError:
            messages.error(request, _("The draft is saved but not published: something is missing."))
            return self._go_to(draft)
        self.log_change(request, published, "published")
        messages.success(request, _("Published. From now on customers are asked by this version."))
        return self._go_to(published)

    # --- Pages -------------------------------------------------------------------------------------------------------
    def _render_editing(
        self, request: HttpRequest, survey: Survey, questions: Sequence[Question], *, opened: str
    ) -> HttpResponse:
        problems = problems_in(questions, brand=survey.brand, wave=survey.wave, earlier=list(questions_before(survey)))
        page = Page(questions, survey.brand, survey.wave, problems, opened)
        context = {
            "survey": survey,
            "edited": page.edited(),
            "problems": page.listed_problems(),
            "addable": [(one.key, title_of(one, survey.brand)) for one in addable(questions, survey.wave)],
            "own_kinds": [(kind, OWN_LABELS[kind]) for kind in OWN_KINDS],
            "shown": Shown.of(request.GET, survey.brand),
            "has_mail": survey.wave in TEMPLATES,
            "title": str(survey),
        }
        return self._render(request, "edit", context)

    def _render_reading(self, request: HttpRequest, survey: Survey, questions: Sequence[Question]) -> HttpResponse:
        page = Page(questions, survey.brand, survey.wave)
        versions = Survey.objects.filter(brand=survey.brand, wave=survey.wave)
        context = {
            "survey": survey,
            "edited": page.edited(),
            "may_write": self._may_write(request, survey.brand),
            "others": versions.exclude(pk=survey.pk).order_by("-version")[:5],
            "shown": Shown.of(request.GET, survey.brand),
            "has_mail": survey.wave in TEMPLATES,
            "title": str(survey),
        }
        return self._render(request, "read", context)

    def _render(self, request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts} | context
        return render(request, f"admin/surveys/{page}.html", context)

    def _go_to(self, survey: Survey, opened: str = "") -> HttpResponse:
        url = reverse("admin:surveys_survey_change", args=[survey.pk])
        return redirect(f"{url}?{urlencode({'open': opened})}#q-{opened}" if opened else url)

    # --- Who may -----------------------------------------------------------------------------------------------------
    def _survey_of(self, request: HttpRequest, object_id: str | int, *, to_write: bool = False) -> Survey:
        pk = str(object_id)
        survey: Survey = get_object_or_404(self.get_queryset(request), pk=pk if pk.isdecimal() else 0)
        if to_write and not self._may_write(request, survey.brand):
            raise PermissionDenied
        return survey

    def _may_edit(self, request: HttpRequest, survey: Survey) -> bool:
        return survey.status == Survey.Status.DRAFT and self._may_write(request, survey.brand)

    def _may_write(self, request: HttpRequest, brand: Brand) -> bool:
        """A role in another brand gives none in this one."""
        return isinstance(request.user, User) and request.user.may_write_for(brand)


def edits_in(post: QueryDict) -> int:
    """The draft's count of edits when the page was made; -1, which none has, where a forged form says nothing."""
    edits = post.get("edits", "")
    return int(edits) if edits.isdecimal() else -1


def changed(post: QueryDict, survey: Survey, questions: list[Question]) -> tuple[list[Question], str]:
    """What the button makes of the questions, and the key of the one to show next. An unknown button only saves."""
    act, _colon, rest = post.get("act", "").partition(":")
    key, _colon, code = rest.partition(":")
    question = next((one for one in questions if one.key == key), None)
    standard, kind = str(post.get("standard", "")), str(post.get("kind", ""))
    if act == "add-standard" and standard in {one.key for one in addable(questions, survey.wave)}:
        return with_standard(questions, standard, survey.wave), standard
    if act == "add-own" and kind in OWN_KINDS:
        questions = with_own(questions, kind, [one.key for one in questions_before(survey)])
        return questions, questions[-1].key
    if question is None:
        return questions, ""
    if act in ("up", "down"):
        return moved(questions, key, -1 if act == "up" else 1), key
    if act == "place" and code.isdecimal() and len(code) < 4:
        return placed(questions, key, int(code)), ""
    if act == "remove":
        return without(questions, key), ""
    if act == "add-option":
        add_option(question, [code for one in questions_before(survey) if one.key == key for code in codes_of(one)])
    if act == "remove-option":
        remove_option(question, code)
    return questions, key
