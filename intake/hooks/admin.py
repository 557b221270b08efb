"""The desk for what shops send: the hooks with their secrets and whether they are alive, and every single message."""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import WRITING_ROLES, AdministratorsAdmin, ReadOnlyAdmin, has_role
from accounts.admin.decisions import DecidingAdmin, Secret
from accounts.models import Brand
from affiliates.models import Purchase
from intake.hooks.keeping import check_secret, forget_previous_secret, set_hook_secret
from intake.hooks.mail import mails_spoken_of
from intake.hooks.processing import replay_event
from intake.hooks.receiving import secrets_of
from intake.models import Hook, InboundEvent, Source

PASTE_IT = _("Paste it where your shop or network asks for the secret: by it we know that what comes is from there.")


class HookForm(forms.ModelForm):
    """The secret goes in and is never shown again."""

    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        max_length=200,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "Shopify and Stripe tell you theirs: paste it here. For WooCommerce and postbacks leave it empty, and one "
            "is made up for you to paste there."
        ),
    )
    renew = forms.BooleanField(
        label=_("Make up a new secret"),
        required=False,
        help_text=_("The one of now holds too until you say that it shall be forgotten."),
    )

    class Meta:
        model = Hook
        fields = ("brand", "source", "expected_every")

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if secret:
            check_secret(secret)
        return secret


class HookAdmin(DecidingAdmin, AdministratorsAdmin):
    can_add = True
    form = HookForm
    list_display = ("source", "brand", "address", "last_received_at", "health")
    list_display_links = ("source",)
    list_select_related = ("brand",)
    list_filter = ("source", "brand")
    actions = ("forget_previous_secret",)
    readonly_fields = ("address", "last_received_at", "health", "secrets_now", "changed_at", "events")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hook]:
        events = InboundEvent.objects.filter(brand=OuterRef("brand"), source=OuterRef("source"))
        newest = events.order_by("-received_at").values("received_at")[:1]
        return super().get_queryset(request).annotate(newest_event_at=Subquery(newest))

    def get_fieldsets(self, request: HttpRequest, obj: Hook | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("brand", "source", "secret", "expected_every")}),)
        return (
            (None, {"fields": ("brand", "source", "address", "health", "last_received_at", "events")}),
            (_("Secret"), {"fields": ("secrets_now", "changed_at", "secret", "renew")}),
            (_("Silence"), {"fields": ("expected_every",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Hook | None = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "brand", "source") if obj else self.readonly_fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only where they are administrator, whatever else they are elsewhere."""
        if db_field.name == "brand":
            kwargs["queryset"] = Brand.objects.administered_by(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Hook, form: Any, change: bool) -> None:
        given = form.cleaned_data["secret"]
        request.made_secret = ""  # type: ignore[attr-defined]  # for the answer
        if change:
            obj.save(update_fields=["expected_every"])
        if change and not given and not form.cleaned_data.get("renew"):
            return
        hook, secret = set_hook_secret(obj.brand, obj.source, given, now=timezone.now())
        if not change:
            hook.expected_every = obj.expected_every
            hook.save(update_fields=["expected_every"])
            obj.pk = hook.pk
        if not given:
            request.made_secret = secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Hook, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_made(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Hook) -> HttpResponse:
        return self._show_made(request, obj) or super().response_change(request, obj)

    def _show_made(self, request: HttpRequest, obj: Hook) -> HttpResponse | None:
        secret: str = request.made_secret  # type: ignore[attr-defined]
        change_page = reverse("admin:intake_hook_change", args=[obj.pk])
        return self.show_once(request, Secret(secret, PASTE_IT), change_page) if secret else None

    @admin.action(description=_("Forget the secret before"))
    def forget_previous_secret(self, request: HttpRequest, queryset: QuerySet[Hook]) -> None:
        forgotten = sum(forget_previous_secret(hook) for hook in queryset)
        done = ngettext("%(count)d old secret was forgotten.", "%(count)d old secrets were forgotten.", forgotten)
        self.message_user(request, done % {"count": forgotten})

    @admin.display(description=_("address"))
    def address(self, hook: Hook) -> str:
        name = "postback" if hook.source == Source.POSTBACK else f"hook-{hook.source}"
        return settings.BASE_URL + reverse(f"api:{name}", args=[hook.brand.slug])

    @admin.display(description=_("last received at"))
    def last_received_at(self, hook: Any) -> str:
        return display_for_value(hook.newest_event_at, "—")

    @admin.display(description=_("state"))
    def health(self, hook: Any) -> str:
        if hook.is_silent(hook.newest_event_at, now=timezone.now()):
            return gettext("Silent for longer than expected")
        return gettext("In order") if hook.newest_event_at else gettext("Nothing has come yet")

    @admin.display(description=_("secrets that hold"))
    def secrets_now(self, hook: Hook) -> str:
        held = len(secrets_of(hook))
        if not held:
            return gettext("None: its key is no longer configured. Set the secret anew.")
        return ngettext("%(count)d secret", "%(count)d secrets", held) % {"count": held}

    @admin.display(description=_("events"))
    def events(self, hook: Hook) -> SafeString:
        here = {"brand__id__exact": hook.brand_id, "source__exact": hook.source}
        url = reverse("admin:intake_inboundevent_changelist", query=here)
        return format_html('<a href="{}">{}</a>', url, gettext("What came in"))


class InboundEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "source", "kind", "order_id", "state", "reason", "error")
    list_filter = ("state", "source", "brand", ("received_at", admin.DateFieldListFilter))
    search_fields = ("order_id",)
    search_help_text = _("The shop’s own id of the order, whole")
    ordering = ("-received_at", "-pk")
    show_facets = admin.ShowFacets.NEVER
    actions = ("replay",)
    fields = (
        *("brand", "source", "kind", "event_id", "purchase"),
        *("state", "reason", "error", "attempts"),
        *("received_at", "processed_at", "try_at", "content"),
    )
    readonly_fields = ("purchase", "mails", "content")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundEvent]:
        queryset: QuerySet[InboundEvent] = super().get_queryset(request)
        return queryset.defer("body")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InboundEvent], search_term: str
    ) -> tuple[QuerySet[InboundEvent], bool]:
        term = search_term.strip()
        return (queryset.filter(order_id=term) if term else queryset), False

    def get_fields(self, request: HttpRequest, obj: InboundEvent | None = None) -> Any:
        """What it is about: a purchase, or mails of ours."""
        about = "mails" if obj and obj.source == Source.MAIL else "purchase"
        return [about if name == "purchase" else name for name in self.fields]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, *WRITING_ROLES)

    @admin.action(description=_("Process again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> None:
        events = list(queryset.order_by("received_at", "pk"))
        for event in events:
            replay_event(event, now=timezone.now())
        done = ngettext("%(count)d event was processed again.", "%(count)d events were processed again.", len(events))
        self.message_user(request, done % {"count": len(events)})

    @admin.display(description=_("purchase"))
    def purchase(self, event: InboundEvent) -> SafeString | str:
        purchase = Purchase.objects.filter(brand=event.brand, external_id=event.order_id or None).first()
        if purchase is None:
            return event.order_id or "—"
        url = reverse("admin:affiliates_purchase_change", args=[purchase.pk])
        return format_html('<a href="{}">{}</a>', url, purchase)

    @admin.display(description=_("mails"))
    def mails(self, event: InboundEvent) -> SafeString | str:
        pages = [
            (reverse("admin:mailing_outgoingmail_change", args=[mail.pk]), mail.to_address)
            for mail in mails_spoken_of(event)
        ]
        return format_html_join(", ", '<a href="{}">{}</a>', pages) or "—"

    @admin.display(description=_("content"))
    def content(self, event: InboundEvent) -> SafeString:
        body = bytes(event.body)
        try:
            text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        except ValueError:
            text = body.decode(errors="replace")
        return format_html("<pre>{}</pre>", text)
