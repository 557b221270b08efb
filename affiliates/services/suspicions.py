"""What looks as if an affiliate brought themselves the sale. Found in sets, each once; a person decides.

Purchases from files of history are left out: their times are too rough to look quick or many. So are those that staff
made up to try the way.
"""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.in_turn import sum_in_turn
from accounts.models import AuditEntry, Brand, User
from accounts.services import record_change
from affiliates.models import Suspicion

LOOKS_BACK = timedelta(days=30)
Kind = Suspicion.Kind

# What each kind finds among `recent`: affiliate, purchase (or none), a key by which it is found once, detail in JSON.
# Credited to whoever bought, but for a «+» in the address; or refused as such when it was recorded.
OWN_ADDRESS = r"""
    WITH own AS (
        SELECT id AS affiliate_id, lower(regexp_replace(email, '\+[^@]*@', '@')) AS address
        FROM affiliates_affiliate WHERE brand_id = %(brand)s AND email <> ''
        UNION
        SELECT m.affiliate_id, lower(regexp_replace(u.email, '\+[^@]*@', '@'))
        FROM affiliates_affiliatemember m JOIN accounts_user u ON u.id = m.user_id
        JOIN affiliates_affiliate f ON f.id = m.affiliate_id AND f.brand_id = %(brand)s
    )
    SELECT own.affiliate_id, r.id AS purchase_id, r.id::text AS key, '{}'::jsonb AS detail
    FROM recent r JOIN affiliates_customer c ON c.id = r.customer_id
    JOIN own ON own.affiliate_id = r.affiliate_id
        AND own.address = lower(regexp_replace(c.email, '\+[^@]*@', '@'))
    UNION
    SELECT f.id, p.id, p.id::text, '{"refused": true}'::jsonb
    FROM affiliates_purchase p JOIN affiliates_attribution a ON a.purchase_id = p.id AND a.is_current
    CROSS JOIN LATERAL jsonb_array_elements(a.touches) AS touch
    JOIN affiliates_affiliate f ON f.brand_id = p.brand_id AND f.code = touch ->> 'affiliate'
    WHERE p.brand_id = %(brand)s AND p.purchased_at >= %(since)s AND p.source NOT IN ('import', 'test')
      AND a.reason = 'self_referral' AND touch ->> 'reason' = 'self_referral'
"""
OWN_DEVICE = """
    SELECT DISTINCT r.affiliate_id, r.id AS purchase_id, r.id::text AS key, '{}'::jsonb AS detail
    FROM recent r JOIN affiliates_click k ON k.public_id = ANY(r.click_ids) AND k.is_own_device
        AND k.occurred_at BETWEEN %(clicked_since)s AND %(now)s
    JOIN affiliates_trackinglink l ON l.id = k.link_id AND l.affiliate_id = r.affiliate_id
"""
QUICK = """
    SELECT r.affiliate_id, r.id AS purchase_id, r.id::text AS key,
        jsonb_build_object('seconds', round(extract(epoch FROM r.purchased_at - max(k.occurred_at)))) AS detail
    FROM recent r JOIN affiliates_click k ON k.public_id = ANY(r.click_ids) AND k.link_id = r.link_id
        AND k.occurred_at BETWEEN %(clicked_since)s AND %(now)s
    WHERE k.occurred_at <= r.purchased_at AND k.kind IN ('visit', 'repeat')
    GROUP BY r.affiliate_id, r.id, r.purchased_at
    HAVING r.purchased_at - max(k.occurred_at) < make_interval(secs => %(threshold)s)
"""
# Any sixty minutes, told once for the clock's hour in which they end.
BURST = """
    WITH counted AS (
        SELECT affiliate_id, purchased_at, count(*) OVER (
            PARTITION BY affiliate_id ORDER BY purchased_at RANGE BETWEEN '1 hour' PRECEDING AND CURRENT ROW
        ) AS n
        FROM recent
    )
    SELECT affiliate_id, NULL::bigint AS purchase_id,
        to_char(date_trunc('hour', purchased_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD"T"HH24') AS key,
        jsonb_build_object('purchases', max(n), 'until', max(purchased_at)) AS detail
    FROM counted WHERE n >= %(threshold)s GROUP BY affiliate_id, key
"""
# More than three times as usual with this affiliate as with the others: so a mailbox provider of everybody's is none.
MAIL_DOMAIN = """
    WITH people AS (
        SELECT DISTINCT r.affiliate_id, r.customer_id, lower(split_part(c.email, '@', 2)) AS domain
        FROM recent r JOIN affiliates_customer c ON c.id = r.customer_id WHERE c.email IS NOT NULL
    ), counted AS (
        SELECT affiliate_id, domain, count(*) AS n, sum(count(*)) OVER (PARTITION BY affiliate_id) AS mine,
            sum(count(*)) OVER (PARTITION BY domain) AS everywhere, sum(count(*)) OVER () AS everybody
        FROM people GROUP BY affiliate_id, domain
    )
    SELECT affiliate_id, NULL::bigint AS purchase_id, domain AS key,
        jsonb_build_object('domain', domain, 'customers', n) AS detail
    FROM counted
    WHERE n >= %(threshold)s AND n / mine > 3 * (everywhere - n + 1) / (everybody - mine + 1)
"""
# `recent`: what is credited to affiliates.
INSERT = """
    WITH recent AS (
        SELECT p.id, p.customer_id, p.purchased_at, p.click_ids, a.affiliate_id, a.link_id
        FROM affiliates_purchase p JOIN affiliates_attribution a ON a.purchase_id = p.id AND a.is_current
        WHERE p.brand_id = %(brand)s AND p.purchased_at >= %(since)s AND p.source NOT IN ('import', 'test')
          AND a.affiliate_id IS NOT NULL
    )
    INSERT INTO affiliates_suspicion (affiliate_id, purchase_id, kind, key, detail, found_at, state, note)
    SELECT affiliate_id, purchase_id, %(kind)s, key, detail, %(now)s, 'open', '' FROM ({found}) AS found
    ON CONFLICT (affiliate_id, kind, key) DO NOTHING
"""


def flag_suspicions(*, now: datetime) -> int:
    """Look through the last month of every brand; how many are new. What was found once, and decided, stays so."""
    return sum_in_turn(Brand.objects.order_by("pk"), lambda brand: _flag(brand, now=now))


def _flag(brand: Brand, *, now: datetime) -> int:
    """One statement a kind, however many purchases there are."""
    looks = [(Kind.OWN_ADDRESS, OWN_ADDRESS, 1)]
    if brand.checks_own_device:
        looks.append((Kind.OWN_DEVICE, OWN_DEVICE, 1))
    thresholds = [
        (Kind.QUICK, QUICK, brand.suspect_seconds_after_click),
        (Kind.BURST, BURST, brand.suspect_purchases_an_hour),
        (Kind.MAIL_DOMAIN, MAIL_DOMAIN, brand.suspect_customers_a_domain),
    ]
    looks += [look for look in thresholds if look[2]]
    since = now - LOOKS_BACK
    # An older click has brought nobody: it is looked for in the months of those that may have.
    clicked_since = since - timedelta(days=brand.attribution_window_days)
    values: dict[str, Any] = {"brand": brand.pk, "since": since, "clicked_since": clicked_since, "now": now}
    found = 0
    with connection.cursor() as cursor:
        for kind, query, threshold in looks:
            cursor.execute(INSERT.replace("{found}", query), values | {"kind": kind, "threshold": threshold})
            found += cursor.rowcount
    return found


@transaction.atomic
def decide_suspicion(suspicion: Suspicion, *, is_confirmed: bool, note: str = "", by: User, now: datetime) -> Suspicion:
    """Keep what a person found out. Credits and figures stay: correcting and suspending are decisions of their own.

    ValidationError: decided already, or confirmed without a reason.
    """
    locked = Suspicion.objects.select_for_update().get(pk=suspicion.pk)
    if not locked.is_open:
        raise ValidationError(_("Somebody has decided this already."), "decided")
    if is_confirmed and not note.strip():
        raise ValidationError({"note": ValidationError(_("Say why: the reason stays on record."), "required")})
    locked.state = Suspicion.State.CONFIRMED if is_confirmed else Suspicion.State.DISMISSED
    locked.note, locked.decided_at, locked.decided_by = note.strip(), now, by
    locked.save(update_fields=["state", "note", "decided_at", "decided_by"])
    record_change(by, locked.brand, AuditEntry.Action.DECIDED, locked, state=["open", locked.state])
    return locked
