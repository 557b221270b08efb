from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.middleware import use_language
from accounts.secret_links import secret_link
from mailing.models import OutgoingMail
from mailing.services import unsubscribe

ONE_CLICK = ("List-Unsubscribe", "One-Click")  # RFC 8058: what a mailbox provider posts for its user


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, POST does it. An unknown token gets the same answer: nobody learns which ones exist."""
    mail = OutgoingMail.objects.with_token(token).select_related("brand").first()
    if mail:
        use_language(request, mail.brand.voice(mail.language))
    if request.method == "POST":
        return unsubscribe_now(request, mail)
    context = {
        "brand": mail and mail.brand,
        "has_purchase": bool(mail and mail.purchase_scope),
        "is_test": bool(mail and mail.is_sample),
        "is_digest": is_digest(mail),
    }
    return render(request, "mailing/unsubscribe.html", context)


def unsubscribe_now(request: HttpRequest, mail: OutgoingMail | None) -> HttpResponse:
    form = posted(request)
    only_purchase = form.get("scope") == "purchase"
    is_test = False
    if mail:
        scope = mail.purchase_scope if only_purchase else ""
        source = "one_click" if ONE_CLICK in form.items() else "page"
        is_test = not unsubscribe(
            mail, scope=scope or mail.stream or OutgoingMail.SURVEYS, source=source, now=timezone.now()
        )
    context = {"only_purchase": only_purchase, "is_test": is_test, "is_digest": is_digest(mail)}
    return render(request, "mailing/unsubscribed.html", context)


def is_digest(mail: OutgoingMail | None) -> bool:
    return mail is not None and mail.stream == OutgoingMail.DIGEST


def posted(request: HttpRequest) -> dict[str, str]:
    """The form, or nothing where it cannot be read: the address already says who wants to be left alone."""
    try:
        return {name: str(value) for name, value in request.POST.items()}
    except (BadRequest, MultiPartParserError, SuspiciousOperation):
        return {}
