"""Keys of which another index begins with the same column need none of their own. By hand and CONCURRENTLY: as a change of
the field the key would be made anew, and checked, while nobody may write."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("affiliates", "0015_clicks_by_month"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS affiliates_refund_purchase_id_06a9456c",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS affiliates_refund_purchase_id_06a9456c ON affiliates_refund (purchase_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="refund",
                    name="purchase",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="affiliates.purchase",
                        verbose_name="purchase",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS affiliates_suspicion_affiliate_id_19deddb7",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS affiliates_suspicion_affiliate_id_19deddb7 ON affiliates_suspicion (affiliate_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="suspicion",
                    name="affiliate",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="suspicions",
                        to="affiliates.affiliate",
                        verbose_name="affiliate",
                    ),
                ),
            ],
        ),
    ]
