"""Comments read at night: whose words count, and on which side."""

from datetime import timedelta

from affiliates.models import Purchase
from insights.models import AffiliateWord, TellingWord
from insights.services import fold_changes, measure_brand
from insights.services.reporting import report_quotes, shown_quotes
from tests.factories import NOW, make_affiliate, make_staff
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


# --- An affiliate's words --------------------------------------------------------------------------------------------
OTHERS = ["El envío bien", "Buen precio", "Todo correcto", "Como esperaba"]


def fill(shop: Shop) -> list:
    """Six others, whose customers write ten comments each, all about the same."""
    others = [make_affiliate(shop.brand, f"Otra {number}") for number in range(6)]
    for other in others:
        for number in range(10):
            shop.respond(other, csat=4, keep_text=OTHERS[number % 4])
    return others


def read_own(shop: Shop, affiliate, *, is_published: bool = True, side: str = "own") -> dict[str, tuple[int, int]]:
    fold_changes(now=NOW)
    measure_brand(shop.brand, now=NOW)
    found = AffiliateWord.objects.filter(affiliate=affiliate, is_published=is_published, side=side)
    return {word.form: (word.comments, word.customers) for word in found}


def test_what_an_affiliates_customers_write_more_than_others(shop, ana):
    others = fill(shop)
    write(shop, ana, 12, "No funciona la talla", 2)
    write(shop, ana, 8, "Todo correcto", 4)

    found = read_own(shop, ana)

    assert found["no funciona"] == (12, 12)
    assert "todo correcto" not in found
    assert read_own(shop, ana, is_published=False) == found
    assert "no funciona" not in read_own(shop, others[0])


def test_other_languages_count_too(shop, ana):
    fill(shop)
    for number in range(20):
        language, text = [("en", "It never arrived"), ("pt", "Não recebi nada")][number % 2]
        response = shop.respond(ana, csat=1, improve_text=text)
        response.answers.filter(question__key="improve_text").update(language=language)

    found = read_own(shop, ana)

    assert found["never arrived"] == (10, 10)
    assert found["não recebi"] == (10, 10)


def test_affiliates_read_only_of_what_was_published(shop, ana):
    """Staff know the words that were refused, or that no block has brought yet; the affiliate does not."""
    fill(shop)
    write(shop, ana, 20, "Todo correcto", 4)
    write(shop, ana, 15, "Roto al abrir", 1, hides=True)
    write(shop, ana, 15, "Manchado del todo", 1, quotable=False)
    fold_changes(now=NOW)
    write(shop, ana, 4, "Perdido por ahí", 1)

    assert {"roto", "manchado"} <= {form.split()[0] for form in read_own(shop, ana, is_published=False)}
    assert not {"roto", "manchado", "perdido"} & {form.split()[0] for form in read_own(shop, ana)}


def test_what_two_customers_write_is_nobodys_business(shop, ana):
    fill(shop)
    write(shop, ana, 20, "Todo correcto", 4)
    responses = write(shop, ana, 6, "Goteras", 1)
    first = responses[0].invitation.purchase.customer
    for response in responses[2:]:
        Purchase.objects.filter(pk=response.invitation.purchase_id).update(customer=first)

    assert "goteras" not in read_own(shop, ana)
    assert "goteras" not in read_own(shop, ana, is_published=False)


def test_where_the_others_are_few_or_mostly_one_an_affiliate_is_told_nothing(shop, ana, bruno):
    write(shop, ana, 20, "Roto", 1)
    for number in range(60):
        shop.respond(bruno, csat=4, keep_text=OTHERS[number % 4])

    assert read_own(shop, ana) == {}
    assert read_own(shop, ana, is_published=False)["roto"] == (20, 20)


def test_withdrawn_words_change_nothing_before_the_next_block(shop, ana):
    """A word that went at once would tell whose it was."""
    fill(shop)
    write(shop, ana, 20, "Todo correcto", 4)
    responses = write(shop, ana, 10, "Goteras", 1)
    assert read_own(shop, ana)["goteras"] == (10, 10)

    for response in (responses[:3], responses[3:8]):
        for each in response:
            shop.erase(each)
        assert read_own(shop, ana)["goteras"] == (10, 10)

    write(shop, ana, 13, "Todo correcto", 4)
    assert "goteras" not in read_own(shop, ana)


def test_reported_words_change_nothing_before_the_next_block(shop, ana):
    """Whoever reports one after the other would see which of them are one customer's."""
    fill(shop)
    write(shop, ana, 20, "Todo correcto", 4)
    write(shop, ana, 10, "Goteras", 1)
    assert read_own(shop, ana)["goteras"] == (10, 10)
    reported = list(shown_quotes(ana).filter(text="Goteras"))

    somebody = make_staff(shop.brand)
    for quotes in (reported[:1], reported[1:8]):
        report_quotes(quotes, "reveals", by=somebody, now=NOW)
        assert read_own(shop, ana)["goteras"] == (10, 10)

    write(shop, ana, 5, "Todo correcto", 4)
    fold_changes(now=NOW + timedelta(hours=1))
    assert "goteras" not in read_own(shop, ana)


def test_staff_see_an_affiliates_unhappy_customers_against_its_happy_ones(shop, ana):
    write(shop, ana, 20, "Roto", 1)
    write(shop, ana, 20, "Precioso", 5)

    assert read_own(shop, ana, is_published=False, side="unhappy") == {"roto": (20, 20)}
    assert read_own(shop, ana, is_published=False, side="happy") == {"precioso": (20, 20)}
    assert not AffiliateWord.objects.filter(is_published=True).exists()
