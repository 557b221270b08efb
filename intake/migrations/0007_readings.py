from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0006_retention_runs")]

    operations = [
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(unique=True, verbose_name="minute")),
                ("until", models.DateTimeField(verbose_name="counted until")),
                ("waits", models.JSONField(default=dict, verbose_name="waiting")),
                ("totals", models.JSONField(default=dict, verbose_name="totals")),
                ("seen", models.JSONField(default=dict, editable=False)),
            ],
            options={"verbose_name": "reading", "verbose_name_plural": "readings"},
        ),
    ]
