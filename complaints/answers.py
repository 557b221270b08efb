"""Ready answers, filled in for a case."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import override

from accounts.models import User
from complaints.models import CannedAnswer, Complaint
from complaints.placeholders import fill
from complaints.wording import moment_in_words
from mailing.rendering import name_of


def answers_for(complaint: Complaint) -> list[CannedAnswer]:
    """Those of its brand in its customer's language, by title."""
    ours = CannedAnswer.objects.filter(brand=complaint.brand_id, is_active=True)
    return list(ours.filter(language=complaint.mail_language))


def filled(answer: CannedAnswer, complaint: Complaint, *, by: User, now: datetime) -> str:
    purchase, customer, due = complaint.purchase, complaint.customer, complaint.due_at
    with override(complaint.mail_language):
        when = moment_in_words(due, ZoneInfo(complaint.brand.timezone)) if due and due > now else ""
    values = {
        "name": customer.name.split(" ")[0] if customer else "",
        "number": complaint.number,
        "order": purchase.external_id if purchase else "",
        "product": str(purchase.product) if purchase and purchase.product else "",
        "brand": name_of(complaint.brand),
        "agent": by.get_short_name(),
        "due": when,
    }
    return fill(answer.text, values)
