"""By words, and suspects alone: of many millions of answers the few that staff ask for."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import surveys.models.responses


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("surveys", "0012_consents")]

    operations = [
        AddIndexConcurrently(
            "answer",
            django.contrib.postgres.indexes.GinIndex(
                surveys.models.responses.Stems("text"),
                condition=models.Q(("text", ""), _negated=True),
                name="answer_stems",
            ),
        ),
        AddIndexConcurrently(
            "response",
            models.Index(
                condition=models.Q(("is_suspect", True)),
                fields=["brand", "-answered_at", "-id"],
                name="response_suspects",
            ),
        ),
    ]
