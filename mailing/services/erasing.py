"""A customer leaves: what was written to them goes. Objections stay: they are keyed hashes, and are to outlive this."""

from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts.models import Brand
from mailing.addresses import normalize_address
from mailing.models import MailEvent, OutgoingMail, WebhookEvent
from mailing.services.queueing import cancel_mails

# To people who sign in: it may be the same person, and is not a customer's mail.
ABOUT_ACCOUNTS = Q(template__startswith="accounts/") | Q(template__startswith="affiliates/")


def mails_of(brand: Brand, *, address: str, also: Iterable[int] = ()) -> QuerySet[OutgoingMail]:
    """To this address, as a customer's, and those with the ids in `also`: they may have had another one before."""
    by_address = Q(to_address=normalize_address(address)) & ~ABOUT_ACCOUNTS if address else Q(pk__in=[])
    return OutgoingMail.objects.filter(by_address | Q(pk__in=list(also)), brand=brand)


@transaction.atomic
def erase_mails(brand: Brand, *, address: str, also: Iterable[int]) -> dict[str, int] | None:
    """Delete them with their events, stopping what waits; how many rows of each table.

    None: a worker is handing one over just now. All are stopped, none is deleted: try again in a while.
    The caller has opened the door that lets events go (accounts.append_only).
    """
    found = list(mails_of(brand, address=address, also=also).order_by("pk").values_list("pk", flat=True))
    cancel_mails(found, reason=OutgoingMail.Reason.TAKEN_BACK)
    mails = OutgoingMail.objects.filter(pk__in=found)
    if mails.select_for_update().filter(state=OutgoingMail.State.HANDING_OVER).exists():
        return None
    events = MailEvent.objects.filter(mail__in=found).count()
    mails.delete()
    counts = {OutgoingMail._meta.label: len(found), MailEvent._meta.label: events}
    return {name: count for name, count in counts.items() if count}


# Texts alone: the order called «10» is not the 10 that somebody gave us.
NAMING = """
SELECT id FROM mailing_webhookevent WHERE brand_id = %s AND EXISTS (
    SELECT FROM jsonb_path_query(data, '$.** ? (@.type() == "string")') AS said WHERE said #>> '{}' = ANY(%s)
)
"""


def erase_told(brand: Brand, names: Iterable[str]) -> int:
    """Delete what other systems were told of these orders, cases or addresses, and what they answered; how many."""
    with connection.cursor() as cursor:
        cursor.execute(NAMING, [brand.pk, list(names)])
        ids = [pk for (pk,) in cursor.fetchall()]
    WebhookEvent.objects.filter(pk__in=ids).delete()
    return len(ids)
