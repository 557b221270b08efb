"""Customers by the month they first bought in, and how many of them bought again later. Pure.

Affiliates know how many of their purchases of a month were of somebody who had bought before, so what is kept back of
a calendar month must be many enough, or nothing: else it is what is left after subtracting.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date

from complaints.clocks import add_months

Cell = tuple[date, int]  # month of the first purchase, and how many months later
Cells = Mapping[Cell, int]

MONTHS_LATER = 12


def cells_to_tell(cells: Cells, k: int) -> dict[Cell, int]:
    """The sizes from k on, and whoever came back where they, those who did not and those kept back are k each."""
    told = {cell: n for cell, n in cells.items() if n >= k and (cell[1] == 0 or cells[cell[0], 0] - n >= k)}
    for month in {bought_in(cell) for cell in cells}:
        for cell in _too_telling(month, cells, told.keys(), k):
            del told[cell]
    return told


def bought_in(cell: Cell) -> date:
    month, later = cell
    return add_months(month, later)


def _too_telling(month: date, cells: Cells, told: Set[Cell], k: int) -> list[Cell]:
    """Of those who came back in a month: the smallest told cells that must be kept back with the small ones."""
    back = {cell: n for cell, n in cells.items() if cell[1] and bought_in(cell) == month}
    kept_back = sum(n for cell, n in back.items() if cell not in told)
    smallest_first = sorted((cell for cell in back if cell in told), key=lambda cell: (back[cell], cell))
    added: list[Cell] = []
    while 0 < kept_back < k and smallest_first:
        cell = smallest_first.pop(0)
        kept_back += back[cell]
        added.append(cell)
    return added


def step(standing: int, now: int, k: int) -> int:
    """What is shown moves by k at once or not at all: no difference between two looks tells of fewer. 0: below k."""
    moved = now if abs(now - standing) >= k else standing
    return moved if moved >= k else 0


def step_cells(standing: Cells, told: Cells, k: int) -> dict[Cell, int]:
    """What has been told stays, as it was told, until k more or fewer stand behind it."""
    moved = {cell: step(standing.get(cell, 0), n, k) for cell, n in told.items()}
    return {**standing, **{cell: n for cell, n in moved.items() if n}}


# --- The triangle ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CohortRow:
    """A month's new customers and, month by month after it, who of them bought. None: too few to tell, or to come."""

    month: date
    customers: int
    back: tuple[int | None, ...]

    def share(self, later: int) -> float | None:
        back = self.back[later - 1]
        return None if back is None else min(1.0, back / self.customers)


def read_triangle(cells: Cells, *, until: date, rows: int, k: int) -> tuple[CohortRow, ...]:
    """The newest `rows` cohorts of which the size is known, the oldest first; columns up to the month of `until`.

    With k nought is told as well: a month in which nobody came back has no cell.
    """
    sizes = {month: n for (month, later), n in cells.items() if later == 0}
    shown = sorted(sizes)[-rows:]
    found = []
    for month in shown:
        passed = 12 * (until.year - month.year) + until.month - month.month
        back = (cells.get((month, later), None if k > 1 else 0) for later in range(1, min(MONTHS_LATER, passed) + 1))
        found.append(CohortRow(month, sizes[month], tuple(back)))
    return tuple(found)
