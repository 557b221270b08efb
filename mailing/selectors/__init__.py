"""Questions to the ledger that other apps ask; what staff see of it is in the modules beside."""

from mailing.selectors.suppressions import (
    Objection,
    standing_suppressions,
    strongest_objection,
    suppressed_addresses,
)

__all__ = ["Objection", "standing_suppressions", "strongest_objection", "suppressed_addresses"]
