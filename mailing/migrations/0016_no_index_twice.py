"""Keys of which another index begins with the same column need none of their own. By hand and CONCURRENTLY: as a change of
the field the key would be made anew, and checked, while nobody may write."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0012_no_index_twice"),
        ("mailing", "0015_task_runs"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS mailing_suppression_brand_id_c2a8253c",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS mailing_suppression_brand_id_c2a8253c ON mailing_suppression (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="suppression",
                    name="brand",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suppressions",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
        ),
    ]
