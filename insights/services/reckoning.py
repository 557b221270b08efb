"""The brand's own figures over the last 90 days, every night, for its targets to be held against."""

from datetime import datetime, timedelta

from accounts.models import Brand
from accounts.statements import run
from insights.counts import Counts
from insights.findings import PROMISE, RATING, SATISFIED, nps_groups, successes
from insights.models import BrandFigure, Figure, Measurement
from insights.overview import rollups_of_last_days
from insights.privacy import sum_counts
from insights.statistics import nps_interval, nps_score, wilson_interval
from insights.targets import DAYS, Reading, median_reading

UNMET = ("-2", "-1")

# Of those sent in these days and not bounced: a survey that came and one that was never answered.
DELIVERED = """
SELECT count(*), count(*) FILTER (WHERE EXISTS (
    SELECT FROM surveys_response response
    WHERE response.invitation_id = invitation.id AND NOT response.is_suspect
))
FROM surveys_invitation invitation
JOIN affiliates_purchase purchase ON purchase.id = invitation.purchase_id AND purchase.source <> 'test'
WHERE invitation.brand_id = %(brand)s AND invitation.wave = 'first'
  AND EXISTS (
    SELECT FROM surveys_invitationmail sent JOIN mailing_outgoingmail mail ON mail.id = sent.mail_id
    WHERE sent.invitation_id = invitation.id AND mail.sent_at >= %(since)s AND mail.sent_at < %(settled)s
      AND NOT EXISTS (SELECT FROM mailing_mailevent event WHERE event.mail_id = mail.id AND event.kind = 'bounced')
  )
"""
# Whoever still waits counts with the time so far; whoever has not asked for an answer does not count.
WAITED = """
SELECT extract(epoch FROM coalesce(complaint.answered_at, complaint.resolved_at, %(now)s) - complaint.opened_at) / 3600
FROM complaints_complaint complaint
LEFT JOIN affiliates_purchase purchase ON purchase.id = complaint.purchase_id
WHERE complaint.brand_id = %(brand)s AND complaint.opened_at >= %(since)s AND complaint.opened_at <= %(now)s
  AND complaint.wants_contact AND purchase.source IS DISTINCT FROM 'test'
ORDER BY 1
"""
SETTLES = timedelta(days=7)  # whoever answers does so in a week, nearly always


def reckon_figures(brand: Brand, *, now: datetime) -> None:
    """Put these figures, and the counts that they are taken from, in the place of last night's."""
    counts = sum_counts(rollups_of_last_days(brand, now))
    readings = {**_of_answers(counts), **_of_service(brand, now)}
    BrandFigure.objects.filter(brand=brand).delete()
    BrandFigure.objects.bulk_create(
        BrandFigure(brand=brand, figure=figure, **vars(reading)) for figure, reading in readings.items() if reading
    )
    Measurement.objects.update_or_create(brand=brand, defaults={"counts": counts})


def _of_answers(counts: Counts) -> dict[str, Reading | None]:
    return {
        Figure.CSAT: share(*successes(counts, "csat", RATING, SATISFIED)),
        Figure.NPS: _nps(counts),
        Figure.MISSING: share(*successes(counts, "missing", ("yes", "no"), ("yes",))),
        Figure.PROMISE_UNMET: share(*successes(counts, "promise", PROMISE, UNMET)),
    }


def _of_service(brand: Brand, now: datetime) -> dict[str, Reading | None]:
    when = {"brand": brand.pk, "now": now, "since": now - timedelta(days=DAYS), "settled": now - SETTLES}
    [(delivered, answered)] = run(DELIVERED, when)
    return {
        Figure.RESPONSE_RATE: share(answered, delivered),
        Figure.FIRST_ANSWER: median_reading([float(hours) for (hours,) in run(WAITED, when)]),
    }


def share(x: int, n: int) -> Reading | None:
    interval = wilson_interval(x, n)
    return Reading(x / n, *interval, n) if interval else None


def _nps(counts: Counts) -> Reading | None:
    groups = nps_groups(counts)
    value, interval = nps_score(*groups), nps_interval(*groups)
    return None if value is None or interval is None else Reading(value, *interval, sum(groups))
