"""Whose a mail is, and which case it is about: told by what it answers, and by who sends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Brand
from affiliates.models import Customer, Purchase
from complaints.inbound.parsing import Letter
from complaints.models import Complaint, IncomingMail
from complaints.services.ending import case_of_occasion
from complaints.services.mails import case_of_mail
from mailing.addresses import known_hashes, normalize_address
from mailing.models import OutgoingMail
from mailing.return_paths import REPLY, mail_about
from surveys.models import InvitationMail, Wave

Reason, Evidence = IncomingMail.Reason, IncomingMail.Evidence


@dataclass(frozen=True)
class Place:
    """Where a mail belongs as far as it can be told; `reason`: why a person has to look."""

    brand: Brand | None = None
    answers: OutgoingMail | None = None
    evidence: str = ""
    complaint: Complaint | None = None
    purchase: Purchase | None = None
    customer: Customer | None = None
    reason: str = ""


def find_place(letter: Letter) -> Place:
    ours, evidence = mail_answered_by(letter)
    if ours is None:
        return place_by_sender(letter)
    place = place_of(ours)
    is_theirs = bool(letter.sender) and normalize_address(letter.sender) == normalize_address(ours.to_address)
    reason = place.reason or ("" if is_theirs or is_address_of(letter.sender, place.customer) else Reason.OTHER_SENDER)
    return Place(ours.brand, ours, evidence, place.complaint, place.purchase, place.customer, reason)


def mail_answered_by(letter: Letter) -> tuple[OutgoingMail | None, str]:
    """By the reply address that only that mail has, else by its Message-ID, which its recipient alone knows."""
    mails = OutgoingMail.objects.select_related("brand")
    named: list[UUID] = [uuid for address in letter.recipients if (uuid := mail_about(address, REPLY))]
    if named and (mail := mails.filter(uuid=named[0]).first()):
        return mail, Evidence.ADDRESS
    found = {mail.message_id: mail for mail in mails.filter(message_id__in=letter.answers)}
    nearest = next((found[message_id] for message_id in letter.answers if message_id in found), None)
    return nearest, Evidence.THREAD if nearest else ""


def place_of(ours: OutgoingMail) -> Place:
    """What the mail that is answered was about."""
    if ours.template.startswith("complaints/"):
        cases = Complaint.objects.select_related("customer", "purchase", "merged_into")
        case = case_of_mail(ours, cases)
        return Place(complaint=case, customer=case.customer) if case else Place(reason=Reason.NO_CASE)
    link = InvitationMail.objects.filter(mail=ours).select_related("invitation__purchase__customer").first()
    if link is None:
        return Place(reason=Reason.NO_CASE)
    invitation = link.invitation
    if invitation.wave == Wave.CLOSING:
        case = (
            Complaint.objects.select_related("customer").filter(pk=case_of_occasion(invitation.occasion) or 0).first()
        )
        return Place(complaint=case, customer=case.customer) if case else Place(reason=Reason.NO_CASE)
    purchase = invitation.purchase
    return Place(purchase=purchase, customer=purchase.customer) if purchase else Place(reason=Reason.NO_CASE)


def place_by_sender(letter: Letter) -> Place:
    """It answers nothing of ours: the address that it came to tells the brand, and its sender who they are."""
    brands = list(brands_with_address(letter.recipients)[:2])
    if len(brands) != 1:
        return Place(reason=Reason.UNKNOWN_BRAND)
    [brand] = brands
    customer = Customer.objects.filter(brand=brand, email_hash__in=known_hashes(letter.sender)).first()
    if customer is None:
        return Place(brand, reason=Reason.UNKNOWN_SENDER)
    if case := Complaint.objects.open().filter(customer=customer).order_by("-opened_at", "-id").first():
        return Place(brand, complaint=case, customer=customer, reason=Reason.WHICH_CASE)
    return Place(brand, evidence=Evidence.SENDER, customer=customer)


def brands_with_address(addresses: Sequence[str]) -> QuerySet[Brand]:
    """Whose mailbox for customers one of these is."""
    wanted = Q(pk__in=[])
    for address in list(dict.fromkeys(addresses))[:20]:
        wanted |= Q(reply_to__iexact=address) | Q(service_sender__iexact=address) | Q(survey_sender__iexact=address)
    return Brand.objects.filter(wanted)


def is_address_of(address: str, customer: Customer | None) -> bool:
    return bool(customer and customer.email_hash and bytes(customer.email_hash) in known_hashes(address))
