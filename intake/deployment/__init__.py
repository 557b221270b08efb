"""Is an installation fit for customers? Asked of what runs, beyond what its settings say (postventa/checks.py)."""
