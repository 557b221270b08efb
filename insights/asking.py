"""How asking goes: of the newest purchases that were old enough, who was asked, and why the others were not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Brand
from accounts.statements import run
from surveys.models import Invitation

NEWEST = 1000  # purchases: as many cost the same in a shop of any size
OLD_ENOUGH, NOT_OLDER = timedelta(days=14), timedelta(days=90)
LATE_AFTER = timedelta(hours=1)
MOST_LATE = 1000
ASKED = "asked"

STATES = """
WITH newest AS (
    SELECT id FROM affiliates_purchase
    WHERE brand_id = %(brand)s AND purchased_at < %(until)s AND purchased_at >= %(since)s AND source <> 'test'
    ORDER BY purchased_at DESC, id DESC LIMIT %(limit)s
)
SELECT CASE WHEN invitation.state = 'queued' THEN 'asked'
            ELSE coalesce(nullif(invitation.reason, ''), invitation.state, '') END,
       count(*)
FROM newest
LEFT JOIN surveys_invitation invitation ON invitation.purchase_id = newest.id AND invitation.wave = 'first'
GROUP BY 1 ORDER BY count(*) DESC, 1
"""


@dataclass(frozen=True)
class Asking:
    """`others`: why not, by codes of `surveys.models.Reason`, or a state of an invitation, or "" where nobody decided.

    `late`: invitations that were to go an hour ago and have not; `paused_since`: all of them wait.
    """

    n: int
    asked: int
    others: Sequence[tuple[str, int]]
    late: int
    paused_since: datetime | None

    @property
    def coverage(self) -> float | None:
        return self.asked / self.n if self.n else None


def asking_of(brand: Brand, *, now: datetime) -> Asking:
    params = {"brand": brand.pk, "until": now - OLD_ENOUGH, "since": now - NOT_OLDER, "limit": NEWEST}
    counts = run(STATES, params)
    late = Invitation.objects.filter(brand=brand).due(now - LATE_AFTER)[:MOST_LATE].count()
    return Asking(
        n=sum(count for _code, count in counts),
        asked=dict(counts).get(ASKED, 0),
        others=[(code, count) for code, count in counts if code != ASKED],
        late=late,
        paused_since=brand.asking_paused_at,
    )
