"""What allauth does our way: nobody signs up, and its mail goes through the ledger."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.sites.shortcuts import get_current_site
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from accounts.sessions import begin_noting
from accounts.sign_in import begin_attempt
from accounts.throttling import Counter, Limit
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mail

# Whoever asked for it is waiting: later it would only puzzle them.
ACCOUNT_MAIL_KEEPS_FOR = timedelta(hours=1)
RESET_TEMPLATE = "account/email/password_reset_key"
RESETS = Limit(5, 3600)  # mails to one address: the first link of them works as well as the last
Context = dict[str, Any]

log = structlog.get_logger(__name__)  # never whom somebody tried: it may be a password, in the wrong box


class AccountAdapter(DefaultAccountAdapter):
    error_messages: ClassVar[dict[str, str | Promise]] = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": _(
            "Too many tries. Wait a quarter of an hour, or choose a new password by e-mail: that works at once."
        ),
    }

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """ValidationError: too many guesses, in the same words whether or not there is such an account."""
        attempt = begin_attempt(request, "password", User.objects.normalize_email(credentials.get("email")))
        if not attempt.is_allowed:
            log.warning("sign_in_refused")
            raise self.validation_error("too_many_login_attempts")
        user = authenticate(request, **credentials)
        if user is None:
            log.warning("sign_in_failed")
        else:
            attempt.succeeded()
        return user

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        begin_noting(request)
        shown = [record["method"] for record in get_authentication_records(request, user)]
        log.info("signed_in", user=user.pk, by=shown)
        request.account_let_in = user.email  # type: ignore[attr-defined]  # for DoorMiddleware
        return super().post_login(request, user, **kwargs)

    def set_password(self, user: User, password: str) -> None:
        """Whoever could do that, by the link in their mail or the old password, is known on this device from now on."""
        super().set_password(user, password)
        self.request.account_let_in = user.email

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
        queue_account_mail(brand, template, to=email, context=told, secrets=secrets)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: Context | None = None, email: str | None = None
    ) -> None:
        super().send_notification_mail(template_prefix, user, {**(context or {}), "user": user}, email)

    def send_account_mail(self, user: User, *, to: str, title: str, paragraphs: list[str]) -> None:
        """About this person's account, to an address that need not be theirs."""
        brand = brand_of(user)
        if brand is not None:
            told, secrets = {"title": title}, {"paragraphs": paragraphs}
            queue_account_mail(brand, "accounts/notice", to=to, context=told, secrets=secrets)
        else:
            send_mail(title, "\n\n".join(paragraphs), None, [to])

    def send_password_reset_mail(self, user: User, email: str, context: Context) -> None:
        if may_ask_for_reset(email):
            super().send_password_reset_mail(user, email, context)

    def send_reset_to_nobody(self, email: str) -> None:
        """For an address without an account: the work of a reset, undone, so that its time tells nothing either."""
        brand = Brand.objects.first()
        if brand is None or not may_ask_for_reset(email):
            return
        with transaction.atomic():
            template, told, secrets = self._worded(RESET_TEMPLATE, email, {"password_reset_url": settings.BASE_URL})
            queue_account_mail(brand, template, to=email, context=told, secrets=secrets)
            transaction.set_rollback(True)

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


def may_ask_for_reset(email: str) -> bool:
    return Counter.of(f"reset:{User.objects.normalize_email(email)}", RESETS).count()


def queue_account_mail(brand: Brand, template: str, *, to: str, context: Context, secrets: Context) -> None:
    now = timezone.now()
    queue_mail(
        MailRequest(
            brand=brand,
            template=template,
            to=to,
            language=get_language() or brand.default_language,
            dedupe_key=f"account:{uuid.uuid4()}",
            guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
            not_before=now,
            expires_at=now + ACCOUNT_MAIL_KEEPS_FOR,
            context=context,
            secrets=secrets,
        )
    )


def brand_of(user: User) -> Brand | None:
    """Who writes to this person about their account: the brand they have been with for longest, best as its staff."""
    employer = Brand.objects.filter(memberships__user=user).order_by("memberships__created_at", "pk").first()
    own = Brand.objects.filter(affiliates__members__user=user)
    return employer or own.order_by("affiliates__members__created_at", "pk").first()
