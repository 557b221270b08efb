"""Brands made up for measuring: as large as asked, the same twice, and such as the product could have made itself."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Click, Customer, Purchase, TrackingLink
from insights.models import Block, Rollup
from mailing.models import OutgoingMail
from surveys.models import Answer, Invitation, Response

pytestmark = pytest.mark.django_db


def generate(slug: str, *arguments: object) -> str:
    out = StringIO()
    size = ["--affiliates", "5", "--purchases", "400", "--answers", "250"]
    call_command("generate", "--brand", slug, *(size + [str(each) for each in arguments]), stdout=out)
    return out.getvalue()


def story(slug: str) -> list[tuple[object, ...]]:
    """Who bought what for how much, who is credited and what they said; times are told from the newest purchase."""
    purchases = Purchase.objects.filter(brand__slug=slug).order_by("external_id")
    newest = max(purchases.values_list("purchased_at", flat=True))
    rows = purchases.values_list(
        *("external_id", "customer__name", "product__sku", "amount", "declared_affiliate", "attributions__method"),
        *("invitations__response__answers__question__key", "invitations__response__answers__number"),
        *("invitations__response__answers__codes", "purchased_at"),
    ).order_by("external_id", "invitations__response__answers__question__position")
    return [(*row[:-1], round((newest - row[-1]).total_seconds())) for row in rows]


def test_a_brand_is_as_large_as_asked():
    assert generate("grande") == "5 affiliates, 400 purchases and 250 answers in grande.\n"

    brand = Brand.objects.get(slug="grande")
    counts = [
        Affiliate.objects.filter(brand=brand).count(),
        TrackingLink.objects.filter(affiliate__brand=brand).count(),
        Customer.objects.filter(brand=brand).count(),
        Purchase.objects.filter(brand=brand).count(),
        Attribution.objects.current().filter(purchase__brand=brand).count(),
        Invitation.objects.filter(brand=brand).count(),
        Response.objects.filter(brand=brand).count(),
    ]
    assert counts == [5, 15, 340, 400, 400, 400, 250]


def test_nothing_contradicts_itself_and_nobody_is_written_to():
    generate("grande")

    clicked = Purchase.objects.filter(attributions__method="click")
    quoted = {click for clicks in clicked.values_list("click_ids", flat=True) for click in clicks}
    assert quoted == set(Click.objects.values_list("public_id", flat=True))
    assert not clicked.exclude(attributions__link__affiliate=F("attributions__affiliate")).exists()
    assert not Response.objects.filter(answered_at__lt=F("invitation__scheduled_for")).exists()
    assert not Response.objects.exclude(invitation__state="queued").exists()
    assert not Response.objects.needing_follow_up().exists()
    assert not Invitation.objects.filter(state="planned", purchase__delivered_at=None).exists()
    assert not Customer.objects.exclude(email__endswith="@grande.example").exists()
    assert not OutgoingMail.objects.exists()


def test_what_is_generated_is_counted_and_published():
    generate("grande")

    credited = Response.objects.values(affiliate=F("invitation__purchase__attributions__affiliate"))
    answers = dict(credited.values_list("affiliate").annotate(n=Count("pk")))
    counted: dict[int | None, int] = {}
    for row in Rollup.objects.filter(question="answers"):
        counted[row.affiliate_id] = counted.get(row.affiliate_id, 0) + row.count
    assert counted == answers
    assert Answer.objects.filter(question__key="csat").count() == 250
    assert set(Block.objects.exclude(affiliate=None).values_list("affiliate__code", flat=True))


def test_the_same_seed_tells_the_same_story_and_another_another():
    stories = []
    for seed in (7, 7, 8):
        with transaction.atomic():
            generate("uno", "--seed", seed)
            stories.append(story("uno"))
            transaction.set_rollback(True)

    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


def test_a_brand_is_generated_once():
    generate("grande")

    with pytest.raises(CommandError, match="has generated purchases already"):
        generate("grande")
    assert Purchase.objects.count() == 400


def test_more_answers_than_purchases_are_refused():
    with pytest.raises(CommandError):
        generate("grande", "--answers", 401)
    assert not Brand.objects.filter(slug="grande").exists()
