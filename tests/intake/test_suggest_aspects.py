"""Words stored before there was a lexicon, read and counted by the command."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from insights.models import Rollup
from surveys.models import Answer
from surveys.services.answering import submit_response
from tests.factories import NOW, make_affiliate, make_brand, make_customer, make_purchase
from tests.surveys.factories import make_invitation, said

pytestmark = pytest.mark.django_db


def run(slug: str) -> str:
    out = StringIO()
    call_command("suggest_aspects", "--brand", slug, stdout=out)
    return out.getvalue()


def test_words_of_before_are_read_and_counted() -> None:
    brand = make_brand()
    ana = make_affiliate(brand)
    purchase = make_purchase(make_customer(brand), affiliate=ana)
    data = said(csat=2, improve_text="Llegó tarde y nadie contesta")
    submit_response(make_invitation(purchase), data, language="es", suspicions=[], now=NOW)
    Answer.objects.update(aspects=[], language="")

    assert run("lumbre") == "1 answers are about something else than before.\n"

    mentions = Rollup.objects.filter(affiliate=ana, question="improve").order_by("value")
    assert [(row.value, row.count) for row in mentions] == [("entrega", 1), ("soporte", 1)]
    assert run("lumbre") == "0 answers are about something else than before.\n"


def test_an_unknown_brand_is_said() -> None:
    with pytest.raises(CommandError, match="There is no brand"):
        run("nadie")
