"""How often somebody is sent a summary by mail."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from affiliates.models import AffiliateMember
from dashboards.forms import RhythmForm
from dashboards.selectors import Reader, objection_to_digests, rhythm_of
from dashboards.services import choose_rhythm
from dashboards.views.opening import affiliate_page, show


@require_http_methods(["GET", "POST"])
@affiliate_page
def notifications(request: HttpRequest, reader: Reader) -> HttpResponse:
    """A person's own choice: staff who look on have none to see."""
    member = member_of(reader)
    data = request.POST if request.method == "POST" else None
    form = RhythmForm(data, initial={"rhythm": rhythm_of(member)}, label_suffix="")
    if form.is_valid():
        choose_rhythm(member, form.cleaned_data["rhythm"])
        messages.success(request, _("Your choice is kept."))
        return redirect(reader.urls["notifications"])
    return show(request, reader, "notifications", form=form, objection=objection_to_digests(member))


def member_of(reader: Reader) -> AffiliateMember:
    if reader.member is None:
        raise Http404
    return reader.member
