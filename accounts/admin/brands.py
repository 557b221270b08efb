"""A brand and its rules."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.admin.rules import AdministratorsAdmin
from accounts.models import Brand


@admin.register(Brand)
class BrandAdmin(AdministratorsAdmin):
    list_display = ("name", "slug", "country", "timezone", "asking_paused_at")
    readonly_fields = ("slug", "asking_paused_at", "created_at", "updated_at")
    # Hours of the brand's and its customers' days: how far who reads this is from the server means nothing here.
    formfield_overrides = {models.TimeField: {"widget": forms.TimeInput(format="%H:%M", attrs={"type": "time"})}}
    fieldsets = (
        (None, {"fields": ("name", "slug", "country", "timezone", "languages", "color", "formality", "allowed_hosts")}),
        (
            _("Sender"),
            {
                "fields": (
                    "sender_name",
                    "survey_sender",
                    "service_sender",
                    "reply_to",
                    "is_discreet",
                    "discreet_name",
                    "public_review_url",
                )
            },
        ),
        (
            _("Asking"),
            {
                "fields": (
                    ("delay_goods", "delay_digital", "delay_service"),
                    ("reminder_after", "follow_up_after", "closing_question_after"),
                    ("window_start", "window_end", "is_spread"),
                    ("fatigue_days", "follow_up_rest_days", "max_age_days", "sampling_percent"),
                    "survey_notice_default",
                    ("link_days", "edit_days"),
                    "asking_paused_at",
                )
            },
        ),
        (
            _("Affiliates"),
            {
                "fields": (
                    "attribution_order",
                    "attribution_model",
                    "attribution_window_days",
                    "claim_answer_days",
                    "accepts_applications",
                )
            },
        ),
        (
            _("Trust"),
            {
                "fields": (
                    "k",
                    ("min_form_seconds", "max_posts_per_address", "max_messages_per_address"),
                    "checks_own_device",
                    ("suspect_seconds_after_click", "suspect_purchases_an_hour", "suspect_customers_a_domain"),
                )
            },
        ),
        (
            _("Care"),
            {
                "description": _(
                    "Terms and warranties of the law were read in summaries: to be confirmed by your lawyer. "
                    "They stand above the warranty rules."
                ),
                "fields": (
                    ("legal_regime", "region"),
                    ("first_answer_hours", "solution_hours"),
                    "reopen_days",
                    ("service_opens", "service_closes"),
                    "service_weekdays",
                    ("warning_hours", "legal_warning_days"),
                    "requires_second_factor",
                ),
            },
        ),
        (None, {"fields": ("created_at", "updated_at")}),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "service_weekdays":
            return weekdays_field(db_field.verbose_name)
        if db_field.name == "public_review_url":
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def weekdays_field(label: Any) -> forms.Field:
    """Days of the week to tick, Monday being 0."""
    return forms.TypedMultipleChoiceField(
        label=capfirst(label), choices=list(WEEKDAYS.items()), coerce=int, widget=forms.CheckboxSelectMultiple
    )
