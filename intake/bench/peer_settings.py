"""What the sites of two peers have alike: a whole site of Django's, on the database named by PEER_DATABASE.

Imported by name from this folder, by the interpreters of the peers' environments.
"""

import os
from typing import Any

WHOLE_SITE: dict[str, Any] = {
    "SECRET_KEY": os.environ.get("SECRET_KEY", "bench"),
    "ALLOWED_HOSTS": ["localhost"],
    "DATABASES": {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "peer",
            "OPTIONS": {"dsn": os.environ["PEER_DATABASE"]},
            "CONN_MAX_AGE": 60,
        }
    },
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
    "STATIC_URL": "/static/",
    "USE_TZ": True,
    "LOGGING_CONFIG": None,
}
