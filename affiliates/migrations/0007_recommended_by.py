from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("affiliates", "0006_coupon_actors"),
    ]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="recommended_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                max_length=200,
                verbose_name="recommended by, in the customer’s words",
            ),
        ),
    ]
