"""What happens around the pages: visits, terms, and the summaries by mail."""

from dashboards.services.choosing import choose_rhythm, close_tour
from dashboards.services.digesting import send_digests
from dashboards.services.visiting import accept_terms, note_visit

__all__ = ["accept_terms", "choose_rhythm", "close_tour", "note_visit", "send_digests"]
