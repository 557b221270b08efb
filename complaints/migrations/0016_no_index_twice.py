"""Keys of which another index begins with the same column need none of their own. By hand and CONCURRENTLY: as a change of
the field the key would be made anew, and checked, while nobody may write."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0012_no_index_twice"),
        ("complaints", "0015_indexes_of_what_is_filtered"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS complaints_complaint_assignee_id_8087f657",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS complaints_complaint_assignee_id_8087f657 ON complaints_complaint (assignee_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="complaint",
                    name="assignee",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="assigned_complaints",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="assignee",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS complaints_complaint_brand_id_e3ce07bf",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS complaints_complaint_brand_id_e3ce07bf ON complaints_complaint (brand_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="complaint",
                    name="brand",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="complaints",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS complaints_complaintlink_complaint_id_4e76bca2",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS complaints_complaintlink_complaint_id_4e76bca2 ON complaints_complaintlink (complaint_id)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="complaintlink",
                    name="complaint",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="complaints.complaint",
                        verbose_name="case",
                    ),
                ),
            ],
        ),
    ]
