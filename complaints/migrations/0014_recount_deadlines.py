"""What is reckoned anew after a day was taken off or given back, and the event that says so."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_look_up_by_object"),
        ("complaints", "0013_guides"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="complaintevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("opened", "Opened"),
                    ("answer_added", "Answer added"),
                    ("assigned", "Assigned"),
                    ("state_changed", "State changed"),
                    ("kind_changed", "Kind changed"),
                    ("part_changed", "Part changed"),
                    ("cause", "Cause noted"),
                    ("warranty", "Warranty decided"),
                    ("remedy", "Remedy"),
                    ("warned", "Due soon"),
                    ("escalated", "Overdue: passed on"),
                    ("deadlines_moved", "Deadlines moved by a day off"),
                    ("severity", "Severity changed"),
                    ("tags", "Tags changed"),
                    ("linked", "Linked with another case"),
                    ("unlinked", "No longer linked"),
                    ("merged", "Merged"),
                    ("unmerged", "Separated again"),
                    ("customer_wrote", "The customer wrote"),
                    ("replied", "We replied"),
                    ("note", "Internal note"),
                    ("resolved", "Resolved"),
                    ("reopened", "Reopened"),
                ],
                max_length=15,
                verbose_name="what",
            ),
        ),
        migrations.CreateModel(
            name="Recount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateField(verbose_name="deadlines from this day on")),
                ("asked_at", models.DateTimeField(verbose_name="at")),
                ("last_id", models.BigIntegerField(default=0)),
                ("looked_at", models.PositiveIntegerField(default=0, verbose_name="cases looked at")),
                ("moved", models.PositiveIntegerField(default=0, verbose_name="cases with another deadline")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                (
                    "asked_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "brand",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
            ],
            options={
                "verbose_name": "recount of deadlines",
                "verbose_name_plural": "recounts of deadlines",
                "ordering": ["-asked_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("finished_at", None)), fields=("brand",), name="recount_one_at_a_time"
                    )
                ],
            },
        ),
    ]
