import pytest

from affiliates.destinations import around_click, is_allowed_destination

HOSTS = ["lumbre.example", "niño.example", "localhost:8001"]


@pytest.mark.parametrize(
    "url",
    [
        "https://lumbre.example",
        "http://lumbre.example/botas?a=1&b=%20#sol",
        "HTTPS://LUMBRE.EXAMPLE/Botas",
        "https://lumbre.example:443/",
        "http://localhost:8001/x",
        "https://niño.example/",
        "https://xn--nio-8ma.example/",
    ],
)
def test_a_page_of_the_shop_is_allowed(url):
    assert is_allowed_destination(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lumbre.example",
        "/botas",
        "//lumbre.example/",
        "https:lumbre.example",
        "https:///lumbre.example/",
        "javascript:alert(1)//lumbre.example",
        "data:text/html,lumbre.example",
        "ftp://lumbre.example/",
        "https://evil.example/",
        "https://lumbre.example.evil.example/",
        "https://sub.lumbre.example/",
        "https://lumbre.example@evil.example/",
        "https://user:pass@lumbre.example/",
        "https://evil.example\\@lumbre.example/",
        "https://lumbre.example\\.evil.example/",
        "https:\\\\lumbre.example/",
        "https://lumbre.example:8443/",
        "https://lumbre.example:99999/",
        "https://[lumbre.example/",
        " https://lumbre.example/",
        "https://lumbre.example/a b",
        "https://lumbre.example/\r\nSet-Cookie: a=b",
        "https://lum\tbre.example/",
        "https://lumbre.example\x00.evil.example/",
        "https://lumbre.example\u3002evil.example/",
        "https://lumbre.example\u2028/",
        "https://.lumbre.example/",
    ],
)
def test_anything_else_is_not(url):
    assert not is_allowed_destination(url, HOSTS)


def test_without_hosts_nothing_is_allowed():
    assert not is_allowed_destination("https://lumbre.example/", [])
    assert not is_allowed_destination("https:///lumbre.example/", ["", " "])


@pytest.mark.parametrize(
    ("url", "led_to"),
    [
        ("https://lumbre.example", "https://lumbre.example?pv_click=ID"),
        ("https://lumbre.example/a?b=1&c=%20&&d#e?f", "https://lumbre.example/a?b=1&c=%20&d&pv_click=ID#e?f"),
        ("https://lumbre.example/?pv_click=old&a=1", "https://lumbre.example/?a=1&pv_click=ID"),
        ("https://lumbre.example/ñ?a=%C3%B1#ñ", "https://lumbre.example/%C3%B1?a=%C3%B1&pv_click=ID#%C3%B1"),
    ],
)
def test_the_click_is_added_and_the_rest_kept(url, led_to):
    assert "ID".join(around_click(url)) == led_to
