"""Links that people follow to the shop. Each leads to a host of the brand, whatever the request says."""

from urllib.parse import quote

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.secret_links import client_address
from affiliates.destinations import is_allowed_destination, with_click
from affiliates.models import Customer
from affiliates.selectors import link_target
from affiliates.services import is_code, kind_of_visit, record_click
from affiliates.visitors import key_of_the_day


@require_safe
@never_cache
@login_not_required
def follow_link(request: HttpRequest, code: str) -> HttpResponse:
    """Store the click, then lead on to the shop with its id: what the shop hands back has been stored before."""
    target = link_target(code) if is_code(code) else None
    if target is None:
        return render(request, "affiliates/link_unknown.html", status=404)
    # Checked here too: the brand may have given up a host since the link was made.
    if target.is_paused or not is_allowed_destination(target.destination, target.hosts):
        return render(request, "affiliates/link_paused.html", status=410)
    now = timezone.now()
    user_agent = request.headers.get("User-Agent", "")
    visitor = key_of_the_day(target.brand_id, client_address(request), user_agent, now.date())
    kind = kind_of_visit(request.method or "", user_agent)
    public_id = record_click(target.link_id, kind=kind, visitor=visitor, occurred_at=now)
    return to_shop(with_click(target.destination, public_id))


@require_safe
@never_cache
@login_not_required
def follow_recommendation(request: HttpRequest, code: str) -> HttpResponse:
    """A customer's own link leads to the front page of the shop, with the code that the shop hands back."""
    referrer = Customer.objects.filter(referral_code=code).select_related("brand").first() if is_code(code) else None
    if referrer is None:
        return render(request, "affiliates/link_unknown.html", status=404)
    destination = f"https://{referrer.brand.allowed_hosts[0]}/" if referrer.brand.allowed_hosts else ""
    if not is_allowed_destination(destination, referrer.brand.allowed_hosts):
        return render(request, "affiliates/link_paused.html", status=410)
    return to_shop(f"{destination}?pv_ref={quote(code)}")


def to_shop(url: str) -> HttpResponse:
    response = HttpResponseRedirect(url)
    response.headers["X-Robots-Tag"] = "noindex"
    return response
