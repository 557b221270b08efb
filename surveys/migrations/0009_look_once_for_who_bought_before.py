"""Follow-ups published before there was a mark are looked through once more; where all is done nothing changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("surveys", "0008_who_bought_before")]

    operations = [
        migrations.RunSQL(
            "UPDATE surveys_survey SET catching_up_after = 0 WHERE wave = 'follow_up' AND status = 'published'",
            migrations.RunSQL.noop,
        )
    ]
