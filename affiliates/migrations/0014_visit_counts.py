import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0013_staff_invitations"),
    ]

    operations = [
        migrations.CreateModel(
            name="VisitCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField(verbose_name="month")),
                ("visits", models.PositiveIntegerField(verbose_name="visits")),
                (
                    "link",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visit_counts",
                        to="affiliates.trackinglink",
                        verbose_name="link",
                    ),
                ),
            ],
            options={
                "verbose_name": "visits of a month",
                "verbose_name_plural": "visits by month",
                "constraints": [models.UniqueConstraint(fields=("link", "month"), name="visitcount_once_a_month")],
            },
        ),
    ]
