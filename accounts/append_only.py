"""Tables to which rows are only added: the database refuses to change or delete them (migrations `audit`
here and `append_only` in intake).

Two doors lead round it, each for a transaction: what is too old goes by `RETENTION`; of a customer who is erased, or a
test that is undone, what holds their words goes by `ERASURE`. Which tables have which door, their migrations say.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

RETENTION = "retention"
ERASURE = "erasure"


@contextmanager
def open_door(name: str) -> Iterator[None]:
    with transaction.atomic():
        _say(name)
        yield
        _say("")


def _say(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('postventa.door', %s, true)", [name])
