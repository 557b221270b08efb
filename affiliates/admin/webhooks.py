"""What other systems are told: where to, whether it arrives, and every single message with its tries.

Here and not in mailing, because whose endpoint it is only this app can say: the brand's, or one of its affiliates'.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CharField, Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import AdministratorsAdmin, ReadOnlyAdmin, ReadOnlyInline
from accounts.admin.decisions import DecidingAdmin, Decision, Secret
from accounts.models import Brand, User
from affiliates.forms import SureForm
from affiliates.models import Affiliate
from affiliates.services.telling import PREFIX, resume_webhook
from mailing.models import OF_BRAND, Delivery, DeliveryAttempt, Endpoint, WebhookEvent
from mailing.services.webhooks import (
    change_endpoint,
    end_endpoint,
    forget_previous_secret,
    new_endpoint,
    note,
    pause_endpoint,
    renew_secret,
    replay,
    replay_since,
    send_test,
)
from mailing.services.webhooks.keeping import EVENTS_OF_BRAND, checked_url
from mailing.targets import LONGEST_URL

LABELS = dict(WebhookEvent.Kind.choices)
KEEP_IT = _(
    "Keep it where your program can read it: by it the program knows that a message is ours. "
    "Messages are signed as Standard Webhooks says."
)


class EndpointForm(forms.ModelForm):
    """The secret is ours to make up: it is shown once and never asked for."""

    url = forms.CharField(
        label=_("Address"), max_length=LONGEST_URL, widget=forms.URLInput(attrs={"class": "vURLField"})
    )
    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(str(kind), kind.label) for kind in EVENTS_OF_BRAND],
        widget=forms.CheckboxSelectMultiple,
    )
    renew = forms.BooleanField(
        label=_("Make up a new secret"),
        required=False,
        help_text=_("The one of now signs beside it for a day, or until you say that it shall be forgotten."),
    )

    class Meta:
        model = Endpoint
        fields = ("brand", "url", "description", "events")

    def clean_url(self) -> str:
        try:
            return checked_url(self.cleaned_data["url"])
        except ValidationError as refusal:
            raise ValidationError(refusal.messages) from refusal


def an_hour_ago() -> Any:
    return timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)


class SinceForm(forms.Form):
    """From when on everything is to be brought again."""

    since = forms.SplitDateTimeField(label=_("What has happened since"), widget=AdminSplitDateTime, initial=an_hour_ago)
    only_failed = forms.BooleanField(label=_("Only what was given up"), required=False)

    def __init__(self, row: Endpoint, data: Any = None) -> None:
        super().__init__(data)


def noted(did: str, do: Callable[..., Any]) -> Callable[..., None]:
    """A decision that leaves who made it."""

    @transaction.atomic
    def decide(endpoint: Endpoint, given: dict[str, Any], *, by: User, now: datetime) -> None:
        do(endpoint, given, now)
        note(endpoint, did, by=by)

    return decide


def is_active(endpoint: Endpoint) -> bool:
    return endpoint.is_active


def is_paused(endpoint: Endpoint) -> bool:
    return endpoint.state == Endpoint.State.PAUSED


def is_standing(endpoint: Endpoint) -> bool:
    return endpoint.state != Endpoint.State.ENDED


@admin.register(Endpoint)
class EndpointAdmin(DecidingAdmin, AdministratorsAdmin):
    can_add = True
    form = EndpointForm
    decisions = {
        "test": Decision(
            _("Send a test"),
            SureForm,
            noted("test", lambda endpoint, given, now: send_test(endpoint)),
            _("The test goes out in a moment: see what became of it among the deliveries."),
            is_active,
        ),
        "again": Decision(
            _("Send again…"),
            SinceForm,
            noted("again", lambda endpoint, given, now: replay_since(endpoint, **given)),
            _("What has happened since is sent again, with the ids it had."),
            is_standing,
        ),
        "pause": Decision(
            _("Pause"),
            SureForm,
            noted("pause", lambda endpoint, given, now: pause_endpoint(endpoint, now=now)),
            _("Paused: what happens from now on waits."),
            is_active,
        ),
        "resume": Decision(
            _("Resume"),
            SureForm,
            noted("resume", lambda endpoint, given, now: resume_webhook(endpoint)),
            _("It gets what waited, from now on."),
            is_paused,
        ),
        "forget": Decision(
            _("Forget the secret before"),
            SureForm,
            noted("forget", lambda endpoint, given, now: forget_previous_secret(endpoint)),
            _("Only the newest secret signs now."),
            lambda endpoint: endpoint.sealed_previous is not None,
        ),
        "end": Decision(
            _("End it"),
            SureForm,
            noted("end", lambda endpoint, given, now: end_endpoint(endpoint)),
            _("It is told nothing more, and what waited for it is dropped."),
            is_standing,
        ),
    }
    list_display = ("name", "owner", "health", "waiting", "delivered_at")
    list_display_links = ("name",)
    list_select_related = ("brand",)
    list_filter = ("state", "brand")
    ordering = ("state", "brand", "pk")
    readonly_fields = (
        *("owner", "state", "health", "waiting", "delivered_at", "told", "log"),
        *("secrets_now", "previous_until", "created_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        affiliates = Affiliate.objects.filter(brand=OuterRef("brand")).annotate(
            audience=Concat(Value(PREFIX), Cast("pk", CharField()))
        )
        name = affiliates.filter(audience=OuterRef("audience")).values("name")[:1]
        # Not by joining all that was ever sent.
        pending = Delivery.objects.pending().filter(endpoint=OuterRef("pk")).order_by().values("endpoint")
        waiting = Coalesce(Subquery(pending.annotate(n=Count("pk")).values("n")), 0)
        return super().get_queryset(request).annotate(affiliate_name=Subquery(name), waiting_now=waiting)

    def get_fieldsets(self, request: HttpRequest, obj: Endpoint | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("brand", "url", "description", "events")}),)
        is_ours = obj.audience == OF_BRAND and is_standing(obj)
        where = ("owner", "url", "description", "events" if is_ours else "told")
        return (
            (None, {"fields": where}),
            (_("Health"), {"fields": ("state", "health", "waiting", "delivered_at", "log")}),
            (_("Secret"), {"fields": ("secrets_now", "previous_until", *(["renew"] if is_ours else []))}),
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An affiliate's own is the affiliate's: staff may stop it and look after it, not send it elsewhere."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or (obj.audience == OF_BRAND and is_standing(obj)))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only where they are administrator, whatever else they are elsewhere."""
        if db_field.name == "brand":
            kwargs["queryset"] = Brand.objects.administered_by(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in ("url", "events", "description")}
        if change:
            change_endpoint(obj, **given)
            secret = renew_secret(obj, now=timezone.now()) if form.cleaned_data["renew"] else ""
        else:
            made, secret = new_endpoint(obj.brand, **given)
            obj.pk = made.pk
        request.made_secret = secret  # type: ignore[attr-defined]  # for the answer

    def response_add(self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_made(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Endpoint) -> HttpResponse:
        return self._show_made(request, obj) or super().response_change(request, obj)

    def _show_made(self, request: HttpRequest, obj: Endpoint) -> HttpResponse | None:
        secret: str = request.made_secret  # type: ignore[attr-defined]
        change_page = reverse("admin:mailing_endpoint_change", args=[obj.pk])
        return self.show_once(request, Secret(secret, KEEP_IT), change_page) if secret else None

    @admin.display(description=_("address"), ordering="url")
    def name(self, endpoint: Endpoint) -> str:
        return str(endpoint)

    @admin.display(description=_("belongs to"))
    def owner(self, endpoint: Any) -> str:
        return endpoint.affiliate_name or str(endpoint.brand)

    @admin.display(description=_("health"))
    def health(self, endpoint: Endpoint) -> str:
        if not is_active(endpoint):
            return str(endpoint.get_pause_reason_display() or endpoint.get_state_display())
        if endpoint.failing_since:
            since = display_for_value(timezone.localtime(endpoint.failing_since), "—")
            return gettext("Nothing arrives since %(since)s") % {"since": since}
        return gettext("In order") if endpoint.delivered_at else gettext("Nothing has gone there yet")

    @admin.display(description=_("waiting"))
    def waiting(self, endpoint: Any) -> int:
        return int(endpoint.waiting_now)

    @admin.display(description=_("events"))
    def told(self, endpoint: Endpoint) -> SafeString:
        return format_html_join("", "{}<br>", ((LABELS.get(kind, kind),) for kind in endpoint.events))

    @admin.display(description=_("secrets that hold"))
    def secrets_now(self, endpoint: Endpoint) -> str:
        held = len(endpoint.sealed_secrets(timezone.now()))
        return ngettext("%(count)d secret", "%(count)d secrets", held) % {"count": held}

    @admin.display(description=_("deliveries"))
    def log(self, endpoint: Endpoint) -> SafeString:
        url = reverse("admin:mailing_delivery_changelist", query={"endpoint__id__exact": endpoint.pk})
        return format_html('<a href="{}">{}</a>', url, gettext("What was sent there, and what became of it"))


class AttemptInline(ReadOnlyInline):
    model = DeliveryAttempt
    fields = readonly_fields = ("at", "status", "problem", "milliseconds", "reply")
    verbose_name_plural = _("tries")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin, AdministratorsAdmin):
    list_display = ("occurred_at", "code", "endpoint", "standing", "tries", "outcome")
    list_select_related = ("event", "endpoint")
    list_filter = ("state", "event__kind", "endpoint", ("event__occurred_at", admin.DateFieldListFilter))
    search_fields = ("event__uuid",)
    search_help_text = _("The whole id, such as evt_0b9f…")
    ordering = ("-pk",)
    show_facets = admin.ShowFacets.NEVER
    actions = ("send_again",)
    inlines = (AttemptInline,)
    fields = ("endpoint", "public_id", "kind", "occurred_at", "state", "tries", "next_try_at", "finished_at", "content")
    readonly_fields = ("public_id", "kind", "occurred_at", "next_try_at", "content")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        newest = DeliveryAttempt.objects.filter(delivery=OuterRef("pk")).order_by("-at", "-pk")
        return (
            super()
            .get_queryset(request)
            .annotate(
                last_status=Subquery(newest.values("status")[:1]), last_problem=Subquery(newest.values("problem")[:1])
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        term = search_term.strip().removeprefix("evt_")
        if not term:
            return queryset, False
        is_id = len(term) == 32 and all(c in "0123456789abcdef" for c in term)
        return (queryset.filter(event__uuid=term) if is_id else queryset.none()), False

    def has_again_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.action(description=_("Send again"), permissions=["again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        count = replay(Delivery.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))))
        done = ngettext("%(count)d message is sent again.", "%(count)d messages are sent again.", count)
        self.message_user(request, done % {"count": count})

    @admin.display(description=_("at"), ordering="event__occurred_at")
    def occurred_at(self, delivery: Delivery) -> str:
        return display_for_value(timezone.localtime(delivery.event.occurred_at), "—")

    @admin.display(description=_("event"))
    def kind(self, delivery: Delivery) -> str:
        return str(delivery.event.get_kind_display())

    @admin.display(description=_("event"), ordering="event__kind")
    def code(self, delivery: Delivery) -> str:
        """As programs know it: in a list the shorter."""
        return delivery.event.kind

    @admin.display(description=_("state"), ordering="state")
    def standing(self, delivery: Delivery) -> str:
        state = str(delivery.get_state_display())
        if delivery.state != Delivery.State.PENDING:
            return state
        return gettext("%(state)s from %(at)s") % {"state": state, "at": self.next_try_at(delivery)}

    @admin.display(description=_("id"))
    def public_id(self, delivery: Delivery) -> str:
        return delivery.event.public_id

    @admin.display(description=_("next try at"))
    def next_try_at(self, delivery: Delivery) -> str:
        is_pending = delivery.state == Delivery.State.PENDING
        return display_for_value(timezone.localtime(delivery.not_before), "—") if is_pending else "—"

    @admin.display(description=_("last answer"))
    def outcome(self, delivery: Any) -> str:
        """The status says it all; without one, what went wrong."""
        problem = dict(DeliveryAttempt.Problem.choices).get(delivery.last_problem, "—")
        return str(delivery.last_status or problem)

    @admin.display(description=_("content"))
    def content(self, delivery: Delivery) -> SafeString:
        return format_html('<pre tabindex="0">{}</pre>', json.dumps(delivery.event.data, indent=2, ensure_ascii=False))
