"""What an affiliate shows in public: off until chosen, over all answers, and nobody's words without their consent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate, AffiliateMember
from dashboards.forms import HOST, host_of
from insights import reputation
from insights.models import PublicPage, Quote
from insights.reputation import Satisfaction, public_satisfaction
from insights.services import fold_changes
from surveys.models import Response
from tests.factories import NOW, make_affiliate, make_member, make_staff
from tests.insights.conftest import Shop

PAGE = "/portal/reputation/"
ON = {"is_on": "on", "shows_words": "on", "frame_hosts": ""}
ENGLISH = {"accept-language": "en"}
Answer = Callable[..., None]


@pytest.fixture
def told(shop: Shop, ana: Affiliate) -> list[Response]:
    """Twenty-four satisfied and three not, of whom two agreed that their words are published."""
    said = [shop.respond(ana, csat=5) for _number in range(24)]
    said += [
        shop.respond(ana, csat=1, improve_text="Tardó un mes"),
        shop.respond(ana, csat=5, keep_text="Todo como lo contaba"),
        shop.respond(ana, csat=1, improve_text="No quiero salir en ningún sitio"),
    ]
    Response.objects.filter(pk__in=[said[24].pk, said[25].pk]).update(publishes=True)
    fold_changes(now=NOW)
    return said


@pytest.fixture
def public(as_ana: Client, told: list[Response]) -> PublicPage:
    as_ana.post(PAGE, ON | {"frame_hosts": "https://Blog.example/inicio\ntienda.example:8443"})
    return PublicPage.objects.get()


def anybody(page: PublicPage, kind: str = "page", **query: str) -> Any:
    return Client().get(reverse(f"reputation:{kind}", args=[page.token]), query, headers=ENGLISH)


# --- Off, on, and stopped --------------------------------------------------------------------------------------------
def test_nothing_is_public_until_an_owner_says_so(as_ana: Client, ana: Affiliate, told: list[Response]) -> None:
    page = PublicPage.objects.create(affiliate=ana)
    statuses = {kind: anybody(page, kind).status_code for kind in ("page", "frame", "badge")}
    assert statuses == {"page": 404, "frame": 404, "badge": 404}

    as_ana.post(PAGE, ON)

    assert {kind: anybody(page, kind).status_code for kind in statuses} == dict.fromkeys(statuses, 200)
    as_ana.post(PAGE, {"frame_hosts": ""})
    assert anybody(page).status_code == 404


def test_staff_stop_a_page_and_its_owner_cannot_undo_it(as_ana: Client, shop: Shop, public: PublicPage) -> None:
    staff = Client()
    staff.force_login(make_staff(shop.brand))
    listed = reverse("admin:insights_publicpage_changelist")

    staff.post(listed, {"action": "stop", "_selected_action": [public.pk]})
    as_ana.post(PAGE, ON)

    assert anybody(public).status_code == 404
    staff.post(listed, {"action": "allow", "_selected_action": [public.pk]})
    assert anybody(public).status_code == 200


@pytest.mark.parametrize("status", ["suspended", "invited"])
def test_a_suspended_affiliate_shows_nothing(public: PublicPage, status: str) -> None:
    Affiliate.objects.filter(pk=public.affiliate_id).update(status=status)

    assert anybody(public, "badge").status_code == 404


def test_only_an_owner_chooses(as_ana: Client, shop: Shop, ana: Affiliate, told: list[Response]) -> None:
    AffiliateMember.objects.update(role=AffiliateMember.Role.MEMBER)
    staff, rival = Client(), Client()
    staff.force_login(make_staff(shop.brand))
    rival.force_login(make_member(make_affiliate(shop.brand, "Bruno")))
    looked = PAGE.replace("/portal/", f"/portal/affiliates/{shop.brand.slug}/{ana.code}/")

    assert as_ana.get(PAGE).status_code == 200
    assert as_ana.post(PAGE, ON).status_code == 403
    assert staff.post(looked, ON).status_code == 403
    assert rival.post(looked, ON).status_code == 404
    assert not PublicPage.objects.exists()


# --- What stands on it -----------------------------------------------------------------------------------------------
def test_the_figure_is_over_all_answers_and_tells_no_exact_number(ana: Affiliate, told: list[Response]) -> None:
    assert public_satisfaction(ana) == Satisfaction(percent=90, answers=20)


def test_nineteen_answers_are_too_few_to_tell_the_world(ana: Affiliate, answer: Answer) -> None:
    answer(19, csat=5)
    assert public_satisfaction(ana) is None

    answer(5, csat=5)
    assert public_satisfaction(ana) is not None


def test_good_and_bad_words_stand_there_alike_and_only_by_consent(public: PublicPage) -> None:
    said = {each.text for each in anybody(public).context["testimonials"]}

    assert said == {"Todo como lo contaba", "Tardó un mes"}
    assert "No quiero salir" not in anybody(public, "frame").content.decode()


def test_who_takes_the_consent_back_is_gone_at_once(public: PublicPage, shop: Shop, told: list[Response]) -> None:
    Response.objects.filter(pk=told[24].pk).update(publishes=False)
    assert [quote.text for quote in reputation.testimonials_of(public.affiliate)] == ["Todo como lo contaba"]

    shop.erase(told[25])
    assert list(reputation.testimonials_of(public.affiliate)) == []
    assert anybody(public).context["testimonials"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"hides_comment": True},
        {"hides_comment": True, "is_quotable": False},
        {"is_suspect": True},
        {"is_quotable": False},
    ],
)
def test_what_is_hidden_doubtful_or_not_quotable_is_no_testimonial(
    ana: Affiliate, told: list[Response], change: dict[str, Any]
) -> None:
    Response.objects.filter(pk=told[24].pk).update(**change)

    assert [quote.text for quote in reputation.testimonials_of(ana)] == ["Todo como lo contaba"]


def test_what_was_reported_as_revealing_is_gone(ana: Affiliate, told: list[Response]) -> None:
    Quote.objects.filter(text="Tardó un mes").update(hidden_at=NOW)

    assert [quote.text for quote in reputation.testimonials_of(ana)] == ["Todo como lo contaba"]


def test_words_can_be_left_out_as_a_whole(as_ana: Client, public: PublicPage) -> None:
    as_ana.post(PAGE, {"is_on": "on", "frame_hosts": ""})

    assert anybody(public).context["testimonials"] == []
    assert anybody(public, "frame").context["testimonials"] == []


def test_an_answer_changes_nothing_public_before_its_block(shop: Shop, ana: Affiliate, told: list[Response]) -> None:
    """An affiliate, or anybody, who fetches the page after every answer and subtracts."""
    fold_changes(now=NOW)
    seen = []
    for number in range(5):
        one = shop.respond(ana, csat=1, improve_text=f"Texto {number}")
        Response.objects.filter(pk=one.pk).update(publishes=True)
        fold_changes(now=NOW + timedelta(minutes=number))
        seen.append((public_satisfaction(ana), [quote.text for quote in reputation.testimonials_of(ana)]))

    assert seen[:4] == seen[:1] * 4
    assert seen[4] != seen[0]


def policy_of(response: Any) -> str:
    return response.headers["Content-Security-Policy"]


# --- How it is served ------------------------------------------------------------------------------------------------
def test_only_the_sites_that_were_named_may_frame_it(public: PublicPage) -> None:
    frame = anybody(public, "frame")

    assert "frame-ancestors https://blog.example https://tienda.example:8443" in policy_of(frame)
    assert "X-Frame-Options" not in frame.headers
    for kind in ("page", "badge"):
        assert "frame-ancestors 'none'" in policy_of(anybody(public, kind))
        assert anybody(public, kind).headers["X-Frame-Options"] == "DENY"


def test_without_sites_nobody_may_frame_it(as_ana: Client, public: PublicPage) -> None:
    as_ana.post(PAGE, ON)

    assert "frame-ancestors 'none'" in policy_of(anybody(public, "frame"))


def test_it_may_be_kept_for_five_minutes_sets_no_cookie_and_asks_no_robot(public: PublicPage) -> None:
    for kind in ("page", "frame", "badge"):
        response = anybody(public, kind)

        assert response.headers["Cache-Control"] == "public, max-age=300"
        assert response.cookies == {}
    assert '<meta name="robots" content="noindex">' in anybody(public).content.decode()


def test_the_badge_is_a_picture_that_says_what_it_shows(public: PublicPage) -> None:
    response = anybody(public, "badge", lang="es")

    picture = ElementTree.fromstring(response.content)
    assert response.headers["Content-Type"].startswith("image/svg+xml")
    assert picture.findtext("{http://www.w3.org/2000/svg}title", "").startswith("≥ 90\u00a0%")


@pytest.mark.parametrize(
    "host",
    ["blog.example; script-src *", "*", "*.example", "localhost", "a b", "blog.example'", "-x.example", "javascript:x"],
)
def test_nothing_but_a_site_gets_into_the_header(as_ana: Client, told: list[Response], host: str) -> None:
    page = as_ana.post(PAGE, ON | {"frame_hosts": host})

    assert page.context["form"].errors or not any(not HOST.fullmatch(host_of(part)) for part in host.split())
    assert not PublicPage.objects.exists()


@pytest.mark.parametrize("words", [1, 3])
def test_the_public_page_asks_as_often_for_many(
    shop: Shop, ana: Affiliate, words: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    for number in range(20):
        one = shop.respond(ana, csat=5, keep_text=f"Bien {number}")
        Response.objects.filter(pk=one.pk).update(publishes=number < words)
    fold_changes(now=NOW)
    page = PublicPage.objects.create(affiliate=ana, is_on=True)

    with django_assert_num_queries(4):
        anybody(page)
