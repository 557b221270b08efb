"""Keys of which another index begins with the same column need none of their own. By hand and CONCURRENTLY: as a change of
the field the key would be made anew, and checked, while nobody may write."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0012_no_index_twice"),
        ("intake", "0007_blocked_records"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS intake_idempotencykey_brand_id_13b25f80",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS intake_idempotencykey_brand_id_13b25f80 ON intake_idempotencykey (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="idempotencykey",
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
                    "DROP INDEX CONCURRENTLY IF EXISTS intake_inboundevent_brand_id_7e1557f8",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS intake_inboundevent_brand_id_7e1557f8 ON intake_inboundevent (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="inboundevent",
                    name="brand",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
        ),
    ]
