import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import ApiKey, Brand, User
from affiliates.models import Affiliate, Attribution, Purchase
from complaints.models import Complaint
from insights.at_risk import promises_at_risk
from insights.attention import brand_attention
from insights.models import Action, BrandFigure, Figure
from insights.outcomes import affiliate_outcomes
from insights.priorities import affiliate_priorities
from insights.privacy import affiliate_insights, programme_findings
from intake.demo.history import make_history
from intake.demo.together import TALKS
from mailing.models import OutgoingMail
from surveys.models import Answer, Invitation, Response
from surveys.services import send_due_invitations

LATER = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)


def test_the_same_seed_tells_the_same_story():
    once, again = (make_history(seed=1, now=LATER) for _n in range(2))

    assert once == again
    assert make_history(seed=2, now=LATER) != once


def test_answers_agree_with_themselves():
    said = [sale.answer.said.given for sale in make_history(seed=1, now=LATER) if sale.answer]

    assert 1500 < len(said) < 1900
    for given in said:
        assert not set(given.get("keep", given["csat"]).codes) & set(given.get("improve", given["csat"]).codes)
        assert ("missing_facts" in given) == ("missing" in given and given["missing"].code == "yes")
        assert "expectation" not in given or given["promise"].number <= -1
        assert "part" not in given or given["csat"].number <= 3


def test_no_affiliate_hears_the_same_words_twice():
    heard = [
        (sale.recommender.code, given.text)
        for sale in make_history(seed=1, now=LATER)
        if sale.answer and sale.recommender
        for given in sale.answer.said.given.values()
        if given.text
    ]

    assert len(heard) == len(set(heard))
    assert len({text for _code, text in heard}) >= 150


@pytest.mark.django_db
def test_the_demo_is_whole_and_believable(tmp_path, client: Client):
    """One seeding for all that hangs on it: it takes seconds."""
    path = tmp_path / "facts.json"
    call_command("seed_demo", "--write", str(path))
    facts = json.loads(path.read_text())
    brand = Brand.objects.get(slug=facts["brand"])
    now = datetime.now(UTC)

    assert (Purchase.objects.count(), Affiliate.objects.count()) == (5008, 6)
    assert 1500 < Response.objects.filter(invitation__wave="first").count() < 1900
    assert 80 < Response.objects.filter(invitation__wave="follow_up").count() < 250
    assert not Response.objects.filter(answered_at__gt=now).exists()

    # Everybody can sign in with what is written, and the key opens the API.
    for who in [facts["staff"], *facts["affiliates"]]:
        assert client.login(username=who["email"], password=who["password"])
    assert [who["code"] for who in facts["affiliates"]] == ["ana", "bruno", "celia", "diego", "ellen", "nora"]
    links = client.get("/api/v1/links/", headers={"Authorization": f"Bearer {facts['api_key']}"}).json()["results"]
    assert {"code": "bruno-24h", "promises": ["Envío en 24 h", "Devolución gratis"]}.items() <= {
        link["code"]: link for link in links
    }["bruno-24h"].items()
    assert not User.objects.get(email=facts["staff"]["email"]).is_superuser

    # The demo does not begin with a flood of mail, nor with an empty mailbox.
    assert Invitation.objects.filter(wave="first", state="planned").count() == 8
    assert not OutgoingMail.objects.exclude(state="sent").exists()
    assert send_due_invitations(now=now + timedelta(seconds=1)) == 8 + 2
    queued = OutgoingMail.objects.filter(state="queued").values_list("template", flat=True)
    assert sorted(queued) == ["surveys/follow_up"] * 2 + ["surveys/invitation"] * 8

    # Causes show in the figures: who is late, who leaves things unsaid, who is new.
    whom = {each.code: each for each in Affiliate.objects.select_related("brand")}
    pages = {code: affiliate_insights(each, now=now) for code, each in whom.items()}
    assert {code: page.state for code, page in pages.items()} == {
        **dict.fromkeys(["ana", "bruno", "celia", "diego", "ellen"], "many"),
        "nora": "few",
    }
    assert pages["ana"].own.csat.value > 0.85 > 0.75 > pages["bruno"].own.csat.value
    assert "entrega" in {finding.aspect for finding in pages["bruno"].own.improve if finding.verdict == "improve"}
    assert pages["bruno"].own.missing[0].fact == "deadlines"
    assert pages["celia"].own.missed_something.value > 0.3
    assert pages["nora"].programme is not None
    assert all(len(pages[code].trend) >= 16 for code in ("ana", "bruno", "celia", "diego", "ellen"))
    assert all(pages[code].quotes and pages[code].expectations for code in ("ana", "bruno", "celia", "diego", "ellen"))
    assert {code for code, each in whom.items() if affiliate_priorities(each)} >= {"ana", "bruno"}
    assert affiliate_priorities(whom["nora"]) is None
    programme = programme_findings(brand)
    assert programme is not None
    assert programme.n > 1000

    # What they talk about stands on their boards, and what they changed long ago has been measured.
    for talk in TALKS:
        assert talk.key in {found.fact for found in pages[talk.affiliate].own.missing}
    of_ana = list(Action.objects.filter(affiliate=whom["ana"]).order_by("changed_on"))
    outcomes = affiliate_outcomes(whom["ana"], of_ana, now=now)
    assert [outcomes[each.pk].state == "measured" for each in of_ana] == [True, False]
    assert {care.cause for care in brand_attention(brand, with_names=False)} == {"unanswered", "warranty", "silence"}

    # The desk has work and a past, and some promises can still be kept.
    assert promises_at_risk(brand, Complaint.objects.all(), now=now).deliveries
    states = set(Complaint.objects.values_list("state", flat=True))
    assert states == {"new", "in_progress", "waiting", "resolved"}
    assert Complaint.objects.filter(state="resolved").count() > 30
    assert 4 <= Complaint.objects.open().count() <= 25
    assert not Complaint.objects.filter(events__at__gt=now).exists()

    # What staff read of all of them: of those asked lately a believable part has answered.
    figures = {row.figure: row for row in BrandFigure.objects.all()}
    assert figures.keys() == set(Figure.values)
    assert 0.25 < figures["response_rate"].value < 0.45
    assert figures["response_rate"].n > 400

    # Redaction has something to do, and attribution shows each kind of reason.
    assert Answer.objects.filter(redacted_text__contains="[").exists()
    reasons = set(Attribution.objects.values_list("reason", flat=True))
    assert {"click_in_window", "coupon", "declared_by_shop", "no_evidence"} <= reasons


@pytest.mark.django_db
def test_seeding_again_gives_a_new_key_to_the_same_brand(tmp_path):
    Brand.objects.create(slug="lumbre", name="Lumbre")

    out = StringIO()
    call_command("seed_demo", stdout=out)

    assert json.loads(out.getvalue())["api_key"].startswith(f"pv_{ApiKey.objects.get().prefix}_")
    assert not Purchase.objects.exists()
