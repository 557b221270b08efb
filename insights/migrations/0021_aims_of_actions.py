"""Where a change should get its figure; held to what can be reached from the first row on."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("insights", "0020_what_everybody_said_lately"),
    ]

    operations = [
        migrations.AddField(
            model_name="action",
            name="aim",
            field=models.DecimalField(blank=True, decimal_places=1, max_digits=4, null=True, verbose_name="aim"),
        ),
        AddConstraintNotValid(
            model_name="action",
            constraint=models.CheckConstraint(
                condition=Q(aim__isnull=True)
                | Q(aim__gte=0, aim__lte=100)
                | Q(subject="figure", key="nps", aim__gte=-100, aim__lte=100),
                name="action_aim_can_be_reached",
            ),
        ),
    ]
