"""What stands is checked too, while people write."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0021_aims_of_actions"),
    ]

    operations = [
        ValidateConstraint(model_name="action", name="action_aim_can_be_reached"),
    ]
