"""The receipt of a case: its number, its dates and what was said, on one sheet that a customer can keep."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from unicodedata import normalize
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from complaints.kinds import DETAILS, RECEIPTS
from complaints.models import Complaint
from complaints.wording import moment_in_words
from mailing.rendering import name_of

# The letters of Europe's languages, Greek and Cyrillic among them. Others would need a font each, and to be shaped.
FONT = "DejaVu"
FONTS = Path(__file__).parent / "fonts"
LABEL, LINE = 50, 6  # millimetres


def receipt(complaint: Complaint, *, now: datetime) -> bytes:
    """In its customer's language, with the times of its brand. Says nothing that only colleagues know."""
    with override(complaint.mail_language):
        title = str(RECEIPTS[complaint.kind])
        pdf = new_sheet(f"{title} {complaint.number}", now)
        write_head(pdf, name_of(complaint.brand), title, complaint.number)
        for label, value in facts_of(complaint):
            write_fact(pdf, label, value)
        write_text(pdf, complaint.subject, complaint.text)
        zone = ZoneInfo(complaint.brand.timezone)
        write_foot(pdf, _("Issued on %(day)s.") % {"day": moment_in_words(now, zone)})
        return bytes(pdf.output())


def facts_of(complaint: Complaint) -> Iterable[tuple[str, str]]:
    zone = ZoneInfo(complaint.brand.timezone)
    yield _("Number"), complaint.number
    yield _("Received"), date_format(complaint.opened_at.astimezone(zone), "DATETIME_FORMAT")
    yield _("Kind"), complaint.get_kind_display()
    if complaint.customer:
        yield _("Customer"), " · ".join(filter(None, [complaint.customer.name, complaint.customer.email]))
    if complaint.purchase:
        product = complaint.purchase.product
        yield _("Order"), " · ".join(filter(None, [complaint.purchase.external_id, str(product or "")]))
    for detail in DETAILS.get(complaint.kind, ()):
        if value := complaint.details.get(detail.code):
            yield str(detail.label), detail.shown(value)
    if complaint.legal_due_at:
        yield _("Answer due by law"), moment_in_words(complaint.legal_due_at, zone)
    if complaint.service_due_at:
        yield _("Answer promised"), moment_in_words(complaint.service_due_at, zone)


def new_sheet(title: str, now: datetime) -> FPDF:
    pdf = FPDF(format="A4")
    pdf.set_title(title)
    pdf.set_creation_date(now)
    pdf.set_margins(25, 25)
    pdf.add_font(FONT, "", FONTS / "DejaVuSans.ttf")
    pdf.add_font(FONT, "B", FONTS / "DejaVuSans-Bold.ttf")
    pdf.set_auto_page_break(auto=True, margin=25)
    pdf.add_page()
    return pdf


def write_head(pdf: FPDF, brand: str, title: str, number: str) -> None:
    pdf.set_font(FONT, size=10)
    write_line(pdf, brand)
    pdf.set_font(FONT, "B", size=17)
    write_line(pdf, f"{title} {number}", height=10)
    pdf.ln(LINE)


def write_fact(pdf: FPDF, label: str, value: str) -> None:
    top = pdf.get_y()
    pdf.set_font(FONT, "B", size=9)
    pdf.multi_cell(LABEL, LINE, printable(pdf, label), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    below = pdf.get_y()
    pdf.set_xy(pdf.l_margin + LABEL, top)
    pdf.set_font(FONT, size=9)
    pdf.multi_cell(0, LINE, printable(pdf, value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_y(max(below, pdf.get_y()))


def write_text(pdf: FPDF, subject: str, text: str) -> None:
    pdf.ln(LINE)
    pdf.set_font(FONT, "B", size=11)
    write_line(pdf, subject)
    pdf.set_font(FONT, size=10)
    write_line(pdf, text)


def write_foot(pdf: FPDF, text: str) -> None:
    pdf.ln(LINE)
    pdf.set_font(FONT, size=8)
    write_line(pdf, text)


def write_line(pdf: FPDF, text: str, *, height: float = LINE) -> None:
    pdf.multi_cell(0, height, printable(pdf, text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def printable(pdf: FPDF, text: str) -> str:
    """In one form of each letter; what the font does not have is shown as a question mark."""
    font = pdf.current_font
    known = font.cmap if isinstance(font, TTFFont) else {}
    return "".join(char if char == "\n" or ord(char) in known else "?" for char in normalize("NFC", text))
