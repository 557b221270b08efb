import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_question_after_a_case"),
        ("affiliates", "0011_brand_proved_by_customer"),
        ("insights", "0010_satisfied_by_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="quote",
            name="hidden_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="hidden at"),
        ),
        migrations.CreateModel(
            name="QuoteReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reason",
                    models.CharField(
                        choices=[("reveals", "It reveals somebody"), ("not_mine", "It is not from a customer of mine")],
                        max_length=8,
                        verbose_name="reason",
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[("", "To be decided"), ("hidden", "Taken down"), ("left", "It stays")],
                        default="",
                        max_length=6,
                        verbose_name="decision",
                    ),
                ),
                ("reported_at", models.DateTimeField(verbose_name="reported at")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                (
                    "affiliate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="affiliates.affiliate",
                        verbose_name="affiliate",
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
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "quote",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="report",
                        to="insights.quote",
                        verbose_name="words",
                    ),
                ),
                (
                    "reported_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="reported by",
                    ),
                ),
            ],
            options={
                "verbose_name": "report of a quote",
                "verbose_name_plural": "reports of quotes",
            },
        ),
    ]
