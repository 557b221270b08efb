"""The same done to many cases: each in a transaction of its own, so that one that is refused stops no other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.core.exceptions import PermissionDenied, ValidationError

from complaints.models import Complaint

MOST = 200  # cases at a time


@dataclass
class BulkResult:
    """How many were done, and which were not: their numbers by the reason."""

    done: int = 0
    refused: dict[str, list[str]] = field(default_factory=dict)


def do_to_each(cases: Iterable[Complaint], do: Callable[[Complaint], object]) -> BulkResult:
    result = BulkResult()
    for case in cases:
        try:
            do(case)
            result.done += 1
        except ValidationError as refusal:
            result.refused.setdefault(" ".join(refusal.messages), []).append(case.number)
        except PermissionDenied as refusal:
            result.refused.setdefault(str(refusal), []).append(case.number)
    return result
