"""Indexes of what is due, now that a promised solution counts too. Concurrently: cases come in meanwhile."""

import datetime

import django.db.models.functions.comparison
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("complaints", "0007_clocks")]

    operations = [
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
                condition=models.Q(("state__in", ("new", "in_progress", "waiting"))),
                name="complaint_open_due",
            ),
        ),
        AddIndexConcurrently(
            model_name="complaint",
            index=models.Index(
                models.F("brand"),
                models.F("assignee"),
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
                condition=models.Q(("state__in", ("new", "in_progress", "waiting"))),
                name="complaint_owned_due",
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
                condition=models.Q(("state__in", ("new", "in_progress", "waiting")), ("assignee", None)),
                name="complaint_unassigned_due",
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
                condition=models.Q(("state", "waiting")),
                name="complaint_waiting_due",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="complaint",
            name="complaint_open",
        ),
        RemoveIndexConcurrently(
            model_name="complaint",
            name="complaint_unassigned",
        ),
        RemoveIndexConcurrently(
            model_name="complaint",
            name="complaint_waiting",
        ),
        RemoveIndexConcurrently(
            model_name="complaint",
            name="complaint_owned",
        ),
    ]
