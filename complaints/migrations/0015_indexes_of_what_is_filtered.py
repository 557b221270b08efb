"""Indexes for what the inbox is filtered by, rare or not. Concurrently: cases come in meanwhile."""

import datetime

import django.db.models.functions.comparison
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("complaints", "0014_recount_deadlines")]

    operations = [
        AddIndexConcurrently(
            model_name="complaint",
            index=models.Index(fields=["brand", "severity", "-opened_at", "-id"], name="complaint_newest_as_bad"),
        ),
        AddIndexConcurrently(
            model_name="complaint",
            index=models.Index(
                condition=models.Q(("part", ""), _negated=True),
                fields=["brand", "part", "-opened_at", "-id"],
                name="complaint_newest_of_part",
            ),
        ),
        AddIndexConcurrently(
            model_name="complaint",
            index=models.Index(
                condition=models.Q(("cause", ""), _negated=True),
                fields=["brand", "cause", "-opened_at", "-id"],
                name="complaint_newest_of_cause",
            ),
        ),
        AddIndexConcurrently(
            model_name="complaint",
            index=models.Index(
                models.F("brand"),
                django.db.models.functions.comparison.Coalesce(
                    django.db.models.functions.comparison.Least(
                        models.Case(
                            models.When(then=models.F("service_due_at"), waits_since__isnull=False), default=None
                        ),
                        "solution_due_at",
                        "legal_due_at",
                    ),
                    models.Value(datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.UTC), models.DateTimeField()),
                ),
                models.Case(
                    models.When(severity="high", then=models.Value(0)),
                    models.When(severity="medium", then=models.Value(1)),
                    default=models.Value(2),
                    output_field=models.SmallIntegerField(),
                ),
                models.F("id"),
                models.F("kind"),
                models.F("severity"),
                models.F("part"),
                models.F("cause"),
                condition=models.Q(("state__in", ("new", "in_progress", "waiting"))),
                name="complaint_open_urgent",
            ),
        ),
        AddIndexConcurrently(
            model_name="incomingmail",
            index=models.Index(fields=["state", "-received_at", "-id"], name="incoming_of_all_brands"),
        ),
        AddIndexConcurrently(
            model_name="complaintevent",
            index=models.Index(
                condition=models.Q(("kind", "reopened")), fields=["complaint"], name="case_event_reopened"
            ),
        ),
        RemoveIndexConcurrently(
            model_name="complaint",
            name="complaint_open_due",
        ),
    ]
