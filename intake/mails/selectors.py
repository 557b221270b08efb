"""What a mail is about: the ledger knows addresses and templates, the apps above know purchases, surveys and cases."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from affiliates.models import Purchase
from complaints.models import Complaint, ComplaintEvent
from mailing.models import OutgoingMail
from surveys.models import InvitationMail, Response

LABELS = {
    "surveys/invitation": _("Survey"),
    "surveys/follow_up": _("Second survey"),
    "surveys/reminder": _("Reminder of a survey"),
    "surveys/closing": _("Question after a closed case"),
    "complaints/acknowledgement": _("Receipt of a case"),
    "complaints/reply": _("Answer to a case"),
    "complaints/resolution": _("Resolution of a case"),
    "accounts/password_reset": _("New password"),
    "accounts/notice": _("Notice about an account"),
    "affiliates/invitation": _("Invitation to an affiliate"),
    "affiliates/claim_answered": _("Answer to an affiliate’s claim"),
    "dashboards/digest": _("Summary for an affiliate"),
    "complaints/alarms": _("Deadlines of cases"),
    "intake/hook_silent": _("A hook gone silent"),
}


@dataclass(frozen=True)
class Subject:
    """`title` and `url`: the purchase or case it is about, where there is one."""

    label: str
    title: str = ""
    url: str = ""
    is_survey: bool = False
    answered_at: datetime | None = None


def subjects_of(mails: Sequence[OutgoingMail]) -> dict[int, Subject]:
    """By the mail's id; three statements, however many mails."""
    surveys, cases = _survey_subjects(mails), _case_subjects(mails)
    return {mail.pk: surveys.get(mail.pk) or cases.get(mail.pk) or Subject(label_of(mail)) for mail in mails}


def label_of(mail: OutgoingMail) -> str:
    return str(LABELS.get(mail.template, mail.template))


def _survey_subjects(mails: Sequence[OutgoingMail]) -> dict[int, Subject]:
    by_id = {mail.pk: mail for mail in mails}
    links = list(InvitationMail.objects.filter(mail__in=by_id).select_related("invitation__purchase"))
    answers = Response.objects.filter(invitation__in=[link.invitation_id for link in links])
    answered_at = dict(answers.values_list("invitation", "answered_at"))
    return {link.mail_id: _survey_subject(link, by_id[link.mail_id], answered_at) for link in links}


def _survey_subject(link: InvitationMail, mail: OutgoingMail, answered_at: dict[int, datetime]) -> Subject:
    purchase = link.invitation.purchase
    return Subject(
        label_of(mail),
        title=purchase.external_id if purchase else "",
        url=reverse("admin:affiliates_purchase_change", args=[purchase.pk]) if purchase else "",
        is_survey=True,
        answered_at=answered_at.get(link.invitation_id),
    )


def _case_subjects(mails: Iterable[OutgoingMail]) -> dict[int, Subject]:
    numbered = {mail.pk: mail for mail in mails if mail.template.startswith("complaints/")}
    numbers = {mail.context.get("number") for mail in numbered.values()}
    cases = {(case.brand_id, case.number): case for case in Complaint.objects.filter(number__in=numbers)}
    return {
        pk: Subject(label_of(mail), case.number, reverse("admin:complaints_complaint_change", args=[case.pk]))
        for pk, mail in numbered.items()
        if (case := cases.get((mail.brand_id, mail.context.get("number", ""))))
    }


def mails_about(text: str, *, brands: Sequence[int]) -> Q:
    """The mails about the purchase or the case of exactly this number: its surveys, and what was written on cases."""
    purchases = list(Purchase.objects.filter(brand__in=brands, external_id=text).values_list("pk", flat=True))
    asked = InvitationMail.objects.filter(invitation__purchase__in=purchases).values_list("mail", flat=True)
    cases = Complaint.objects.filter(Q(number=text) | Q(purchase__in=purchases), brand__in=brands)
    return Q(pk__in=list(asked)) | Q(dedupe_key__in=_keys_of(list(cases.values_list("pk", flat=True))))


def _keys_of(cases: Sequence[int]) -> list[str]:
    """The dedupe keys under which complaints.services.mails writes."""
    events = ComplaintEvent.objects.filter(complaint__in=cases).values_list("pk", flat=True)
    return [f"complaint:{pk}:acknowledgement" for pk in cases] + [f"complaint:event:{pk}" for pk in events]
