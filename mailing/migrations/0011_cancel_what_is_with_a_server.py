from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailing", "0010_fewer_indexes")]

    operations = [
        migrations.AddField(
            model_name="outgoingmail",
            name="cancel_wanted",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=40, verbose_name="to be cancelled for"
            ),
        ),
        migrations.AddIndex(
            model_name="outgoingmail",
            index=models.Index(
                condition=models.Q(models.Q(("cancel_wanted", ""), _negated=True), ("state", "cancelled")),
                fields=["id"],
                name="mail_called_back",
            ),
        ),
        migrations.AlterField(
            model_name="mailevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("delivered", "Delivered"),
                    ("deferred", "Deferred"),
                    ("bounced", "Bounced"),
                    ("complained", "Marked as spam"),
                    ("unsubscribed", "Unsubscribed"),
                    ("rejected", "Rejected"),
                    ("retried", "Retried by staff"),
                    ("arrived", "Found to have arrived"),
                    ("not_arrived", "Found not to have arrived"),
                    ("cancelled", "Cancelled by staff"),
                    ("called_back", "Called back by staff"),
                ],
                max_length=12,
                verbose_name="event",
            ),
        ),
    ]
