"""How a brand's cases go, for its staff: a page, and each case in a row for a spreadsheet."""

import csv
from collections.abc import Iterator
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from accounts.clock import database_now
from accounts.models import AccessLog, Brand, User
from accounts.services import record_access
from accounts.spreadsheets import as_text
from complaints.selectors.reporting import Window, report_cases, rows_of_cases
from dashboards.forms import SpanForm
from dashboards.pages import write_cases
from dashboards.pages.cases import cells_of_case, headings_of_cases
from dashboards.views.opening import brand_page, show_of_brand
from insights.endings import endings_of


class Line:
    """What csv.writer writes to when a line at a time is wanted."""

    def write(self, text: str) -> str:
        return text


@require_GET
@brand_page
def cases_of_brand(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Times, promises, ages, causes, remedies, of the cases opened lately."""
    now, form = database_now(), read_span(request)
    window = window_of(form, brand)
    endings = endings_of(brand, since=window.since, until=window.until)
    page = write_cases(report_cases(window, now=now), endings)
    return show_of_brand(request, brand, "cases_of_brand", form=form, page=page)


@require_GET
@brand_page  # type: ignore[arg-type]  # it knows no streams
def cases_of_brand_export(request: HttpRequest, brand: Brand) -> StreamingHttpResponse:
    """A row a case, streamed: without its customer and without their words."""
    assert isinstance(request.user, User)
    if not request.user.may_take_files_of(brand):
        raise PermissionDenied
    form = read_span(request)
    record_access(request.user, brand, purpose=AccessLog.Purpose.EXPORT, object_type="complaint")
    headers = {"Content-Disposition": f'attachment; filename="{brand.slug}-cases.csv"'}
    lines = lines_of(window_of(form, brand))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def lines_of(window: Window) -> Iterator[str]:
    writer = csv.writer(Line())
    yield "\ufeff" + writer.writerow(headings_of_cases())  # Excel takes it for something else without
    for row in rows_of_cases(window):
        yield writer.writerow([as_text(cell) for cell in cells_of_case(row)])


def window_of(form: SpanForm, brand: Brand) -> Window:
    now = database_now()
    return Window(brand, now - timedelta(days=form.cleaned_data["days"]), now)


def read_span(request: HttpRequest) -> SpanForm:
    form = SpanForm(request.GET)
    if not form.is_valid():
        raise Http404
    return form
