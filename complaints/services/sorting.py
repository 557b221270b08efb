"""Small things that staff say of a case so that it can be found and taken in order: how bad it is, and tags."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from complaints.models import Complaint, ComplaintEvent
from complaints.services.handling import editing
from complaints.services.record import record

MOST_TAGS = 10
LONGEST_TAG = 40


def set_severity(complaint: Complaint, *, severity: str, by: User, now: datetime, version: str = "") -> None:
    """Say how bad it is; of two cases that are due at the same moment the worse comes first."""
    if severity not in Complaint.Severity.values:
        raise ValidationError(_("There is no such severity."))
    with editing(complaint, by=by, version=version) as current:
        if current.severity == severity:
            return
        before, current.severity = current.severity, severity
        record(current, ComplaintEvent.Kind.SEVERITY, by=by, now=now, before=before, after=severity)
        current.save(update_fields=["severity", "updated_at"])


def set_tags(complaint: Complaint, *, tags: Iterable[str], by: User, now: datetime, version: str = "") -> None:
    """These tags and no others."""
    wanted = clean_tags(tags)
    with editing(complaint, by=by, version=version) as current:
        _retag(current, wanted, by=by, now=now)


def add_tags(complaint: Complaint, *, tags: Iterable[str], by: User, now: datetime) -> None:
    """These tags as well. They overwrite nothing, so no version is asked for."""
    wanted = clean_tags(tags)
    with editing(complaint, by=by) as current:
        _retag(current, wanted.union(current.tags), by=by, now=now)


def clean_tags(tags: Iterable[str]) -> set[str]:
    """Lower case, one space between words. ValidationError: one is too long."""
    cleaned = {re.sub(r"[\s\0]+", " ", tag).strip().lower() for tag in tags} - {""}
    if too_long := next((tag for tag in cleaned if len(tag) > LONGEST_TAG), None):
        message = _("The tag “%(tag)s” is too long: %(count)d characters at most.")
        raise ValidationError(message, params={"tag": too_long, "count": LONGEST_TAG})
    return cleaned


def _retag(complaint: Complaint, tags: set[str], *, by: User, now: datetime) -> None:
    before = set(complaint.tags)
    if tags == before:
        return
    if len(tags) > MOST_TAGS:
        raise ValidationError(_("A case has %(count)d tags at most."), params={"count": MOST_TAGS})
    complaint.tags = sorted(tags)
    added, removed = sorted(tags - before), sorted(before - tags)
    record(complaint, ComplaintEvent.Kind.TAGS, by=by, now=now, added=added, removed=removed)
    complaint.save(update_fields=["tags", "updated_at"])
