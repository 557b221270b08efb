"""What is done for every brand in turn: a fault in one must not keep the others waiting."""

from collections.abc import Callable, Iterable

import structlog

from accounts.models import Brand

log = structlog.get_logger(__name__)


def sum_by_brand(brands: Iterable[Brand], work: Callable[[Brand], int]) -> int:
    """What the work comes to, over all brands. Raises ExceptionGroup when all are done, of those where it failed."""
    total, faults = 0, []
    for brand in brands:
        try:
            total += work(brand)
        except Exception as error:  # whatever it is
            log.exception("brand_failed", brand=brand.slug)
            faults.append(error)
    if faults:
        raise ExceptionGroup("some brands failed", faults)
    return total
