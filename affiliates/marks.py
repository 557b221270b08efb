"""Marks by which an affiliate's pages name a row that has no public id: nobody else's page gives the same."""

from django.utils.crypto import constant_time_compare, salted_hmac

LENGTH = 20


def mark_of(affiliate_id: int, row: str) -> str:
    """Of "sale:17", say: leads back to no id, and another affiliate's mark of the same row is another."""
    return salted_hmac("affiliates.marks", f"{affiliate_id}:{row}", algorithm="sha256").hexdigest()[:LENGTH]


def is_mark_of(mark: str, affiliate_id: int, row: str) -> bool:
    return constant_time_compare(mark, mark_of(affiliate_id, row))
