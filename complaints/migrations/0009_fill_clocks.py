"""Cases that are open already: when their first answer was promised for, and since when they wait for the customer."""

from django.db import migrations

PROMISED = """
UPDATE complaints_complaint SET first_due_at = service_due_at
WHERE state IN ('new', 'in_progress', 'waiting') AND answered_at IS NULL AND service_due_at IS NOT NULL
"""
AWAITED = """
INSERT INTO complaints_pause (complaint_id, cause, began_at)
SELECT id, 'customer', updated_at FROM complaints_complaint WHERE state = 'waiting'
"""


class Migration(migrations.Migration):
    dependencies = [("complaints", "0008_due_with_solution")]

    operations = [
        migrations.RunSQL(PROMISED, migrations.RunSQL.noop),
        migrations.RunSQL(AWAITED, migrations.RunSQL.noop),
    ]
