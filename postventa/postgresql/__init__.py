"""Django's PostgreSQL, with a look at the connection that costs nothing. Named as ENGINE in settings.py."""
