"""What was counted before is in the new counts too: months from the days, cases by being counted again."""

from django.db import migrations

MONTHS = """
INSERT INTO insights_monthlyanswers (brand_id, affiliate_id, month, count)
SELECT brand_id, affiliate_id, date_trunc('month', day)::date, sum(count) FROM insights_rollup
WHERE question = 'answers' AND wave = 'first' AND affiliate_id IS NOT NULL GROUP BY 1, 2, 3
ON CONFLICT DO NOTHING
"""
CASES = "INSERT INTO complaints_complaintchange (complaint_id, created_at) SELECT id, now() FROM complaints_complaint"


class Migration(migrations.Migration):
    dependencies = [
        ("complaints", "0001_initial"),
        ("insights", "0005_count_cases_and_months"),
    ]

    operations = [
        migrations.RunSQL(MONTHS, migrations.RunSQL.noop),
        migrations.RunSQL(CASES, migrations.RunSQL.noop),
    ]
