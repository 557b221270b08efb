"""Answers by the million: counting them from nothing and day by day, and the pages that read what was counted."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import Brand, Membership, User
from accounts.services import add_staff
from affiliates.models import Affiliate, AffiliateMember
from affiliates.services import create_affiliate
from insights.services import fold_changes, measure_brand
from insights.services.counting import recount_everything
from insights.services.publishing import publish_blocks
from insights.services.tallying import tally_everything
from intake.bench.desk import p95
from intake.bench.measuring import Reading
from intake.bench.world import AFFILIATES, make_brand

QUESTIONS = 5  # that each customer answers
DAYS = 730
MANY_AFFILIATES = 500
# Ids of their own, so that a row finds its purchase by its number; no sequence comes this far.
FIRST_ID = 10**12

# The first affiliates bring the most: a tenth of them a third of the customers. Answers lie over two years.
NUMBERED = """
FROM generate_series(%(first)s, %(last)s) AS n
CROSS JOIN LATERAL (SELECT %(at)s + n AS id, hashint8extended(n, 7) & 1048575 AS chance) AS row
"""
CUSTOMERS = f"""
INSERT INTO affiliates_customer (id, brand_id, uuid, name, language, timezone, created_at, updated_at)
SELECT row.id, %(brand)s, gen_random_uuid(), 'Cliente ' || n, 'es', '', %(now)s, %(now)s {NUMBERED}
"""
PURCHASES = f"""
INSERT INTO affiliates_purchase (id, brand_id, external_id, customer_id, purchased_at, delivered_at, currency, state,
    click_ids, coupon_code, declared_affiliate, referral_code, metadata, source, created_at, updated_at, amount)
SELECT row.id, %(brand)s, 'answered-' || n, row.id, day.at - interval '5 days', day.at - interval '3 days', 'EUR',
    'open', '{{}}', '', '', '', '{{}}', 'api', %(now)s, %(now)s, 49.90
{NUMBERED} CROSS JOIN LATERAL (SELECT %(now)s - n %% %(days)s * interval '1 day') AS day (at)
"""
ATTRIBUTIONS = f"""
INSERT INTO affiliates_attribution (id, purchase_id, is_current, affiliate_id, method, confidence, reason,
    acquiring_affiliate_id, touches, decided_at, note)
SELECT row.id, row.id, true, credited.id, 'declared', 'high', 'declared_by_shop', credited.id, '[]', %(now)s, ''
{NUMBERED} CROSS JOIN LATERAL (
    SELECT (%(affiliates)s::bigint[])[1 + (%(many)s * power(chance / 1048576.0, 2))::int %% %(many)s]
) AS credited (id)
"""
INVITATIONS = f"""
INSERT INTO surveys_invitation (id, brand_id, survey_id, wave, occasion, purchase_id, state, reason, scheduled_for,
    created_at, updated_at)
SELECT row.id, %(brand)s, %(survey)s, 'first', 'purchase:' || row.id, row.id, 'queued', '', %(now)s, %(now)s, %(now)s
{NUMBERED}
"""
RESPONSES = f"""
INSERT INTO surveys_response (id, brand_id, invitation_id, source, language, answered_at, updated_at, is_suspect,
    suspect_reasons, hides_comment, publishes, is_quotable, follow_up)
SELECT row.id, %(brand)s, row.id, 'web', 'es', %(now)s - n %% %(days)s * interval '1 day', %(now)s, false, '{{}}',
    false, false, true, 'none'
{NUMBERED}
"""
ANSWERS = f"""
INSERT INTO surveys_answer (response_id, question_id, number, codes, text, redacted_text)
SELECT row.id, said.*, '', ''
{NUMBERED} CROSS JOIN LATERAL (VALUES
    (%(csat)s::bigint, (5 - (chance %% 11) / 4)::smallint, '{{}}'::varchar[]),
    (%(nps)s, (10 - (chance %% 23) / 3)::smallint, '{{}}'),
    (%(missing)s, NULL, ARRAY[CASE WHEN chance %% 5 = 0 THEN 'yes' ELSE 'no' END]),
    (%(keep)s, NULL, ARRAY[(%(aspects)s::varchar[])[1 + chance %% 13]]),
    (%(improve)s, NULL, ARRAY[(%(aspects)s::varchar[])[1 + chance %% 7]])
) AS said
"""
CHANGES = f"INSERT INTO surveys_responsechange (response_id, created_at) SELECT row.id, %(now)s {NUMBERED}"
WORLD = (CUSTOMERS, PURCHASES, ATTRIBUTIONS, INVITATIONS, RESPONSES, ANSWERS)
TABLES = (
    *("affiliates_customer", "affiliates_purchase", "affiliates_attribution"),
    *("surveys_invitation", "surveys_response", "surveys_answer"),
)
COUNTED = (
    *("insights_rollup", "insights_countedresponse", "insights_monthlyanswers"),
    *("insights_block", "insights_showncount", "insights_publishedcount"),
)
# What the counts come down to, asked of the answers themselves.
BARE = """
SELECT attribution.affiliate_id, (response.answered_at AT TIME ZONE %(timezone)s)::date, answer.question_id,
       answer.number, answer.codes, count(*)
FROM surveys_answer answer
JOIN surveys_response response ON response.id = answer.response_id
JOIN surveys_invitation invitation ON invitation.id = response.invitation_id
JOIN affiliates_attribution attribution ON attribution.purchase_id = invitation.purchase_id AND attribution.is_current
WHERE response.brand_id = %(brand)s GROUP BY 1, 2, 3, 4, 5
"""


def understanding(size: int) -> Iterator[Reading]:
    """A hundred times as many answers as `size`, beside as many as that; pages rendered, without the network."""
    small, few = Programme(), size
    small.answer(few)
    small.count()
    small.publish()
    before = small.times_of_pages()
    large, many = Programme(), 100 * size
    large.answer(many)
    counted, bare = seconds_of(large.count), seconds_of(large.group)
    yield Reading(f"{many:,} answers counted from nothing, against GROUP BY", counted / bare, "×", 8, 3)
    yield Reading("their first blocks published, against GROUP BY", seconds_of(large.publish) / bare, "×", 8, 4)
    large.answer(few, of_a_day=True)
    folded = seconds_of(lambda: fold_changes(now=database_now()))
    yield Reading(f"a day of {few:,} answers counted, against GROUP BY of all", folded / bare, "×", 3, 1)
    for name, milliseconds in large.times_of_pages().items():
        floor, aim = (80, 40) if name in OF_AFFILIATE else (200, 80)
        yield Reading(f"{name} at {many:,} answers: p95", milliseconds, "ms", floor, aim)
        yield Reading(f"the same, against {few:,} answers", milliseconds / before[name], "×", 1.3, 1.1)


class Programme:
    """A brand with two years of answers about many affiliates, most of them small."""

    def __init__(self, affiliates: int = MANY_AFFILIATES) -> None:
        self.brand = quiet(make_brand())
        for number in range(AFFILIATES, affiliates):
            create_affiliate(self.brand, f"bench-{number}", f"Bench {number}", now=database_now())
        self.affiliates = list(Affiliate.objects.filter(brand=self.brand).order_by("pk"))
        self.customers = 0
        survey = self.brand.surveys.get(wave="first")
        self.told: dict[str, Any] = {
            "brand": self.brand.pk,
            "survey": survey.pk,
            "at": FIRST_ID * self.brand.pk,
            "days": DAYS,
            "many": affiliates,
            "affiliates": [affiliate.pk for affiliate in self.affiliates],
            "aspects": list(self.brand.aspects.order_by("pk").values_list("code", flat=True)),
            "timezone": self.brand.timezone,
            **dict(survey.questions.values_list("key", "pk")),
        }

    def answer(self, answers: int, *, of_a_day: bool = False) -> None:
        """So many more, not counted yet; those of a day are marked as changed, as the survey page does."""
        first, self.customers = self.customers + 1, self.customers + answers // QUESTIONS
        told = {**self.told, "now": database_now(), "first": first, "last": self.customers}
        if of_a_day:
            told["days"] = 1
        with transaction.atomic(), connection.cursor() as cursor:
            # The rows fit each other by how they are made; to check each key would take as long as to write them.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in (*WORLD, *([CHANGES] if of_a_day else ())):
                cursor.execute(statement, told)
        vacuum(TABLES)

    @transaction.atomic
    def count(self) -> None:
        recount_everything(self.brand)
        tally_everything(self.brand)

    @transaction.atomic
    def publish(self) -> None:
        publish_blocks(self.brand, now=database_now())

    def group(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({BARE}) AS cell", self.told)  # noqa: S608 (ours)

    def times_of_pages(self) -> Mapping[str, float]:
        measure_brand(self.brand, now=database_now())
        vacuum(COUNTED)
        member, staff = self._member(), self._staff()
        return {
            name: p95(client_of(staff if name in OF_STAFF else member), lambda _chance, url=url: url)  # type: ignore[misc]
            for name, url in self._pages().items()
        }

    def _member(self) -> User:
        """Of the affiliate with the most answers."""
        user = User.objects.create_user(f"{self.brand.slug}@bench.example")
        AffiliateMember.objects.create(affiliate=self.affiliates[0], user=user, accepted_terms_at=database_now())
        return user

    def _staff(self) -> User:
        return add_staff(self.brand, f"staff@{self.brand.slug}.example", role=Membership.Role.ADMIN)

    def _pages(self) -> Mapping[str, str]:
        brand = {"brand": self.brand.slug}
        return {
            **{name: reverse(f"dashboards:{page}") for name, page in OF_AFFILIATE.items()},
            **{name: reverse(f"dashboards:{page}", kwargs=brand) for name, page in OF_STAFF.items()},
        }


OF_AFFILIATE = {"an affiliate’s home": "home", "its comparison": "comparison", "its links": "links"}
OF_STAFF = {
    "the programme’s overview": "overview_of_brand",
    "the programme’s affiliates": "affiliates_compared",
    "the programme’s targets": "targets_of_brand",
    "what moves the programme": "drivers_of_brand",
}


def quiet(brand: Brand) -> Brand:
    brand.requires_second_factor = False  # whose page would come first
    brand.save(update_fields=["requires_second_factor"])
    return brand


def client_of(user: User) -> Client:
    client = Client(headers={"Accept-Language": "es"}, SERVER_NAME=urlsplit(settings.BASE_URL).hostname)
    client.force_login(user)
    return client


def vacuum(tables: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")  # a name of ours


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
