"""The words of the cases that were there before they could be searched."""

from django.db import migrations

FILL = """
INSERT INTO complaints_complaintwords (complaint_id, brand_id, words)
SELECT "case".id, "case".brand_id,
    complaints_words(
        left(concat_ws(' ', "case".subject, customer.name, product.name, said.texts), 200000), "case".language
    )
FROM complaints_complaint AS "case"
LEFT JOIN affiliates_customer AS customer ON customer.id = "case".customer_id
LEFT JOIN affiliates_purchase AS purchase ON purchase.id = "case".purchase_id
LEFT JOIN affiliates_product AS product ON product.id = purchase.product_id
LEFT JOIN LATERAL (
    SELECT string_agg(event.text, ' ') AS texts FROM complaints_complaintevent AS event
    WHERE event.complaint_id = "case".id AND event.text <> ''
) AS said ON true
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("complaints", "0003_search_functions")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
