from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand
from accounts.partitions import place_of
from affiliates.models import Affiliate, Click, TrackingLink
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_link

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def ana(brand: Brand) -> Affiliate:
    return make_affiliate(brand)


@pytest.fixture
def link(ana: Affiliate) -> TrackingLink:
    return make_link(ana, destination="https://lumbre.example/botas?talla=42#oferta")


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"User-Agent": FIREFOX})


def test_a_link_stores_the_click_and_leads_to_the_shop(visitor, link):
    response = visitor.get(f"/r/{link.code}")

    click = Click.objects.get()
    assert response.status_code == 302
    assert response["Location"] == f"https://lumbre.example/botas?talla=42&pv_click={click.public_id}#oferta"
    assert (click.link, click.kind) == (link, "visit")


def test_a_link_leaves_no_cookie_and_nothing_to_be_kept(visitor, link):
    response = visitor.get(f"/r/{link.code}")

    assert not response.cookies
    assert "no-store" in response["Cache-Control"]
    click = Click.objects.get()
    assert "127.0.0.1" not in click.visitor
    assert click.visitor.startswith("v:")


def test_what_the_request_says_never_changes_where_it_leads(visitor, link):
    response = visitor.get(f"/r/{link.code}?url=https://evil.example/&next=//evil.example&pv_click=forged")

    target = urlsplit(response["Location"])
    assert target.netloc == "lumbre.example"
    assert parse_qs(target.query)["pv_click"] == [Click.objects.get().public_id]


def test_again_within_half_an_hour_is_a_repeat_with_an_id_of_its_own(visitor, link):
    first, second = visitor.get(f"/r/{link.code}"), visitor.get(f"/r/{link.code}")

    assert list(Click.objects.order_by("pk").values_list("kind", flat=True)) == ["visit", "repeat"]
    assert first["Location"] != second["Location"]


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        (FIREFOX, "visit"),
        ("Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36", "visit"),
        ("curl/8.5.0", "visit"),
        ("", "visit"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"),
        ("facebookexternalhit/1.1", "bot"),
        ("WhatsApp/2.23.20.0", "bot"),
        ("Twitterbot/1.0", "bot"),
    ],
)
def test_bots_are_recorded_as_such(link, user_agent, kind):
    Client(headers={"User-Agent": user_agent}).get(f"/r/{link.code}")

    assert Click.objects.get().kind == kind


def test_a_header_request_is_recorded_as_such(visitor, link):
    response = visitor.head(f"/r/{link.code}")

    assert response.status_code == 302
    assert Click.objects.get().kind == "head"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_refused(visitor, link, method):
    assert getattr(visitor, method)(f"/r/{link.code}").status_code == 405
    assert not Click.objects.exists()


@pytest.mark.parametrize("code", ["nadie", "%00", "%0d%0aSet-Cookie:a", "ñ", "a" * 5000, "%f0%9f%92%a9"])
def test_an_unknown_code_gets_a_page(visitor, link, code):
    response = visitor.get(f"/r/{code}")

    assert response.status_code == 404
    assert "Location" not in response
    assert not Click.objects.exists()


def test_a_paused_link_gets_a_page(visitor, link):
    TrackingLink.objects.update(paused_at=NOW)

    response = visitor.get(f"/r/{link.code}")

    assert response.status_code == 410
    assert "Location" not in response
    assert not Click.objects.exists()


@pytest.mark.parametrize("destination", ["https://evil.example/", "https://lumbre.example\\@evil.example/", "//x"])
def test_a_destination_that_got_in_some_other_way_is_not_followed(visitor, link, destination):
    TrackingLink.objects.update(destination=destination)

    assert visitor.get(f"/r/{link.code}").status_code == 410


def test_a_host_given_up_by_the_brand_is_not_followed(visitor, link, brand):
    Brand.objects.update(allowed_hosts=["otra.example"])

    assert visitor.get(f"/r/{link.code}").status_code == 410


def test_a_suspended_affiliates_visitors_still_reach_the_shop(visitor, link, ana):
    Affiliate.objects.update(status="suspended")

    assert visitor.get(f"/r/{link.code}").status_code == 302


def test_a_click_takes_one_read_and_one_write_and_later_the_write_alone(visitor, link, django_assert_num_queries):
    place_of("affiliates_click", NOW, NOW)  # which pieces there are is known
    with django_assert_num_queries(2):
        visitor.get(f"/r/{link.code}")
    with django_assert_num_queries(1):
        visitor.get(f"/r/{link.code}")


def test_a_repeat_is_looked_for_among_the_visitors_clicks_not_the_links(visitor, link):
    """The link's may be thousands in half an hour, the visitor's are few; without statistics both seem alike."""
    connection.planned.clear()  # by an earlier test, for a table of its own size
    with CaptureQueriesContext(connection) as captured:
        visitor.get(f"/r/{link.code}")

    written = captured[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + written[written.index("EXECUTE") :])
        used = [line for (line,) in cursor.fetchall() if "Index Scan" in line and " on affiliates_click_" in line]
    assert used
    # The piece from before the cut calls its index otherwise than those of the months.
    assert not any("newest" in line or "_link_id_occurred_at_" in line for line in used)


def test_without_a_cache_links_go_on_leading(visitor, link, settings, tmp_path):
    settings.CACHES = settings.CACHES | {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"unix://{tmp_path}/nobody-here.sock?db=1",
        }
    }

    for _attempt in range(2):
        assert visitor.get(f"/r/{link.code}").status_code == 302

    assert Click.objects.count() == 2


def test_a_recommendation_leads_to_the_shop_with_its_code(visitor, brand):
    make_customer(brand, referral_code="carla7")

    response = visitor.get("/i/carla7")

    assert response["Location"] == "https://lumbre.example/?pv_ref=carla7"
    assert not response.cookies


@pytest.mark.parametrize("code", ["nadie", "%00"])
def test_an_unknown_recommendation_gets_a_page(visitor, brand, code):
    assert visitor.get(f"/i/{code}").status_code == 404


def test_a_brand_without_a_shop_leads_nowhere(visitor, brand):
    make_customer(brand, referral_code="carla7")
    Brand.objects.update(allowed_hosts=[])

    assert visitor.get("/i/carla7").status_code == 410
