"""For what goes every night: closed cases by when they were last touched, and none of the open ones."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("complaints", "0016_no_index_twice")]

    operations = [
        AddIndexConcurrently(
            model_name="complaint",
            index=models.Index(
                condition=models.Q(("state__in", ("new", "in_progress", "waiting")), _negated=True),
                fields=["updated_at"],
                name="complaint_closed_by_age",
            ),
        ),
    ]
