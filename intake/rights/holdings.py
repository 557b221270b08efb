"""What is held of a customer: the tables that keys lead to, and what belongs to them where no key says it."""

from django.db.models import Q, QuerySet

from accounts.personal_data import Held
from affiliates.personal_data import HELD as OF_AFFILIATES
from complaints.models import Complaint, ComplaintEvent, ComplaintQuerySet
from complaints.personal_data import HELD as OF_COMPLAINTS
from mailing.models import OutgoingMail
from surveys.models import InvitationMail
from surveys.personal_data import HELD as OF_SURVEYS
from surveys.services.erasing import invitations_of

# From the top down, as tables lean on each other.
HELD: tuple[Held, ...] = (*OF_COMPLAINTS, *OF_SURVEYS, *OF_AFFILIATES)


def cases_of(customer_id: int) -> ComplaintQuerySet:
    cases: ComplaintQuerySet = Complaint.objects.all()
    return cases.filter(Q(customer=customer_id) | Q(purchase__customer=customer_id))


def occasions_of(customer_id: int) -> list[str]:
    """What they were asked about besides their purchases."""
    return [f"case:{pk}" for pk in cases_of(customer_id).values_list("pk", flat=True)]


def mails_about(customer_id: int) -> list[int]:
    """The mails of their surveys and of their cases, whatever address they went to."""
    invitations = invitations_of(customer_id, occasions_of(customer_id))
    asked = InvitationMail.objects.filter(invitation__in=invitations).values_list("mail", flat=True)
    return [*asked, *_mails_about_cases(customer_id).values_list("pk", flat=True)]


def _mails_about_cases(customer_id: int) -> QuerySet[OutgoingMail]:
    """By the keys under which complaints.services.mails writes."""
    cases = list(cases_of(customer_id).values_list("pk", flat=True))
    events = ComplaintEvent.objects.filter(complaint__in=cases).values_list("pk", flat=True)
    keys = [f"complaint:{pk}:acknowledgement" for pk in cases] + [f"complaint:event:{pk}" for pk in events]
    return OutgoingMail.objects.filter(dedupe_key__in=keys)
