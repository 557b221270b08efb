"""The bare side's own web server: our settings and database, its own addresses, no middleware. gunicorn imports it."""

import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "postventa.settings")
django.setup()
# After the apps, some of which insist on their middleware.
settings.ROOT_URLCONF = "intake.bench.bare"
settings.MIDDLEWARE = []

application = WSGIHandler()
