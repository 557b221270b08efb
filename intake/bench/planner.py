"""Plans purchases when told: a line in, a number out. `python -m intake.bench.planner`."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 - needs Django ready
from django.db import connection  # noqa: E402

from accounts.clock import database_now  # noqa: E402
from affiliates.models import Purchase  # noqa: E402
from intake.bench.measuring import peak_memory  # noqa: E402
from surveys.services import plan_invitations  # noqa: E402

statements = 0


def count_statements(execute: Callable[..., Any], *told: Any) -> Any:
    global statements
    statements += 1
    return execute(*told)


def plan(first: int, last: int) -> int:
    """Those with ids from `first` to `last`, of one brand, in batches as everything plans."""
    now, planned = database_now(), 0
    for begun in range(first, last + 1, settings.PURCHASE_BATCH_SIZE):
        end = min(begun + settings.PURCHASE_BATCH_SIZE - 1, last)
        purchases = list(Purchase.objects.filter(pk__range=(begun, end)).select_related("brand"))
        plan_invitations(purchases[0].brand, purchases, now=now)
        planned += len(purchases)
    return planned


COMMANDS: dict[str, Callable[..., int]] = {
    "plan": plan,
    "statements": lambda: statements,
    "memory": lambda: round(peak_memory()),  # the most it ever had, in MB
}

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    with connection.execute_wrapper(count_statements):
        for line in sys.stdin:
            command, *numbers = line.split()
            print(COMMANDS[command](*map(int, numbers)), flush=True)  # noqa: T201  told to who asked
