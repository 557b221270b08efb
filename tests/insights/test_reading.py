"""Comments read at night: whose words count, and on which side."""

from insights.models import TellingWord
from insights.services import fold_changes, measure_brand
from tests.factories import NOW
from tests.insights.conftest import Shop


def write(shop: Shop, affiliate, n: int, text: str, score: int, **given) -> list:
    return [shop.respond(affiliate, csat=score, improve_text=text, **given) for _number in range(n)]


def read(shop: Shop) -> set[tuple[str, str, str, int]]:
    fold_changes(now=NOW)
    measure_brand(shop.brand, now=NOW)
    return set(TellingWord.objects.filter(brand=shop.brand).values_list("side", "theme", "form", "comments"))


def test_words_of_either_side_are_found_under_their_aspect(shop, ana):
    write(shop, ana, 20, "No he recibido nada", 1)
    write(shop, ana, 20, "Precioso", 5)
    write(shop, ana, 5, "Normal", 3)

    found = read(shop)

    assert ("unhappy", "entrega", "no he recibido", 20) in found
    assert ("happy", "", "precioso", 20) in found
    assert not [form for _side, _theme, form, _n in found if "normal" in form]


def test_with_fewer_than_twenty_comments_a_side_yesterdays_words_go(shop, ana):
    unhappy = write(shop, ana, 20, "Roto", 1)
    write(shop, ana, 20, "Precioso", 5)
    assert read(shop)

    shop.judge(unhappy[0], suspect=True)

    assert read(shop) == set()
