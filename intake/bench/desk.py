"""The desk at a million cases: how long staff wait for a page, and whether they wait longer than with ten thousand."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import Brand, Membership
from accounts.paging import write_cursor
from accounts.services import add_staff
from affiliates.models import Customer
from complaints.models import Complaint
from complaints.selectors.inbox import NEWEST_FIRST
from intake.bench.cases import cases
from intake.bench.measuring import Contest, Reading, Skipped, quantile
from intake.bench.world import make_brand
from mailing.addresses import hash_address

PAGES = 60  # of each kind
QUEUES = ("open", "mine", "unassigned", "today", "late", "waiting")
FEW, MOST = 10_000, 1_000_000  # cases, of the smaller desk and of the largest
KNOWN = 200  # customers with an address that can be searched
VOCABULARY = """
cafetera sartén molinillo hervidor cuchillo roto rota tarde retraso entrega paquete transportista factura
cobro devolución garantía reclamación pieza tapa mango color talla defecto mancha ruido gotea cable enchufe
manual pedido cambio reembolso correo llamada respuesta semana prometido anuncio descripción foto calidad
precio envío
"""
WORDS = VOCABULARY.split()
# One case in 25 is open, as after some years; three in ten customers have more than one; half belong to an order.
CUSTOMERS = """
INSERT INTO affiliates_customer (brand_id, uuid, name, language, timezone, created_at, updated_at)
SELECT %(brand)s, gen_random_uuid(),
    (ARRAY['Carla','Marta','Luis','Iker','Noa','Hugo','Vega','Leo'])[1 + n %% 8] || ' '
        || (ARRAY['Ruiz','Gil','Sanz','Vidal','Mora','Rey'])[1 + n / 8 %% 6] || ' ' || n,
    'es', '', %(now)s, %(now)s
FROM generate_series(%(first)s, %(last)s) AS n
"""
PURCHASES = """
INSERT INTO affiliates_purchase (brand_id, external_id, customer_id, purchased_at, delivered_at, currency, state,
    click_ids, coupon_code, declared_affiliate, referral_code, metadata, source, created_at, updated_at, amount)
SELECT %(brand)s, 'desk-' || n, customer.id, %(now)s - n * interval '1 minute', %(now)s, 'EUR', 'open',
    '{}', '', '', '', '{}', 'api', %(now)s, %(now)s, 49.90
FROM generate_series(%(first)s, %(last)s) AS n
JOIN (
    SELECT id, row_number() OVER (ORDER BY id) AS place FROM affiliates_customer WHERE brand_id = %(brand)s
) AS customer
    ON customer.place = 1 + n %% %(customers)s
WHERE n %% 2 = 0
"""
CASES = """
WITH person AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place FROM affiliates_customer WHERE brand_id = %(brand)s
)
INSERT INTO complaints_complaint (brand_id, uuid, key_version, token_hash, number, kind, state, severity, subject, text,
    language, part, wants_contact, opened_at, legal_due_at, service_due_at, waits_since, resolved_at, resolution,
    created_at, updated_at, customer_id, purchase_id, assignee_id)
SELECT %(brand)s, gen_random_uuid(), 1, sha256(n::text::bytea), '2026-' || lpad(n::text, 8, '0'),
    (ARRAY['follow_up','inquiry','complaint','claim','warranty','return'])[1 + n %% 6],
    CASE WHEN n %% 25 > 0 THEN 'resolved' WHEN n %% 75 = 0 THEN 'waiting' WHEN n %% 50 = 0 THEN 'new'
        ELSE 'in_progress' END,
    (ARRAY['low','medium','high'])[1 + n %% 3],
    words[1 + n * 7 %% 43] || ' ' || words[1 + n * 11 %% 43] || ' ' || n, '', 'es',
    (ARRAY['', 'sale','product','delivery','service'])[1 + n %% 5], true,
    %(now)s - (%(total)s - n) * interval '1 minute',
    CASE WHEN n %% 6 IN (2, 3) THEN %(now)s + (n %% 700 - 100) * interval '1 hour' END,
    %(now)s + (n %% 500 - 200) * interval '1 hour',
    CASE WHEN n %% 25 = 0 AND n %% 75 > 0 THEN %(now)s - interval '1 hour' END,
    CASE WHEN n %% 25 > 0 THEN %(now)s END, '', %(now)s, %(now)s, person.id, purchase.id,
    CASE WHEN n %% 50 > 0 AND n %% 7 = 0 THEN %(staff)s::bigint END
FROM generate_series(%(first)s, %(last)s) AS n
CROSS JOIN (SELECT %(words)s::text[] AS words) AS vocabulary
JOIN person ON person.place = 1 + n %% %(customers)s
LEFT JOIN affiliates_purchase AS purchase
    ON purchase.brand_id = %(brand)s AND purchase.external_id = 'desk-' || n
"""
EVENTS = """
INSERT INTO complaints_complaintevent (complaint_id, kind, text, data, at)
SELECT id, 'opened', subject || ' ' || words[1 + id * 13 %% 43] || ' no funciona y nadie contesta desde el lunes ' ||
    words[1 + id * 17 %% 43] || ' ' || words[1 + id * 19 %% 43], '{}'::jsonb, opened_at
FROM complaints_complaint, (SELECT %(words)s::text[] AS words) AS vocabulary
WHERE brand_id = %(brand)s AND right(number, 8)::int BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT id, 'replied', 'Lo sentimos. Te enviamos otra pieza mañana.', '{}'::jsonb, opened_at + interval '1 day'
FROM complaints_complaint
WHERE brand_id = %(brand)s AND right(number, 8)::int BETWEEN %(first)s AND %(last)s
ORDER BY 1
"""
SAID = """
INSERT INTO complaints_complaintwords (complaint_id, brand_id, words)
SELECT "case".id, "case".brand_id,
    complaints_words("case".subject || ' ' || customer.name || ' ' || string_agg(event.text, ' '), 'es')
FROM complaints_complaint AS "case"
JOIN affiliates_customer AS customer ON customer.id = "case".customer_id
JOIN complaints_complaintevent AS event ON event.complaint_id = "case".id
WHERE "case".brand_id = %(brand)s AND right("case".number, 8)::int BETWEEN %(first)s AND %(last)s
GROUP BY "case".id, customer.name
"""
TABLES = (
    *("affiliates_customer", "affiliates_purchase"),
    *("complaints_complaint", "complaints_complaintevent", "complaints_complaintwords"),
)


def desk(size: int) -> Iterator[Contest | Reading | Skipped]:
    """Each page as staff get it, rendered, without the network; the 95th percentile in milliseconds.

    Before, over HTTP, what a peer of the same kind does with a tenth as many.
    """
    brand, many = make_brand(), min(100 * size, MOST)
    some = max(FEW, many // 10)
    brand.requires_second_factor = False  # whose page would come first
    brand.save(update_fields=["requires_second_factor"])
    staff = add_staff(brand, "desk@bench.example", role=Membership.Role.ADMIN)
    fill(brand, staff.pk, 1, FEW, total=many)
    small = times_of_pages(brand, staff)
    fill(brand, staff.pk, FEW + 1, some, total=many)
    yield from cases(brand, staff, WORDS, count=some, size=size)
    fill(brand, staff.pk, some + 1, many, total=many)
    large = times_of_pages(brand, staff)
    for name, milliseconds in large.items():
        yield Reading(f"desk with {many:,} cases, {name}: p95", milliseconds, "ms", 150, 60)
        yield Reading(f"the same, against {FEW:,} cases", milliseconds / small[name], "×", 2, 1.2)


def fill(brand: Brand, staff_id: int, first: int, last: int, *, total: int) -> None:
    """Cases first to last of this brand, numbered so, with what belongs to them."""
    told: dict[str, Any] = {"brand": brand.pk, "staff": staff_id, "now": database_now(), "words": WORDS}
    customers_before, customers = (first - 1) * 3 // 10, last * 3 // 10
    span = {"first": first, "last": last, "total": total, "customers": customers}
    with connection.cursor() as cursor:
        cursor.execute(CUSTOMERS, told | {"first": customers_before + 1, "last": customers})
        for statement in (PURCHASES, CASES, EVENTS, SAID):
            cursor.execute(statement, told | span)
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")  # a name of ours
    for customer in Customer.objects.filter(brand=brand).order_by("pk")[:KNOWN]:
        customer.email = f"desk{customer.pk}@bench.example"
        customer.email_hash = hash_address(customer.email)
        customer.save(update_fields=["email", "email_hash"])


def times_of_pages(brand: Brand, staff: Any) -> Mapping[str, float]:
    client = Client(headers={"Accept-Language": "es"}, SERVER_NAME=urlsplit(settings.BASE_URL).hostname)
    client.force_login(staff)
    return {name: p95(client, page) for name, page in pages_of(brand).items()}


def p95(client: Client, page: Callable[[random.Random], str]) -> float:
    chance, seconds = random.Random(8), []  # noqa: S311 (which pages are looked at is no secret)
    for number in range(PAGES + 3):
        url = page(chance)
        started = time.perf_counter()
        response = client.get(url)
        elapsed = time.perf_counter() - started
        if response.status_code != 200:
            raise RuntimeError(f"{url} answered {response.status_code}.")
        if number >= 3:  # the first ones compile templates
            seconds.append(elapsed)
    return 1000 * quantile(seconds, 0.95)


def pages_of(brand: Brand) -> Mapping[str, Callable[[random.Random], str]]:
    """What staff look at, by name: the address of one such page, chosen by chance."""
    inbox = reverse("admin:complaints_complaint_changelist")
    cases = Complaint.objects.filter(brand=brand)
    newest = cases.latest("pk")
    oldest = cases.earliest("pk")
    emails = list(Customer.objects.filter(brand=brand, email__isnull=False).values_list("email", flat=True))

    def some(chance: random.Random) -> Complaint:
        return cases.filter(pk__gte=chance.randint(oldest.pk, newest.pk)).order_by("pk")[0]

    def deep(chance: random.Random) -> str:
        return f"{inbox}?queue=all&at={write_cursor(NEWEST_FIRST.key_of(some(chance)), backwards=False)}"

    return {
        "inbox, open": lambda chance: inbox,
        "inbox, a queue": lambda chance: f"{inbox}?queue={chance.choice(QUEUES)}",
        "inbox, all": lambda chance: f"{inbox}?queue=all",
        "a deep page": deep,
        "search for a number": lambda chance: f"{inbox}?q={some(chance).number}",
        "search for an order": lambda chance: f"{inbox}?q=desk-{2 * chance.randint(1, FEW // 2)}",
        "search for an address": lambda chance: f"{inbox}?q={chance.choice(emails)}",
        "search for a frequent word": lambda chance: f"{inbox}?q={chance.choice(WORDS)}",
        "search for two words": lambda chance: f"{inbox}?q={chance.choice(WORDS)}+{chance.choice(WORDS)}",
        "search for a name": lambda chance: f"{inbox}?q=carla+{chance.randint(1, FEW * 3 // 10)}",
        "search for what is not there": lambda chance: f"{inbox}?q=zzz{chance.randint(1, FEW)}",
        "a case": lambda chance: reverse("admin:complaints_complaint_change", args=[some(chance).pk]),
    }
