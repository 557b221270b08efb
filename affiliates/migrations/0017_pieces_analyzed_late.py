"""The pieces of clicks that there are, as accounts/partitions.py makes new ones."""

from django.db import migrations

EACH_PIECE = """
DO $$
DECLARE piece regclass;
BEGIN
    FOR piece IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'affiliates_click'::regclass LOOP
        EXECUTE format('ALTER TABLE %s {}', piece);
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0016_no_index_twice"),
    ]

    operations = [
        migrations.RunSQL(
            EACH_PIECE.format("SET (autovacuum_analyze_threshold = 1000)"),
            EACH_PIECE.format("RESET (autovacuum_analyze_threshold)"),
        ),
    ]
