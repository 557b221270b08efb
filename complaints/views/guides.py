"""Guides, for whoever has a question: without signing in, under the brand's name and colour."""

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.middleware import for_visitors, use_language
from accounts.models import Brand
from accounts.throttling import household
from affiliates.models import Product
from complaints.markdown import html_of
from complaints.models import Guide, GuideText
from complaints.selectors.guides import guides_of, has_guides, text_for
from complaints.services.guides import record_verdict
from mailing.rendering import name_of


@for_visitors
@require_safe
def help_page(request: HttpRequest, brand: str) -> HttpResponse:
    """All guides of a brand, or those that hold what is searched; without any, whom to write to."""
    owner = brand_called(brand)
    language = speak(request, owner)
    search = request.GET.get("q", "").replace("\0", "").strip()[:200]
    product = product_called(owner, request.GET.get("product", ""))
    context = shell_of(request, owner) | {
        "guides": guides_of(owner, language=language, search=search, product=product),
        "search": search,
        "product": product,
        "has_guides": has_guides(owner),
    }
    return render(request, "complaints/help.html", context)


# Without a cookie there is nothing to forge a request with: whoever answers is nobody, and counts once a day.
@csrf_exempt
@for_visitors
@require_http_methods(["GET", "HEAD", "POST"])
def guide(request: HttpRequest, brand: str, slug: str) -> HttpResponse:
    """One guide. A POST says whether it helped; reading it leaves no trace."""
    owner = brand_called(brand)
    language = speak(request, owner)
    found = get_object_or_404(
        Guide.objects.select_related("brand", "product").prefetch_related("texts"), brand=owner, slug=slug
    )
    text = text_for(found, owner, language)
    is_draft = not found.is_published
    if text is None or (is_draft and not Guide.objects.visible_to(request.user).filter(pk=found.pk).exists()):
        raise Http404
    if request.method == "POST":
        return take_verdict(request, found, text)
    context = shell_of(request, owner) | {
        "guide": found,
        "text": text,
        "html": html_of(text.body),
        "is_draft": is_draft,
        "said": request.GET.get("said", ""),
    }
    return render(request, "complaints/guide.html", context)


def take_verdict(request: HttpRequest, found: Guide, text: GuideText) -> HttpResponse:
    """What staff say of a draft counts nowhere."""
    said = "yes" if request.POST.get("helped") == "yes" else "no"
    if found.is_published and "helped" in request.POST:
        visitor = visitor_of(request)
        record_verdict(found, helped=said == "yes", language=text.language, visitor=visitor, now=timezone.now())
    response = redirect(f"{found.get_absolute_url()}?lang={text.language}&said={said}")
    response.status_code = 303
    return response


def brand_called(slug: str) -> Brand:
    return get_object_or_404(Brand, slug=slug)


def product_called(brand: Brand, sku: str) -> Product | None:
    return Product.objects.filter(brand=brand, sku=sku.replace("\0", "")).first() if sku else None


def speak(request: HttpRequest, brand: Brand) -> str:
    """The reader's language where the brand has it: asked for in the address, else that of their browser."""
    asked = request.GET.get("lang", "")
    language = brand.language_for(asked if asked in brand.languages else translation.get_language() or "")
    spoken = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    use_language(request, brand.voice(spoken))
    return language


def shell_of(request: HttpRequest, brand: Brand) -> dict[str, object]:
    language = brand.language_for(translation.get_language() or "")
    return {
        "brand": brand,
        "brand_name": name_of(brand),
        "contact": brand.reply_to or brand.service_sender,
        "other_languages": [code for code in brand.languages if code != language],
        "lang": request.GET.get("lang", ""),
    }


def visitor_of(request: HttpRequest) -> str:
    """A name for an address that leads back to nobody without our key; kept for a day, in the cache alone."""
    key = settings.PSEUDONYM_KEYS[max(settings.PSEUDONYM_KEYS)].encode()
    return hmac.digest(key, f"guide:{household(request)}".encode(), "sha256").hex()[:32]
