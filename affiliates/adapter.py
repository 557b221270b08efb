"""What allauth does our way: nobody signs up, and its mail goes through the ledger."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from accounts.models import Brand, User
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail

# Whoever asked for it is waiting: later it would only puzzle them.
ACCOUNT_MAIL_KEEPS_FOR = timedelta(hours=1)
RESET_TEMPLATE = "account/email/password_reset_key"
Context = dict[str, Any]


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: people come by invitation."""
        return False

    def format_email_subject(self, subject: str) -> str:
        return subject  # the sender says from whom it is

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue it: it arrives at least once, retries carry one Message-ID, and its secrets are sealed in the table."""
        user = context.get("user") or User.objects.filter(email=User.objects.normalize_email(email)).first()
        brand = brand_of(user) if user else None
        if brand is None:  # a superuser of no brand: nobody's ledger
            super().send_mail(template_prefix, email, context)
            return
        template, told, secrets = self._worded(template_prefix, email, context)
        now = timezone.now()
        queue_mail(
            MailRequest(
                brand=brand,
                template=template,
                to=email,
                language=get_language() or brand.default_language,
                dedupe_key=f"account:{uuid.uuid4()}",
                guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
                not_before=now,
                expires_at=now + ACCOUNT_MAIL_KEEPS_FOR,
                context=told,
                secrets=secrets,
            )
        )

    def _worded(self, prefix: str, email: str, context: Mapping[str, Any]) -> tuple[str, Context, Context]:
        """The ledger's template, what it says and what is secret in it.

        What we have no template of our own for is in allauth's words.
        """
        if prefix == RESET_TEMPLATE:
            hours = settings.PASSWORD_RESET_TIMEOUT // 3600
            return "accounts/password_reset", {"hours": hours}, {"url": context["password_reset_url"]}
        site = {"request": self.request, "email": email, "current_site": get_current_site(self.request)}
        message = self.render_mail(prefix, email, {**site, **context})
        paragraphs = [part.strip() for part in str(message.body).split("\n\n") if part.strip()]
        return "accounts/notice", {"title": message.subject}, {"paragraphs": paragraphs}


def brand_of(user: User) -> Brand | None:
    """Who writes to this person about their account: the brand they have been with for longest, best as its staff."""
    employer = Brand.objects.filter(memberships__user=user).order_by("memberships__created_at", "pk").first()
    own = Brand.objects.filter(affiliates__members__user=user)
    return employer or own.order_by("affiliates__members__created_at", "pk").first()
