"""Which cohorts an affiliate may read, and that what is kept back cannot be had by subtracting."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from insights.cohorts import CohortRow, bought_in, cells_to_tell, read_triangle, step, step_cells

K = 5
JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))


def test_fewer_than_k_are_not_told():
    cells = {(JAN, 0): 30, (JAN, 1): 4, (JAN, 2): 6, (FEB, 0): 4, (FEB, 1): 3}

    # Who came back in March: six of January, and three of February, who would be what is left of nine.
    assert cells_to_tell(cells, K) == {(JAN, 0): 30}


def test_what_is_kept_back_of_a_month_is_k_or_nothing():
    cells = {(JAN, 0): 30, (FEB, 0): 30, (MAR, 0): 30, (JAN, 3): 9, (FEB, 2): 7, (MAR, 1): 2}

    told = cells_to_tell(cells, K)

    assert told == {(JAN, 0): 30, (FEB, 0): 30, (MAR, 0): 30, (JAN, 3): 9}
    assert cells_to_tell({**cells, (MAR, 1): 0}, K)[FEB, 2] == 7


def test_that_nearly_all_came_back_is_not_told_either():
    cells = {(JAN, 0): 12, (JAN, 1): 8, (JAN, 2): 7, (JAN, 3): 12}

    assert cells_to_tell(cells, K) == {(JAN, 0): 12, (JAN, 2): 7}


months = st.sampled_from([JAN, FEB, MAR, APR])


@given(
    sizes=st.dictionaries(months, st.integers(1, 40)),
    shares=st.dictionaries(st.tuples(months, st.integers(1, 4)), st.floats(0, 1)),
)
def test_no_calendar_month_keeps_back_one_to_four(sizes, shares):
    back = {(month, later): round(share * sizes[month]) for (month, later), share in shares.items() if month in sizes}
    cells = {**{(month, 0): n for month, n in sizes.items()}, **back}

    told = cells_to_tell(cells, K)

    for month in {bought_in(cell) for cell in back}:
        of_month = {cell: n for cell, n in back.items() if bought_in(cell) == month}
        hidden = sum(n for cell, n in of_month.items() if cell not in told)
        assert hidden == 0 or hidden >= K or not any(cell in told for cell in of_month)
    assert all(n >= K and (later == 0 or sizes[month] - n >= K) for (month, later), n in told.items())


def test_what_is_shown_moves_by_k_or_not_at_all():
    assert [step(10, n, K) for n in (6, 9, 14, 15, 5, 4)] == [10, 10, 10, 15, 5, 0]
    standing = {(JAN, 0): 30, (JAN, 2): 6}

    assert step_cells(standing, {(JAN, 0): 33, (FEB, 0): 5}, K) == {(JAN, 0): 30, (JAN, 2): 6, (FEB, 0): 5}
    assert step_cells(standing, {(JAN, 0): 35, (JAN, 2): 11}, K) == {(JAN, 0): 35, (JAN, 2): 11}


def test_the_triangle_has_the_months_that_have_passed():
    cells = {(JAN, 0): 30, (JAN, 2): 6, (FEB, 0): 20}

    assert read_triangle(cells, until=date(2026, 4, 9), rows=12, k=K) == (
        CohortRow(JAN, 30, (None, 6, None)),
        CohortRow(FEB, 20, (None, None)),
    )
    assert read_triangle(cells, until=date(2026, 4, 9), rows=1, k=1) == (CohortRow(FEB, 20, (0, 0)),)
    assert CohortRow(JAN, 30, (None, 6, None)).share(2) == 0.2
