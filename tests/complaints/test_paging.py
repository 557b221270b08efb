"""Pages of a long list: each row once, forwards and back, whatever is equal; a made-up cursor leads nowhere."""

from datetime import timedelta

import pytest
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from accounts.paging import Order, page_among, page_of, read_cursor, write_cursor
from complaints.models import Complaint
from complaints.selectors.inbox import NEWEST_FIRST, URGENT_FIRST
from tests import factories
from tests.complaints.factories import make_complaint
from tests.factories import NOW

OPENED = [(0, "low"), (0, "high"), (0, "high"), (1, "low"), (1, "low"), (2, "medium"), (2, "high")]
ORDERS = {"newest": NEWEST_FIRST, "urgent": URGENT_FIRST}


@pytest.fixture
def cases(brand):
    """Seven, of which many are due and opened at the same moment, and one is never due."""
    customer = factories.make_customer(brand)
    made = [
        make_complaint(
            factories.make_purchase(customer),
            kind="inquiry",
            severity=severity,
            now=NOW + timedelta(hours=hours),
        )
        for hours, severity in [
            (0, "low"),
            (0, "high"),
            (0, "high"),
            (1, "low"),
            (1, "low"),
            (2, "medium"),
            (2, "high"),
        ]
    ]
    Complaint.objects.filter(pk=made[3].pk).update(waits_since=None)
    return Complaint.objects.most_urgent_first()


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("size", [1, 3, 8])
@pytest.mark.django_db
def test_parts_that_are_read_apart_make_the_same_pages(cases, order: Order, size, django_assert_num_queries):
    apart = [Q(pk__in=[case.pk for case in cases][::2]), Q(pk__in=[case.pk for case in cases][1::2])]
    one, two, cursor = page_of(cases, order, "", size=size), page_of(cases, order, "", size=size, apart=apart), ""
    while True:
        assert two == one
        assert page_of(cases, order, two.previous, size=size, apart=apart) == page_of(
            cases, order, one.previous, size=size
        )
        if not (cursor := one.next):
            break
        one = page_of(cases, order, cursor, size=size)
        with django_assert_num_queries(2):
            two = page_of(cases, order, cursor, size=size, apart=apart)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_pages_hold_every_row_once_in_order(cases, order: Order, size):
    whole = list(order.sort(cases))
    forwards, pages, cursor = [], 0, ""
    while True:
        page = page_of(cases, order, cursor, size=size)
        forwards += page.rows
        pages += 1
        if not page.next:
            break
        cursor = page.next
    backwards = [*page.rows]
    while page.previous:
        page = page_of(cases, order, page.previous, size=size)
        backwards = [*page.rows, *backwards]

    assert forwards == backwards == whole
    assert pages == -(-len(whole) // size)


@pytest.mark.parametrize("looks_through", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_what_has_to_be_looked_for_is_found_once_forwards_and_back(cases, size, looks_through):
    def look(cursor):
        found = page_among(bad, cases, NEWEST_FIRST, cursor, size=size, looks_through=looks_through)
        assert len(found.rows) <= min(size, looks_through)
        return found

    bad = cases.filter(severity="high")
    wanted = list(NEWEST_FIRST.sort(bad))
    pages = [look("")]
    while pages[-1].next:
        pages.append(look(pages[-1].next))
    back = [next(page for page in reversed(pages) if page.rows)]
    while back[0].previous:
        back.insert(0, look(back[0].previous))

    assert [row for page in pages for row in page.rows] == wanted
    assert [row for page in back for row in page.rows] == wanted
    assert all(len(page.rows) == size for page in pages if page.next and page.end is None)


def test_the_most_urgent_is_first_and_what_is_never_due_last(cases):
    order = [(case.severity, case.opened_at - NOW) for case in page_of(cases, URGENT_FIRST, "").rows]

    hour = timedelta(hours=1)
    assert order == [
        *(("high", 0 * hour), ("high", 0 * hour), ("low", 0 * hour)),
        *(("low", hour), ("high", 2 * hour), ("medium", 2 * hour)),
        ("low", hour),
    ]


@pytest.mark.parametrize(
    "cursor", ["x", "", "%", "bnVsbA", "W1tb" * 20_000, write_cursor([1], backwards=False), "a" * 300]
)
def test_a_cursor_of_nobodys_shows_the_first_page(cases, cursor):
    assert page_of(cases, NEWEST_FIRST, cursor, size=2).rows == list(NEWEST_FIRST.sort(cases)[:2])


def test_a_cursor_of_another_order_is_not_followed(cases):
    urgent = page_of(cases, URGENT_FIRST, "", size=2).next

    assert page_of(cases, NEWEST_FIRST, urgent, size=2).rows == list(NEWEST_FIRST.sort(cases)[:2])


@given(st.text(max_size=60))
def test_no_text_breaks_a_cursor(text):
    place = read_cursor(text, NEWEST_FIRST)

    assert place is None or len(place[0]) == 2


@given(st.datetimes(timezones=st.just(NOW.tzinfo)), st.integers(0, 2**63 - 1), st.booleans())
def test_a_cursor_says_what_was_written(moment, number, backwards):
    cursor = write_cursor([moment, number], backwards=backwards)

    assert read_cursor(cursor, NEWEST_FIRST) == ([moment, number], backwards)
