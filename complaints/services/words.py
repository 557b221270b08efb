"""The words by which a case is found: of its subject, its thread, its product and its customer's name."""

from collections.abc import Sequence

from django.db import connection

LONGEST = 200_000  # characters of one case: what PostgreSQL can index has an end

INDEX = """
INSERT INTO complaints_complaintwords (complaint_id, brand_id, words)
SELECT "case".id, "case".brand_id,
    complaints_words(
        left(concat_ws(' ', "case".subject, customer.name, product.name, said.texts), %(longest)s), "case".language
    )
FROM complaints_complaint AS "case"
LEFT JOIN affiliates_customer AS customer ON customer.id = "case".customer_id
LEFT JOIN affiliates_purchase AS purchase ON purchase.id = "case".purchase_id
LEFT JOIN affiliates_product AS product ON product.id = purchase.product_id
LEFT JOIN LATERAL (
    SELECT string_agg(event.text, ' ') AS texts FROM complaints_complaintevent AS event
    WHERE event.complaint_id = "case".id AND event.text <> ''
) AS said ON true
WHERE "case".id = ANY(%(ids)s)
ON CONFLICT (complaint_id) DO UPDATE SET words = EXCLUDED.words
"""


def index_words(complaint_ids: Sequence[int]) -> None:
    """Read these cases anew; in the transaction that changed what they say."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX, {"ids": list(complaint_ids), "longest": LONGEST})
