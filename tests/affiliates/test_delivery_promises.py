"""Times of delivery in the sentences that affiliates sell by."""

import pytest

from affiliates.delivery_promises import hours_promised


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("Entrega en 24 h", 24),
        ("Envío en 24/48 h", 48),
        ("Envío gratis en 48 horas", 48),
        ("Te llega a casa en 2 días", 48),
        ("Lo recibes en 3 a 5 días laborables", 24 * 7),
        ("Recíbelo en 24h", 24),
        ("Delivery within 24 hours", 24),
        ("Ships in 2-3 business days", 24 * 5),
        ("Entrega: 1 día", 24),
        # What says no time of delivery.
        ("Envío gratis desde 30 €", None),
        ("Devolución en 30 días", None),
        ("Envío gratis. Devolución en 30 días", None),
        ("Envío gratis y devolución en 30 días", None),
        ("Llega para 4 personas", None),
        ("Garantía de 3 años", None),
        ("Entrega en 0 h", None),
        ("Entrega en 900 días", None),
        ("Entrega rápida", None),
        ("", None),
    ],
)
def test_the_most_that_a_sentence_allows(text: str, hours: int | None) -> None:
    assert hours_promised(text) == hours
