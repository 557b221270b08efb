"""What is nobody's any more is walked no more by retention, and not counted a second time from an old file."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# Told until now by the occasion alone, which erasing made up.
MARK = """
UPDATE surveys_response SET is_unlinked = true FROM surveys_invitation AS invitation
WHERE invitation.id = invitation_id AND invitation.occasion LIKE 'erased:%'
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("surveys", "0013_answers_to_search")]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="was_answered",
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name="was answered"),
        ),
        migrations.AddField(
            model_name="response",
            name="is_unlinked",
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name="is nobody's"),
        ),
        migrations.RunSQL(MARK, migrations.RunSQL.noop),
        AddIndexConcurrently(
            "response",
            models.Index(condition=models.Q(("is_unlinked", False)), fields=["answered_at"], name="response_linked"),
        ),
    ]
