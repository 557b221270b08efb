"""Through the real thing: beat asks, a worker sends."""

from datetime import UTC, datetime, timedelta

import pytest

from mailing.models import OutgoingMail
from mailing.services import queue_mails
from postventa.processes import Child
from tests.conftest import ReceivingMailbox
from tests.factories import make_brand
from tests.mailing.factories import make_request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]


def test_queued_mail_leaves_by_itself(live_worker: Child, mailbox: ReceivingMailbox) -> None:
    brand = make_brand()
    later = datetime.now(UTC) + timedelta(hours=1)
    # A template that the worker's process has: those of this folder's tests it does not see.
    due = [make_request(brand, template="surveys/invitation", context={"question": "?"}) for _ in range(25)]
    queue_mails([*due, make_request(brand, template="surveys/invitation", not_before=later)])

    mails = mailbox.wait_for(25)

    assert {mail.to for mail in mails} == {request.to for request in due}
    assert OutgoingMail.objects.filter(state=OutgoingMail.State.QUEUED).count() == 1
