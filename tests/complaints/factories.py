"""Answers and cases, made by the services that make them."""

from datetime import datetime
from typing import Any

from affiliates.models import Purchase
from complaints.models import Complaint
from complaints.services import Problem, open_complaint
from surveys.models import Invitation, Response
from surveys.services.answering import submit_response
from tests.factories import NOW
from tests.surveys.factories import said


def answered(
    invitation: Invitation, *, at: datetime = NOW, suspicions: tuple[str, ...] = (), **answers: Any
) -> Response:
    return submit_response(invitation, said(**answers), language="es", suspicions=suspicions, now=at)


def make_problem(**fields: Any) -> Problem:
    return Problem(**{"kind": Complaint.Kind.COMPLAINT, "subject": "Llegó roto", "text": "Llegó roto.", **fields})


def make_complaint(purchase: Purchase, *, now: datetime = NOW, **fields: Any) -> Complaint:
    complaint, _is_new = open_complaint(purchase.brand, make_problem(**fields), purchase=purchase, now=now)
    return complaint
