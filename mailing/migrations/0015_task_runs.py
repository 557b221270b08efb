from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailing", "0014_mails_by_age")]

    operations = [
        migrations.CreateModel(
            name="TaskRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="task")),
                ("runs", models.PositiveBigIntegerField(default=0, verbose_name="runs")),
                ("failures", models.PositiveBigIntegerField(default=0, verbose_name="failures")),
                ("seconds", models.FloatField(default=0, verbose_name="seconds in all")),
                ("began_at", models.DateTimeField(verbose_name="last began at")),
                ("last_seconds", models.FloatField(verbose_name="seconds of the last run")),
                ("host", models.CharField(max_length=255, verbose_name="host")),
                ("result", models.CharField(blank=True, max_length=60, verbose_name="result")),
                ("ended_well_at", models.DateTimeField(blank=True, null=True, verbose_name="last ended well at")),
                ("failed_at", models.DateTimeField(blank=True, null=True, verbose_name="last failed at")),
                ("problem", models.CharField(blank=True, max_length=100, verbose_name="problem")),
            ],
            options={"verbose_name": "task", "verbose_name_plural": "tasks"},
        ),
    ]
