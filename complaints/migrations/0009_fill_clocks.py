"""Cases that are open already: when their first answer was promised for, and since when they wait for the customer.

In batches, each a transaction, so that cases can be worked on meanwhile; whatever stops it, it may run again.
"""

from typing import Any

from django.db import migrations

AT_ONCE = 5_000  # ids
PROMISED = """
UPDATE complaints_complaint SET first_due_at = service_due_at
WHERE state IN ('new', 'in_progress', 'waiting') AND answered_at IS NULL AND service_due_at IS NOT NULL
    AND first_due_at IS NULL AND id BETWEEN %s AND %s
"""
AWAITED = """
INSERT INTO complaints_pause (complaint_id, cause, began_at)
SELECT id, 'customer', updated_at FROM complaints_complaint WHERE state = 'waiting' AND id BETWEEN %s AND %s
ON CONFLICT DO NOTHING
"""


def fill(apps: Any, editor: Any) -> None:
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM complaints_complaint")
        first, last = cursor.fetchone()
        for start in range(first, last + 1, AT_ONCE):
            for statement in (PROMISED, AWAITED):
                cursor.execute(statement, [start, start + AT_ONCE - 1])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("complaints", "0008_due_with_solution")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
