"""Keys of which another index begins with the same column need none of their own. By hand and CONCURRENTLY: as a change of
the field the key would be made anew, and checked, while nobody may write."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0012_no_index_twice"),
        ("insights", "0017_causes_and_times_of_cases"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS insights_block_brand_id_b156c72f",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS insights_block_brand_id_b156c72f ON insights_block (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="block",
                    name="brand",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS insights_countedresponse_brand_id_ec2893dc",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS insights_countedresponse_brand_id_ec2893dc ON insights_countedresponse (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="countedresponse",
                    name="brand",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.brand",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS insights_finding_brand_id_656e0851",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS insights_finding_brand_id_656e0851 ON insights_finding (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="finding",
                    name="brand",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="findings",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
        ),
    ]
