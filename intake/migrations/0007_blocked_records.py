import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_look_up_by_object"),
        ("intake", "0007_readings"),
    ]

    operations = [
        migrations.CreateModel(
            name="BlockedRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.BinaryField()),
                ("since", models.DateTimeField(verbose_name="last case closed at")),
                (
                    "brand",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.brand",
                        verbose_name="brand",
                    ),
                ),
                (
                    "erasure",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="blocked",
                        to="intake.erasure",
                        verbose_name="erasure",
                    ),
                ),
            ],
            options={
                "verbose_name": "blocked record",
                "verbose_name_plural": "blocked records",
                "indexes": [models.Index(fields=["since"], name="blockedrecord_by_age")],
            },
        ),
    ]
