"""A mail is written three times, each in all indexes. By default its dead versions would wait until they are a fifth of
all mails there ever were: here they are cleared by the day, and what the planner knows is as old."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mailing", "0016_no_index_twice")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE mailing_outgoingmail SET (
                autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 20000,
                autovacuum_analyze_scale_factor = 0.02
            )
            """,
            """
            ALTER TABLE mailing_outgoingmail RESET (
                autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor
            )
            """,
        )
    ]
