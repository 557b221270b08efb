"""From answers to counts, and from counts to what affiliates may see."""

from insights.services.folding import fold_changes, rebuild_rollups
from insights.services.measuring import measure_brand, measure_due_brands

__all__ = ["fold_changes", "measure_brand", "measure_due_brands", "rebuild_rollups"]
