"""How times are written in tables and on cases: Django's Spanish spells a moment in nine words."""

DATETIME_FORMAT = "j b Y, H:i"
