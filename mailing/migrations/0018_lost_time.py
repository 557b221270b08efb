from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailing", "0017_vacuum_sooner")]

    operations = [
        migrations.AddField(
            model_name="alarm",
            name="lost_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="restored as of"),
        ),
    ]
