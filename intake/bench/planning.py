"""Deciding on a shop's whole history: what that costs, and that it costs the same for the last as for the first."""

import sys
from collections.abc import Iterator
from typing import Any

from django.db import connection

from accounts.clock import database_now
from accounts.models import Brand
from affiliates.models import Purchase
from intake.bench.mails import Program, running
from intake.bench.measuring import Reading, cpu_of_others
from intake.bench.world import make_brand

THOUSAND = 1_000
# Everybody buys three times: each decision looks at the others of its customer.
CUSTOMERS = """
INSERT INTO affiliates_customer
    (brand_id, uuid, email, email_hash, name, language, timezone, created_at, updated_at)
SELECT %(brand)s, gen_random_uuid(), 'cliente' || n || '@cliente' || n %% 1000 || '.example', sha256(n::text::bytea),
    '', 'es', '', %(now)s, %(now)s
FROM generate_series(1, %(count)s) AS n
"""
PURCHASES = """
INSERT INTO affiliates_purchase
    (brand_id, external_id, customer_id, purchased_at, amount, currency, state, click_ids, coupon_code,
     declared_affiliate, referral_code, metadata, source, created_at, updated_at)
SELECT %(brand)s, 'bench-' || customer.id || '-' || n, customer.id, %(now)s - n * interval '3 days', 49.90, 'EUR',
    'open', '{}', '', '', '', '{}', 'bench', %(now)s, %(now)s
FROM affiliates_customer AS customer, generate_series(1, 3) AS n
WHERE customer.brand_id = %(brand)s
ORDER BY n, customer.id
"""
DELIVERED = "UPDATE affiliates_purchase SET delivered_at = purchased_at + interval '1 day' WHERE brand_id = %(brand)s"


def planning(size: int) -> Iterator[Reading]:
    """Ten times `size` purchases: once where nothing is delivered yet, then all over again where all of it is."""
    brand = make_brand()
    Brand.objects.filter(pk=brand.pk).update(fatigue_days=30)
    told = {"brand": brand.pk, "now": database_now(), "count": 10 * size // 3}
    tell_database(CUSTOMERS, told)
    tell_database(PURCHASES, told)
    ids = Purchase.objects.filter(brand=brand).order_by("pk").values_list("pk", flat=True)
    first, count = ids[0], len(ids)
    begun_with = first + count // 10 - 1
    environment = {"DJANGO_SETTINGS_MODULE": "postventa.settings"}
    with running(sys.executable, "-m", "intake.bench.planner", environment=environment) as planner:
        planner.ask("statements")  # it has started
        for what in ("not delivered yet", "delivered since"):
            early = cost_of(planner, first, begun_with)
            few = planner.ask("memory")
            late = cost_of(planner, begun_with + 1, first + count - 1)
            name = f"planning {count:,} purchases, {what}"
            yield Reading(f"{name}: the last nine tenths, against the first", late / early, "×", 1.3, 1.1)
            yield Reading(f"{name}: processor time for 1,000", late, "ms", 1_000, 500)
            yield Reading(f"{name}: memory, against a tenth", planner.ask("memory") / few, "×", 1.3, 1.1)
            tell_database(DELIVERED, told)
        statements = planner.ask("statements") / (2 * count / THOUSAND)
    yield Reading("planning 1,000 purchases, either time", statements, "statements", 20, 15)


def tell_database(statement: str, told: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, told)
        cursor.execute("VACUUM ANALYZE")


def cost_of(planner: Program, first: int, last: int) -> float:
    """Milliseconds of processor for a thousand purchases, the database's among them."""
    before = cpu_of_others()
    planned = planner.ask(f"plan {first} {last}")
    return (cpu_of_others() - before) * 1000 / planned * THOUSAND
