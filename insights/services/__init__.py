"""From answers to counts, and from counts to what affiliates may see."""

from insights.services.folding import fold_changes, rebuild_rollups

__all__ = ["fold_changes", "rebuild_rollups"]
