"""A survey's mail before anybody gets it: seen as the customer of a real purchase would, and sent to oneself."""

from typing import Any
from urllib.parse import urlencode

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language_info, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from accounts.admin import BrandModelAdmin
from accounts.models import AccessLog, Brand, User
from accounts.services import record_access
from affiliates.models import Purchase
from surveys.forms import SurveyForm
from surveys.models import InvitationMail, SampleMail, Survey, Wave
from surveys.previews import questionnaire_as_for, render_preview
from surveys.services.previewing import Look, preview_mail, send_sample

MAY_FRAME = method_decorator(csp_replace({"frame-src": [SELF]}))
MAY_BE_FRAMED = method_decorator(csp_replace({"frame-ancestors": [SELF]}))
# A mail carries its styles in its tags. Nothing else may come in, and the frame around it runs nothing.
IS_A_MAIL = method_decorator(csp_replace({"frame-ancestors": [SELF], "style-src": [UNSAFE_INLINE]}))


class SurveyChoice(forms.ModelChoiceField):
    def label_from_instance(self, survey: Any) -> str:
        return f"{survey.brand} · {survey} · {survey.get_status_display()}"


class LookForm(forms.Form):
    """Which mail, and as whose. What is left open is the customer's own language and the latest purchase."""

    survey = SurveyChoice(Survey.objects.none(), label=gettext_lazy("Survey"), empty_label=None)
    kind = forms.ChoiceField(
        label=gettext_lazy("Mail"), choices=InvitationMail.Kind.choices, required=False, initial="first"
    )
    order = forms.CharField(
        label=gettext_lazy("As the customer of the order"),
        required=False,
        max_length=120,
        help_text=gettext_lazy("The whole order number. Empty: the latest that was received."),
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)

    def __init__(self, user: User, data: Any) -> None:
        brands = Brand.objects.where_customers_are_known_to(user)  # whom the mail names
        surveys = Survey.objects.filter(brand__in=brands).exclude(status=Survey.Status.RETIRED).select_related("brand")
        # The one that most are asked by stands first.
        surveys = surveys.order_by("brand", F("published_at").desc(nulls_last=True), "wave")
        first = surveys.filter(wave="first").first() or surveys.first()
        super().__init__({"survey": first and first.pk, "kind": "first", **data}, label_suffix="")
        self.fields["survey"].queryset = surveys  # type: ignore[attr-defined]
        codes = sorted({code for brand in brands for code in brand.languages})
        self.fields["language"].choices = [  # type: ignore[attr-defined]
            ("", _("the customer’s own")),
            *((code, language_name(code)) for code in codes),
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if survey := given.get("survey"):
            given["look"] = self.look_at(survey, given)
        return given

    def look_at(self, survey: Survey, given: dict[str, Any]) -> Look | None:
        purchase = purchase_of(survey.brand, given.get("order", ""))
        language = given.get("language") or ""
        if purchase is None:
            self.add_error("order", _("There is no such order of this brand that was received."))
            return None
        if survey.wave == Wave.CLOSING and given.get("kind") == InvitationMail.Kind.REMINDER:
            self.add_error("kind", _("Nobody is reminded of this survey."))
            return None
        if language and language not in survey.brand.languages:
            self.add_error("language", _("This brand does not write in this language."))
            return None
        return Look(
            survey,
            purchase,
            language or survey.brand.language_for(purchase.customer.language),
            given.get("kind") or InvitationMail.Kind.FIRST,
        )

    @property
    def look(self) -> Look | None:
        return self.cleaned_data.get("look") if self.is_valid() else None


def purchase_of(brand: Brand, order: str) -> Purchase | None:
    purchases = Purchase.objects.filter(brand=brand).select_related("brand", "customer", "product")
    if order:
        return purchases.filter(external_id=order.strip()).first()
    received = purchases.exclude(delivered_at=None, activated_at=None)
    # The latest bought, by its index, of which something has come.
    return received.order_by("-purchased_at", "-pk").first() or purchases.order_by("-purchased_at", "-pk").first()


def language_name(code: str) -> str:
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code


@admin.register(SampleMail)
class SampleMailAdmin(BrandModelAdmin):
    list_display = ("created_at", "survey", "kind", "purchase", "sent_by", "state")
    list_select_related = ("survey", "purchase", "sent_by", "mail")
    ordering = ("-created_at", "-pk")
    show_facets = admin.ShowFacets.NEVER
    fields = readonly_fields = ("created_at", "survey", "kind", "purchase", "sent_by", "state")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may know customers may look; whether somebody may send one, the service says."""
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("mail"))
    def state(self, sample: SampleMail) -> str:
        return " · ".join(filter(None, [sample.mail.get_state_display(), sample.mail.reason_label]))

    def get_urls(self) -> list[Any]:
        frames = {"mail": self.mail_frame, "page": self.page_frame}
        ours = [
            path(f"add/{name}/", self.admin_site.admin_view(view), name=f"surveys_samplemail_{name}")
            for name, view in frames.items()
        ]
        return [*ours, *super().get_urls()]

    @MAY_FRAME
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """See the mail and its page; the button sends it to whoever presses it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = reader_of(request)
        form = LookForm(user, dict((request.POST or request.GET).items()))
        look = form.look
        query = urlencode({name: form.data.get(name) or "" for name in form.fields})
        if request.method == "POST" and look and self.send(request, look, user):
            return redirect(f"{reverse('admin:surveys_samplemail_add')}?{query}")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("See and try the mail"),
            "form": form,
            "query": query,
            "own_address": user.email,
            "may_send": bool(look and user.may_write_for(look.brand)),
            "message": look and self.message_of(request, form, look, user),
            "purchase": look and look.purchase,
        }
        return render(request, "admin/surveys/sample.html", context)

    def send(self, request: HttpRequest, look: Look, user: User) -> bool:
        try:
            sample = send_sample(look, by=user, now=timezone.now())
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return False
        self.log_addition(request, sample, "sent")
        messages.success(request, _("The test is on its way to %(address)s.") % {"address": sample.mail.to_address})
        return True

    def message_of(self, request: HttpRequest, form: LookForm, look: Look, user: User) -> Any:
        """The mail as it would arrive; whoever sees it is recorded, since it names a customer."""
        try:
            message, _token = preview_mail(look, to=user.email, now=timezone.now())
        except ValidationError as refusal:
            form.add_error("survey", refusal)
            return None
        record_access(
            user, look.brand, purpose=AccessLog.Purpose.VIEW, object_type="purchase", object_id=str(look.purchase.pk)
        )
        return message

    @method_decorator(xframe_options_sameorigin)
    @IS_A_MAIL
    def mail_frame(self, request: HttpRequest) -> HttpResponse:
        """The HTML of the mail alone; its ratings lead to the page beside it."""
        look = look_of(request)
        try:
            message, token = preview_mail(look, to=reader_of(request).email, now=timezone.now())
        except ValidationError as refusal:
            raise Http404 from refusal
        page = reverse("admin:surveys_samplemail_page")
        html = message.texts.html.replace(f"{settings.BASE_URL}/s/{token}/?", f"{page}?{request.GET.urlencode()}&")
        return HttpResponse(html)

    @method_decorator(xframe_options_sameorigin)
    @MAY_BE_FRAMED
    def page_frame(self, request: HttpRequest) -> HttpResponse:
        """All of its questions; the frame around it sends nothing."""
        look = look_of(request)
        questionnaire = questionnaire_as_for(request, look.survey, look.purchase, language=look.language)
        form = SurveyForm(questionnaire=questionnaire, preselected=request.GET.get("q", ""))
        return render_preview(request, look.survey, form)


def reader_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


def look_of(request: HttpRequest) -> Look:
    look = LookForm(reader_of(request), dict(request.GET.items())).look
    if look is None:
        raise Http404
    return look
