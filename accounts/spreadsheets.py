"""Cells of CSV files that people open in a spreadsheet."""

# What a spreadsheet takes for a formula at the beginning of a cell, also in full width and behind blanks.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def as_text(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) or cell.lstrip().startswith(FORMULA) else cell
