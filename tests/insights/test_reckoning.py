"""The brand's figures of the last 90 days: everybody's, and only those days'."""

from datetime import timedelta

from complaints.models import Complaint
from complaints.services.opening import Problem, open_complaint
from insights.models import BrandFigure, Rollup
from insights.overview import brand_findings
from insights.services import fold_changes
from insights.services.reckoning import reckon_figures
from insights.statistics import nps_interval, wilson_interval
from mailing.models import MailEvent, OutgoingMail
from mailing.tokens import hash_token
from surveys.models import InvitationMail, Response
from tests.factories import NOW, make_brand
from tests.insights.conftest import Shop


def figures() -> dict[str, tuple[float, float, float, int]]:
    return {row.figure: (row.value, row.low, row.high, row.n) for row in BrandFigure.objects.all()}


def test_answers_of_affiliates_and_of_nobody_count_and_old_ones_do_not(shop, ana):
    for affiliate in (ana, None):
        shop.respond_many(affiliate, 6, csat=5, nps=10, missing=["no"], promise=0)
        shop.respond_many(affiliate, 4, csat=2, nps=3, missing=["yes"], promise=-1)
    shop.respond(ana, csat=1, at=NOW - timedelta(days=91))
    Shop(make_brand("vela")).respond(None, csat=1)
    fold_changes(now=NOW)

    reckon_figures(shop.brand, now=NOW)
    reckon_figures(shop.brand, now=NOW)

    assert figures() == {
        "csat": (0.6, *wilson_interval(12, 20), 20),
        "nps": (20, *nps_interval(12, 0, 8), 20),
        "missing": (0.4, *wilson_interval(8, 20), 20),
        "promise_unmet": (0.4, *wilson_interval(8, 20), 20),
    }


def test_what_everybody_said_is_kept_as_counted_for_the_overview(shop, ana):
    shop.respond_many(ana, 12, csat=5, keep=["precio"], improve=["entrega"], missing=["no"], promise=0)
    shop.respond_many(None, 10, csat=2, improve=["entrega"], missing=["yes"], missing_facts=["deadlines"])
    shop.respond(ana, csat=1, at=NOW - timedelta(days=91))
    fold_changes(now=NOW)
    counted = brand_findings(shop.brand, language="es", now=NOW)

    reckon_figures(shop.brand, now=NOW)
    Rollup.objects.all().delete()

    assert brand_findings(shop.brand, language="es", now=NOW) == counted
    assert [counted.n, counted.csat.n, [row.aspect for row in counted.improve]] == [22, 22, ["entrega"]]


def send(response: Response, *, days_ago: int, kind: str = "first") -> OutgoingMail:
    mail = OutgoingMail(
        brand=response.brand,
        dedupe_key=f"invitation:{response.pk}:{kind}",
        template="surveys/invitation",
        language="es",
        to_address="carla@correo.example",
        guarantee=OutgoingMail.Guarantee.AT_MOST_ONCE,
        message_id=f"<{response.pk}.{kind}@lumbre.example>",
        not_before=NOW,
        state=OutgoingMail.State.SENT,
        sent_at=NOW - timedelta(days=days_ago),
    )
    mail.token_hash = hash_token(mail.token)
    mail.save()
    InvitationMail.objects.create(invitation=response.invitation, kind=kind, mail=mail)
    return mail


def test_of_those_who_got_the_survey_how_many_answer(shop, ana):
    responses = [shop.respond(ana, csat=5) for _number in range(12)]
    mails = [send(response, days_ago=30) for response in responses[:10]]
    send(responses[0], days_ago=20, kind="reminder")
    send(responses[10], days_ago=6)  # may still answer
    send(responses[11], days_ago=97)
    for response in responses[4:]:
        response.delete()
    bounced = MailEvent.Kind.BOUNCED
    MailEvent.objects.create(
        brand=shop.brand, mail=mails[9], kind=bounced, source="smtp", event_id="1", occurred_at=NOW
    )

    reckon_figures(shop.brand, now=NOW)

    assert figures()["response_rate"] == (4 / 9, *wilson_interval(4, 9), 9)


def test_hours_to_the_first_answer_count_who_still_waits(shop, ana):
    def opened(hours_ago: float, **problem: bool) -> Complaint:
        at = NOW - timedelta(hours=hours_ago)
        said = Problem(kind="complaint", subject="Llegó roto", **problem)
        return open_complaint(shop.brand, said, now=at, purchase=shop.purchase(ana))[0]

    for hours in range(1, 7):
        case = opened(100, wants_contact=True)
        Complaint.objects.filter(pk=case.pk).update(answered_at=case.opened_at + timedelta(hours=hours))
    opened(50, wants_contact=True)
    opened(10)  # has not asked for an answer
    opened(24 * 91, wants_contact=True)

    reckon_figures(shop.brand, now=NOW)

    assert figures() == {"first_answer": (4, 1, 50, 7)}
