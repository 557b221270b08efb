"""What staff do with mail that no rule could place: into a case, into a new one, or away. Each is decided once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from complaints.inbound.parsing import Letter, Unreadable, read_letter
from complaints.models import Complaint, IncomingMail, IncomingMailContent
from complaints.services.by_hand import open_by_hand
from complaints.services.handling import WRITING_ROLES
from complaints.services.receiving import file_in, problem_in

State, Evidence = IncomingMail.State, IncomingMail.Evidence


def accept_mail(mail: IncomingMail, complaint: Complaint, *, by: User, now: datetime) -> Complaint:
    """Put it into this case, as said by its customer; the case that it went into. ValidationError: of another brand."""
    with deciding(mail, by=by) as current:
        if complaint.brand_id != current.brand_id:
            raise ValidationError(_("There is no case of this number."), code="unknown_case")
        told = file_in(complaint, current, letter_of(current), now=now)
        decide(current, State.FILED, complaint=told, by=by, now=now)
        return told


def open_from_mail(mail: IncomingMail, *, order: str = "", by: User, now: datetime) -> tuple[Complaint, bool]:
    """Open a case for its sender, about this order if one is given; the case, and whether it is new.

    ValidationError: the order is not theirs, or there is no such order.
    """
    with deciding(mail, by=by) as current:
        assert current.brand is not None  # see `deciding`
        problem = problem_in(current, letter_of(current))
        told, is_new = open_by_hand(current.brand, problem, order=order, email=current.sender, by=by, now=now)
        decide(current, State.FILED, complaint=told, by=by, now=now)
        return told, is_new


def discard_mail(mail: IncomingMail, *, by: User, now: datetime) -> None:
    with deciding(mail, by=by) as current:
        decide(current, State.DISCARDED, complaint=None, by=by, now=now)


@contextmanager
def deciding(mail: IncomingMail, *, by: User) -> Iterator[IncomingMail]:
    """The mail, locked. PermissionDenied: they do not work for its brand. ValidationError: it is decided already."""
    if mail.brand is None or by.role_in(mail.brand) not in WRITING_ROLES:
        raise PermissionDenied(_("Your role may read cases, not change them."))
    with transaction.atomic():
        current = IncomingMail.objects.select_for_update(of=("self",)).select_related("brand").get(pk=mail.pk)
        if current.is_decided:
            raise ValidationError(_("Somebody has decided about this mail already."), code="decided")
        yield current
    mail.refresh_from_db()


def decide(mail: IncomingMail, state: str, *, complaint: Complaint | None, by: User, now: datetime) -> None:
    mail.state, mail.complaint, mail.handled_by, mail.handled_at = state, complaint, by, now
    mail.evidence = Evidence.STAFF if complaint else mail.evidence
    mail.save(update_fields=["state", "complaint", "handled_by", "handled_at", "evidence"])


def letter_of(mail: IncomingMail) -> Letter:
    """ValidationError: it cannot be read, or is no longer kept."""
    content = IncomingMailContent.objects.filter(mail=mail).first()
    try:
        if content is None:
            raise Unreadable("gone")
        return read_letter(bytes(content.data))
    except Unreadable as error:
        message = _("This mail cannot be read, so nothing can be taken from it.")
        raise ValidationError(message, code="unreadable") from error
