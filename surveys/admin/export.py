"""Staff take answers out as one file. Who did is recorded."""

from django.http import StreamingHttpResponse

from accounts.models import AccessLog, User
from accounts.services import record_access
from surveys.choosing import Wanted
from surveys.services.exporting import csv_of_responses


def send_export(wanted: Wanted, *, to: User) -> StreamingHttpResponse:
    record_access(to, wanted.brand, purpose=AccessLog.Purpose.EXPORT, object_type="response")
    headers = {"Content-Disposition": f'attachment; filename="{wanted.brand.slug}-answers.csv"'}
    return StreamingHttpResponse(csv_of_responses(wanted), content_type="text/csv; charset=utf-8", headers=headers)
