"""What staff decide about a row, on a page of its own: a form, one service, a message, and back to the row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin.rules import BrandModelAdmin
from accounts.forms import add_refusal
from accounts.models import Brand

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Secret:
    """What is shown once and kept nowhere."""

    text: str
    said: "StrPromise"  # what it is, and what to do with it


@dataclass(frozen=True)
class Decision:
    """`form` gets the row and the data posted; `do` gets the row, the form's data, and by and now as keywords.

    Where `do` gives back a Secret, that is shown, this once.
    """

    label: "StrPromise"
    form: Callable[..., forms.Form]
    do: Callable[..., Any]
    done: "StrPromise"
    is_offered: Callable[[Any], bool] = lambda row: True
    removes_row: bool = False


class DecidingAdmin(BrandModelAdmin):
    """Whoever may write for the row's own brand is offered `decisions` on its page; others read."""

    decisions: Mapping[str, Decision] = {}
    change_form_template = "admin/decisions/change_form.html"

    def brand_of(self, row: Any) -> Brand:
        return row.brand

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.decide_view)
        standard = super().get_urls()
        # Before the last of Django's own, which sends every address unknown to it to the change page.
        return [*standard[:-1], path("<int:object_id>/<slug:name>/", view, name=self._url_name("decide")), standard[-1]]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj")
        context["decisions"] = self._offered(request, row) if row else []
        return super().render_change_form(request, context, *args, **kwargs)

    def decide_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """Ask, and do it. Refused: the form again with all that was typed, and why."""
        row = get_object_or_404(self.get_queryset(request), pk=object_id)
        decision = self.decisions.get(name)
        if decision is None:
            raise Http404
        if not self._may_decide(request, row):
            raise PermissionDenied
        change_page = reverse(f"admin:{self._url_name('change')}", args=[row.pk])
        if not decision.is_offered(row):  # somebody else was faster
            return redirect(change_page)
        form = decision.form(row, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                done = decision.do(row, form.cleaned_data, by=request.user, now=timezone.now())
            except ValidationError as refusal:
                add_refusal(form, refusal)
            else:
                if isinstance(done, Secret):
                    return self.show_once(request, done, change_page)
                messages.success(request, str(decision.done))
                return (
                    redirect(f"admin:{self._url_name('changelist')}") if decision.removes_row else redirect(change_page)
                )
        context = {"row": row, "decision": decision, "form": form, "opts": self.opts, "change_page": change_page}
        return render(request, "admin/decisions/decide.html", self.admin_site.each_context(request) | context)

    def show_once(self, request: HttpRequest, secret: Secret, change_page: str) -> HttpResponse:
        """On the answer itself: a secret that waits to be shown would lie about in the session or a cookie."""
        context = {"secret": secret, "opts": self.opts, "change_page": change_page}
        return render(request, "admin/decisions/shown.html", self.admin_site.each_context(request) | context)

    def _offered(self, request: HttpRequest, row: Any) -> list[tuple[str, "StrPromise"]]:
        if not self._may_decide(request, row):
            return []
        name = f"admin:{self._url_name('decide')}"
        return [
            (reverse(name, args=[row.pk, key]), decision.label)
            for key, decision in self.decisions.items()
            if decision.is_offered(row)
        ]

    def _may_decide(self, request: HttpRequest, row: Any) -> bool:
        """A role in another brand gives none in this one."""
        user: Any = request.user
        return self.has_view_permission(request) and user.role_in(self.brand_of(row)) in self.writing_roles

    def _url_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


class UndecidedFilter(admin.SimpleListFilter):
    """What waits for a decision comes first; the rest is a choice."""

    title = _("state")
    parameter_name = "state"
    undecided: str
    choices_of: Sequence[tuple[str, "StrPromise"]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        others = [choice for choice in self.choices_of if choice[0] != self.undecided]
        return [(None, dict(self.choices_of)[self.undecided]), *others, ("all", _("All"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value} if value else {}, [self.parameter_name])
            yield {"selected": self.value() == value, "query_string": query, "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen == "all" else queryset.filter(state=chosen or self.undecided)
