"""What lay behind cases and how long they took is counted too; what is solved already is counted anew by that."""

from django.db import migrations, models

SOLVED = """
INSERT INTO complaints_complaintchange (complaint_id, created_at)
SELECT id, now() FROM complaints_complaint WHERE state = 'resolved'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("complaints", "0011_causes"),
        ("insights", "0016_sales_by_month"),
    ]

    operations = [
        # First: from the next statement on nobody may read the counts, until the end.
        migrations.RunSQL(SOLVED, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="casecount",
            name="casecount_once",
        ),
        migrations.AddField(
            model_name="casecount",
            name="cause",
            field=models.CharField(
                blank=True,
                choices=[
                    ("wrong_promise", "Something untrue was said"),
                    ("not_said", "Something was not said"),
                    ("wrong_price", "Another price or condition than was said"),
                    ("faulty", "It is faulty or broke"),
                    ("not_as_described", "It is not as described"),
                    ("incomplete", "Parts are missing"),
                    ("hard_to_use", "How to use it was not clear"),
                    ("late", "It came late"),
                    ("lost", "It was lost"),
                    ("damaged", "It was damaged on its way"),
                    ("wrong_item", "Something else was sent"),
                    ("no_answer", "Nobody answered"),
                    ("bad_service", "The service was bad or gave wrong advice"),
                    ("wrong_charge", "It was charged wrongly"),
                    ("slow_refund", "Money was given back late"),
                    ("nothing", "Nothing went wrong"),
                ],
                db_default="",
                default="",
                max_length=20,
                verbose_name="cause",
            ),
        ),
        migrations.AddField(
            model_name="casecount",
            name="took",
            field=models.CharField(
                blank=True,
                choices=[
                    ("1", "within a day"),
                    ("3", "within 3 days"),
                    ("7", "within a week"),
                    ("15", "within 15 days"),
                    ("more", "longer"),
                ],
                db_default="",
                default="",
                max_length=4,
                verbose_name="solved",
            ),
        ),
        migrations.AddField(
            model_name="countedcase",
            name="cause",
            field=models.CharField(
                blank=True,
                choices=[
                    ("wrong_promise", "Something untrue was said"),
                    ("not_said", "Something was not said"),
                    ("wrong_price", "Another price or condition than was said"),
                    ("faulty", "It is faulty or broke"),
                    ("not_as_described", "It is not as described"),
                    ("incomplete", "Parts are missing"),
                    ("hard_to_use", "How to use it was not clear"),
                    ("late", "It came late"),
                    ("lost", "It was lost"),
                    ("damaged", "It was damaged on its way"),
                    ("wrong_item", "Something else was sent"),
                    ("no_answer", "Nobody answered"),
                    ("bad_service", "The service was bad or gave wrong advice"),
                    ("wrong_charge", "It was charged wrongly"),
                    ("slow_refund", "Money was given back late"),
                    ("nothing", "Nothing went wrong"),
                ],
                db_default="",
                default="",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="countedcase",
            name="took",
            field=models.CharField(
                blank=True,
                choices=[
                    ("1", "within a day"),
                    ("3", "within 3 days"),
                    ("7", "within a week"),
                    ("15", "within 15 days"),
                    ("more", "longer"),
                ],
                db_default="",
                default="",
                max_length=4,
            ),
        ),
        migrations.AddConstraint(
            model_name="casecount",
            constraint=models.UniqueConstraint(
                fields=("brand", "affiliate", "day", "kind", "part", "cause", "took"),
                name="casecount_once",
                nulls_distinct=False,
            ),
        ),
    ]
