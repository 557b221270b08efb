"""«How you compare», entered by its address: sentences, not tables of others; and for staff the whole programme."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.translation import override

from affiliates.models import Affiliate, AffiliateMember
from dashboards.pages.comparison import write_aftercare
from insights.comparing import Aftercare
from insights.models import Alert, Standing, Target
from insights.services import fold_changes
from insights.services.reckoning import reckon_figures
from tests.dashboards.test_views import words
from tests.factories import NOW, make_affiliate, make_brand, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_cases import complain
from tests.insights.test_comparing import ask_later
from tests.insights.test_privacy import fill_programme, respond_many

PAGE = "/portal/comparison/"
BRAND = "/portal/brands/lumbre"
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def as_sofia(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.brand))
    return client


def fall(affiliate: Affiliate | None, brand, key: str = "entrega", **fields) -> Alert:
    figures = {"since": "2026-01-01", "good_before": 28, "n_before": 30, "good_now": 8, "n_now": 30, "opened_at": NOW}
    return Alert.objects.create(
        brand=brand, affiliate=affiliate, key=key, **{**figures, "has_to_improve": True, **fields}
    )


# --- How cases went --------------------------------------------------------------------------------------------------
def test_how_cases_went_is_told_in_sentences_and_what_is_not_known_is_not():
    nothing = {"causes": {}, "judged": 0, "took": {}, "solved": 0, "endings": {}, "answered": 0}
    took = {"1": 2, "3": 3, "7": 4, "15": 0, "more": 1}

    with override("en"):
        causes = write_aftercare(Aftercare(**{**nothing, "causes": {"late": 7, "lost": 5}, "judged": 15}))
        times = write_aftercare(Aftercare(**{**nothing, "took": took, "solved": 10}))
        endings = write_aftercare(Aftercare(**{**nothing, "endings": {"1": 1, "2": 1, "3": 6}, "answered": 8}))

    assert causes == ["What lay behind it in 15 cases, most often: it came late (7), it was lost (5)."]
    assert times == ["Of 10 cases that were solved, 5 took no longer than 3 days and 9 no longer than a week."]
    assert endings == ["Of 8 customers who said how their case ended, 75% say that it was put right."]
    assert write_aftercare(None) == []


# --- The affiliate ---------------------------------------------------------------------------------------------------
def test_without_answers_the_page_says_what_it_takes(as_ana):
    said = words(as_ana.get(PAGE, headers=ENGLISH))

    assert "From 20 answers of your customers on you can be compared with the programme." in said
    assert "To compare, two quarters in a row need 20 answers each." in said
    assert "is told once 5 of your customers have said so" in said
    assert "It is told once 5 of yours have answered." in said
    assert "What the brand aims at" not in said


def test_an_affiliate_reads_where_it_stands_in_a_sentence_and_sees_its_own_point_alone(as_ana, shop, ana, monkeypatch):
    monkeypatch.setattr("dashboards.views.comparison.database_now", lambda: NOW)
    fill_programme(shop)
    respond_many(shop, ana, 12, csat=5)
    respond_many(shop, ana, 8, csat=2)
    fold_changes(now=NOW)
    Standing.objects.create(brand=shop.brand, affiliate=ana, month="2026-03-01", quarter=1)

    response = as_ana.get(PAGE, headers=ENGLISH)

    said = words(response)
    sentence = (
        "60% of your customers are satisfied; in the rest of the programme 80% are: fewer than was to be expected."
    )
    assert sentence in said
    assert "This month you stand in the lowest quarter of the affiliates with 20 answers or more." in said
    body = response.content.decode()
    assert re.findall(r"<g class=\"tone-\w+( named)?\"><title>([^<]*)", body) == [(" named", "You: 60%, n 20")]
    assert "Otra" not in body


def test_changes_are_said_only_where_they_are_demonstrated(as_ana, shop, ana):
    for month, good, bad in [(5, 27, 3), (8, 15, 17)]:
        respond_many(shop, ana, good, csat=5, nps=9, at=datetime(2025, month, 10, tzinfo=UTC))
        respond_many(shop, ana, bad, csat=1, nps=9, at=datetime(2025, month, 10, tzinfo=UTC))
    fold_changes(now=NOW)

    said = words(as_ana.get(PAGE, headers=ENGLISH))

    assert "July to September 2025, compared with April to June 2025" in said
    assert "Satisfied customers: worse, from 90% to 47% (−60 to −20 points)." in said
    assert "Recommendation 100 100 +0 points" in said
    assert "Recommendation: " not in said


def test_targets_are_met_missed_or_not_to_be_told(as_ana, shop, ana):
    for figure, aim in [("csat", 70), ("missing", 10), ("nps", 95)]:
        Target.objects.create(brand=shop.brand, figure=figure, aim=aim)
    respond_many(shop, ana, 30, csat=5, missing=["yes"], nps=9)
    fold_changes(now=NOW)

    said = words(as_ana.get(PAGE, headers=ENGLISH))

    assert "Satisfied customers at least 70% 100% 89–100% 30 met" in said
    assert "Missed something before buying at most 10% 100% 89–100% 30 missed" in said
    assert "Recommendation at least 95 100 79 to 100 30 cannot be told yet" in said


def test_fewer_than_20_answers_are_no_figure_beside_a_target(as_ana, shop, ana):
    Target.objects.create(brand=shop.brand, figure="csat", aim=70)
    respond_many(shop, ana, 6, csat=1)
    fold_changes(now=NOW)

    assert "Satisfied customers at least 70% — — — cannot be told yet" in words(as_ana.get(PAGE, headers=ENGLISH))


def test_whose_part_and_the_alternatives_are_told_in_blocks(as_ana, shop, ana):
    respond_many(shop, ana, 6, csat=2, part=["delivery"])
    respond_many(shop, ana, 2, csat=2, part=["sale"])
    for part in ("sale", "delivery", "delivery", "", "delivery"):
        complain(shop, ana, part=part)
    ask_later(shop, ana, 9, alternatives=2, buy_again=5)
    ask_later(shop, ana, 1, alternatives=["none"])
    fold_changes(now=NOW)

    said = words(as_ana.get(PAGE, headers=ENGLISH))

    assert "Of 8 who were not satisfied, 2 say that it was what they had been told before buying." in said
    assert "What was said before buying you 2 · 25% 1 · 25%" in said
    assert "The delivery or activation the brand 6 · 75% 3 · 75%" in said
    assert "In 1 more case nobody has said yet what went wrong." in said
    assert "100% who know other options say that Lumbre is better (between 70% and 100%; of 9)." in said
    assert "1 more knows no other." in said


def test_what_has_fallen_stands_on_the_home_with_what_to_do_next(as_ana, shop, ana):
    bruno = make_affiliate(shop.brand, "Bruno")
    respond_many(shop, ana, 5, csat=5)
    fold_changes(now=NOW)
    fall(ana, shop.brand)
    fall(ana, shop.brand, "info_previa", has_to_improve=False)
    fall(bruno, shop.brand, "precio")
    fall(None, shop.brand, "csat")

    for path in ("/portal/", PAGE):
        said = words(as_ana.get(path, headers=ENGLISH))
        assert "entrega was to be kept and now has to improve: of those who mention it 93% would keep" in said
        assert "The brand looks after it and has been told. Until it is better, do not promise it." in said
        assert "info_previa has fallen: of those who mention it 93% would keep it before, now 27% of 30." in said
        assert "change one thing, and note it down" in said
        assert "precio" not in said
        assert "Satisfied customers have fallen" not in said


def test_what_is_good_again_is_news_since_the_last_visit(as_ana, shop, ana):
    respond_many(shop, ana, 5, csat=5)
    fold_changes(now=NOW)
    as_ana.get("/portal/")
    alert = fall(ana, shop.brand)
    member = AffiliateMember.objects.get(affiliate=ana)
    AffiliateMember.objects.filter(pk=member.pk).update(last_seen_at=member.last_seen_at - timedelta(days=2))
    Alert.objects.filter(pk=alert.pk).update(ended_at=member.last_seen_at - timedelta(days=1))

    said = words(as_ana.get("/portal/", headers=ENGLISH))

    assert "entrega: as good again as before it fell." in said
    assert "now has to improve" not in said


def test_a_period_in_which_nothing_was_published_has_no_page(as_ana):
    assert as_ana.get(f"{PAGE}?period=2020-01").status_code == 404


@pytest.mark.parametrize("answers", [40, 80])
def test_the_page_asks_the_database_as_often_for_many_answers(as_ana, shop, ana, django_assert_num_queries, answers):
    fill_programme(shop)
    Target.objects.create(brand=shop.brand, figure="csat", aim=70)
    for number in range(answers):
        shop.respond(ana, csat=5, at=NOW - timedelta(days=90 * (number % 2)))
    fold_changes(now=NOW)
    as_ana.get(PAGE)

    with django_assert_num_queries(20):
        as_ana.get(PAGE)


# --- Its brand's staff -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["affiliates", "targets", "alternatives"])
def test_pages_of_the_programme_are_for_its_staff_alone(client, shop, as_ana, name):
    assert as_ana.get(f"{BRAND}/{name}/").status_code == 404

    client.force_login(make_staff(make_brand("otra"), "Olga"))
    assert client.get(f"{BRAND}/{name}/").status_code == 404

    client.logout()
    assert client.get(f"{BRAND}/{name}/").status_code == 302


@pytest.mark.parametrize("name", ["affiliates", "targets", "alternatives"])
def test_pages_of_the_programme_stand_with_nothing_to_show(as_sofia, name):
    said = words(as_sofia.get(f"{BRAND}/{name}/", headers=ENGLISH))

    assert re.search("No affiliate has answers yet|No target has been set yet|Nobody has said yet how", said)
    assert f'href="{BRAND}/{name}/"' in as_sofia.get("/portal/").content.decode()


def test_staff_see_all_affiliates_in_the_funnel_and_each_leads_to_its_page(as_sofia, shop, ana):
    fill_programme(shop)
    respond_many(shop, ana, 2, csat=5)
    respond_many(shop, ana, 18, csat=1)
    fold_changes(now=NOW)

    response = as_sofia.get(f"{BRAND}/affiliates/", headers=ENGLISH)

    said, body = words(response), response.content.decode()
    assert "Of 1 affiliate with 20 answers, 1 lie below and 0 above what is to be expected." in said
    assert "Ana 10% 3–30% 20 well below the programme Otra 0 80% 49–94% 10 too few answers" in said
    assert f'<a href="/portal/affiliates/lumbre/{ana.code}/" tabindex="-1">' in body
    assert f'<th scope="row"><a href="/portal/affiliates/lumbre/{ana.code}/">Ana</a></th>' in body


def test_staff_see_targets_falls_and_whose_part(as_sofia, shop, ana):
    Target.objects.create(brand=shop.brand, figure="csat", aim=70)
    Target.objects.create(brand=shop.brand, figure="first_answer", aim=8)
    respond_many(shop, None, 30, csat=1, part=["delivery"])
    complain(shop, ana, part="sale")
    fold_changes(now=NOW)
    reckon_figures(shop.brand, now=NOW)
    fall(ana, shop.brand)
    fall(None, shop.brand, "csat")

    said = words(as_sofia.get(f"{BRAND}/targets/", headers=ENGLISH))

    assert "0 of 2 targets met, 1 missed; of the rest it cannot be told yet." in said
    assert "Satisfied customers at least 70% 0% 0–11% 30 missed" in said
    assert "First answer to a case (median) at most 8 h — — — cannot be told yet" in said
    assert "The whole programme Satisfied customers have fallen: from 93% before to 27% of the newest 30." in said
    assert "Ana entrega was to be kept and now has to improve" in said
    assert "The delivery or activation the brand 30 · 100% 0 · 0%" in said
    assert "What was said before buying the affiliate 0 · 0% 1 · 100%" in said
    assert "Complaint 1 1 1" in said


def test_cases_of_which_nobody_has_said_whose_part_it_was_have_no_share(as_sofia, shop, ana):
    complain(shop, ana, part="")
    fold_changes(now=NOW)

    said = words(as_sofia.get(f"{BRAND}/targets/", headers=ENGLISH))

    assert "The delivery or activation the brand — 0 · —" in said
    assert "In 1 more case nobody has said yet what went wrong." in said


def test_staff_see_the_alternatives_with_reasons(as_sofia, shop, ana):
    ask_later(shop, None, 9, alternatives=2, buy_again=4, words="Llega antes <b>")
    ask_later(shop, ana, 1, alternatives=-1, at=NOW - timedelta(days=60))
    fold_changes(now=NOW)

    response = as_sofia.get(f"{BRAND}/alternatives/", headers=ENGLISH)

    said = words(response)
    assert "9 out of 10 who know other options say that Lumbre is better" in said
    assert "much better 9 · 90% somewhat better 0 · 0%" in said
    assert "January 2026 0% 0–79% 1" in said
    assert "Llega antes &lt;b&gt;" in response.content.decode()
