"""As mails (mailing 0017): an invitation is planned, handed over and reminded, each a version in all indexes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("surveys", "0014_long_answered")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE surveys_invitation SET (
                autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 20000,
                autovacuum_analyze_scale_factor = 0.02
            )
            """,
            """
            ALTER TABLE surveys_invitation RESET (
                autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor
            )
            """,
        )
    ]
