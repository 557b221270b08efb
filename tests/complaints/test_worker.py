"""The same as a worker of its own does it: a bad answer becomes a case and a mail over a real SMTP conversation."""

import re
import time
from typing import Any

from django.test import Client

from complaints.models import Complaint
from tests import factories
from tests.complaints.factories import answered
from tests.surveys.factories import make_invitation


def test_a_bad_answer_becomes_a_case_and_is_acknowledged(live_worker: Any, mailbox: Any) -> None:
    brand = factories.make_brand()
    customer = factories.make_customer(brand, "Carla Ruiz", "carla@correo.example", language="en")
    invitation = make_invitation(factories.make_purchase(customer))
    answered(invitation, csat=1, contact="yes", improve_text="It came broken.")

    [mail] = mailbox.wait_for(1)

    case = Complaint.objects.get()
    assert mail.to == "carla@correo.example"
    assert case.number in mail.subject
    headers = dict(mail.headers)
    assert "atencion@lumbre.example" in headers["From"]
    assert "List-Unsubscribe" not in headers
    [link] = set(re.findall(r"/c/[\w-]+/", mail.text))
    assert link in mail.html
    assert "It came broken." in Client().get(link).content.decode()

    time.sleep(7)  # two more rounds of beat

    assert Complaint.objects.count() == 1
    assert len(mailbox.mails()) == 1
