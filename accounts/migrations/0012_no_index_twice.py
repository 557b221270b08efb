"""Keys of which another index begins with the same column need none of their own. By hand and CONCURRENTLY: as a change of
the field the key would be made anew, and checked, while nobody may write."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0011_look_up_by_object"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS accounts_accesslog_brand_id_5aa210e7",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS accounts_accesslog_brand_id_5aa210e7 ON accounts_accesslog (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="accesslog",
                    name="brand",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
        ),
    ]
