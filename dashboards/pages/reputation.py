"""What an affiliate shows in public, in the active language."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.templatetags.components import percent
from dashboards.wording import name_of_month
from insights.models import PublicPage
from insights.reputation import Satisfaction, Testimonial


@dataclass(frozen=True)
class ReputationPage:
    """`share` is empty with too few answers. `name`: how customers know the affiliate."""

    name: str
    brand: str
    share: str
    answers: str
    address: str
    badge_address: str
    badge_code: SafeString
    frame_code: SafeString


@dataclass(frozen=True)
class TestimonialRow:
    text: str
    question: str
    month: str


def write_reputation(page: PublicPage, satisfaction: Satisfaction | None) -> ReputationPage:
    name, brand = page.affiliate.public_name or page.affiliate.name, page.brand
    brand_name = (brand.is_discreet and brand.discreet_name) or brand.name
    share, answers = figure_said(satisfaction) if satisfaction else ("", "")
    address, badge, frame = (address_of(page, kind) for kind in ("page", "badge", "frame"))
    return ReputationPage(
        name,
        brand_name,
        share,
        answers,
        address,
        badge,
        badge_code(brand_name, address, badge, share),
        frame_code(brand_name, frame),
    )


def figure_said(satisfaction: Satisfaction) -> tuple[str, str]:
    answers = _("%(n)s answers or more") % {"n": satisfaction.answers}
    return f"≥ {percent(satisfaction.percent / 100)}", answers


def address_of(page: PublicPage, kind: str) -> str:
    return settings.BASE_URL + reverse(f"reputation:{kind}", args=[page.token])


def badge_code(brand: str, address: str, badge: str, share: str) -> SafeString:
    """To be pasted into somebody's own site."""
    alt = _("Satisfied customers of %(brand)s: %(share)s") % {"brand": brand, "share": share or "—"}
    return format_html('<a href="{}"><img src="{}" width="240" height="72" alt="{}"></a>', address, badge, alt)


def frame_code(brand: str, frame: str) -> SafeString:
    title = _("What customers of %(brand)s say") % {"brand": brand}
    return format_html('<iframe src="{}" title="{}" width="100%" height="480" loading="lazy"></iframe>', frame, title)


def write_testimonials(testimonials: Iterable[Testimonial]) -> list[TestimonialRow]:
    questions = {
        "keep_text": pgettext("testimonial", "What went well"),
        "improve_text": pgettext("testimonial", "What they would improve"),
        "comment": _("Comment"),
    }
    return [TestimonialRow(each.text, questions[each.question], name_of_month(each.month)) for each in testimonials]
