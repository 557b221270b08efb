"""Mails that retention has emptied are walked no more; and no mailbox stands in what servers said of a domain."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

UNNAME = "UPDATE mailing_maildomain SET said = '' WHERE position('@' IN said) > 0"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("mailing", "0013_mail_is_held")]

    operations = [
        AddIndexConcurrently(
            "outgoingmail",
            models.Index(
                condition=models.Q(
                    models.Q(("to_address", ""), _negated=True),
                    ("state__in", ["sent", "failed", "cancelled", "expired", "uncertain"]),
                ),
                fields=["created_at"],
                name="mail_by_age",
            ),
        ),
        migrations.AlterField(
            model_name="suppression",
            name="reason",
            field=models.CharField(
                choices=[
                    ("opted_out", "Asked not to be written to"),
                    ("bounced", "The address does not exist"),
                    ("complained", "Marked our mail as spam"),
                    ("manual", "Set by staff"),
                    ("erased", "Was erased"),
                ],
                max_length=12,
                verbose_name="reason",
            ),
        ),
        migrations.RunSQL(UNNAME, migrations.RunSQL.noop),
    ]
