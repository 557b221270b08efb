"""What staff see of the mail: the ledger, what is uncertain, the queue, and who must not be written to."""

from mailing.admin.ledger import LedgerAdmin
from mailing.admin.suppressions import SuppressionAdmin

__all__ = ["LedgerAdmin", "SuppressionAdmin"]
