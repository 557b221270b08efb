"""All settings in one file, from the environment.

Every secret may also come from a file: `SECRET_KEY_FILE=/run/secrets/key` instead of `SECRET_KEY`.
Where `manage.py demo` is running in this checkout its environment is used, unless told otherwise.
A comment that begins with `#:` says what a setting is: `manage.py settings --write` makes the tables of
docs/operating.md of them (postventa/environment.py). What is missing or wrong in production is reported by
`manage.py check --deploy` (postventa/checks.py).
"""

import secrets
import socket
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from postventa import demo_environment
from postventa.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

demo_environment.load(BASE_DIR)
env = environ.FileAwareEnv()

# --- What must be set in production -------------------------------------------------------------------------------
#: ## What must be set in production
#: Error pages with settings and data: never in production.
DEBUG = env.bool("DEBUG", default=False)
# Without a key every process makes its own: enough for `check` or `test`, refused by `check --deploy`.
#: Signs sessions and forms.
SECRET_KEY_IS_SET = bool(env.str("SECRET_KEY", default=""))
SECRET_KEY = env.str("SECRET_KEY", default="") or secrets.token_urlsafe(50)
#: Keys that `SECRET_KEY` was before, separated by commas: what they signed holds on. Two weeks are enough, the life of
#: a session.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
#: Keys of the links in mails, and of what is kept sealed, by version: `1=a,2=b`. The highest signs, all are understood.
#: To change it add a higher one, run [`rotate_link_keys`](rights.md#new-keys), and keep the old ones while it says so.
LINK_KEYS = {int(k): v for k, v in env.dict("LINK_KEYS", default={}).items()} or {1: SECRET_KEY}
#: Keys of hashed addresses, by version. Old ones stay until [`rotate_pseudonyms`](rights.md#new-keys)
#: says that nothing needs them.
PSEUDONYM_KEYS = {int(k): v for k, v in env.dict("PSEUDONYM_KEYS", default={}).items()} or {1: SECRET_KEY}
#: The address customers see.
BASE_URL = env.str("BASE_URL", default="http://localhost:8000").rstrip("/")
#: The hosts served here, separated by commas. Default: this machine.
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
#: Further addresses that forms may come from.
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Defaults for a developer with services of their own; in production each must be said (postventa/checks.py).
DEFAULT_DATABASE_URL = "postgres:///postventa"
DEFAULT_REDIS_URL = "redis://localhost:6379/0"
DEFAULT_EMAIL_URL = "smtp://localhost:25"
#: PostgreSQL 15 or newer; a socket: `postgres://user@/name?host=/folder`; [several
#: hosts](scaling.md#a-primary-that-fails-over). Through a pooler only if that keeps a connection for a whole session:
#: statements stay planned with it; PgBouncer also wants `ignore_startup_parameters = options`.
DATABASE_URL = env.str("DATABASE_URL", default=DEFAULT_DATABASE_URL)
#: A streaming replica of it for pages that only read counts ([scaling.md](scaling.md#a-replica-for-reading)); empty:
#: there is none.
DATABASE_REPLICA_URL = env.str("DATABASE_REPLICA_URL", default="")
#: How far it may be behind (seconds): beyond that those pages too are read from the primary.
REPLICA_MAX_LAG_SECONDS = env.int("REPLICA_MAX_LAG_SECONDS", default=60)
#: Redis or Valkey; a socket: `unix:///path`.
REDIS_URL = env.str("REDIS_URL", default=DEFAULT_REDIS_URL)
#: Where mail goes.
EMAIL_URL = env.str("EMAIL_URL", default=DEFAULT_EMAIL_URL)
#: Opens `/metrics` to others than this machine.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Application ---------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "postventa",
    # From the ground up; imports go downwards only (import-linter in pyproject.toml).
    "accounts",
    "mailing",
    "affiliates",
    "surveys",
    "complaints",
    "insights",
    "dashboards",
    "intake",
    "accounts.apps.BrandAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "anymail",
    "csp",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

MIDDLEWARE = [
    "postventa.middleware.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "postventa.middleware.RequestLogMiddleware",
    "postventa.middleware.PolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    # What follows serves people who sign in: whoever only follows a link turns off here.
    "accounts.middleware.VisitorMiddleware",
    "accounts.middleware.LanguageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.ReaderMiddleware",
    "accounts.middleware.PrivateMiddleware",
    # Closed by default: a page that needs no sign-in says so with @login_not_required.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.second_factor.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sign_in.DoorMiddleware",
    "accounts.sessions.SeenMiddleware",
    "accounts.replica.ChangeMiddleware",
    "accounts.authentication.RateLimitMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "postventa.urls"
WSGI_APPLICATION = "postventa.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- When a host is gone -------------------------------------------------------------------------------------------
# A host that dies says nothing, nor does a cable that is cut. By itself a connection waits for two hours before it asks
# whether the other side is still there: here, and in PostgreSQL with the locks of whoever is gone.
_ASK_AFTER, _ASK_EVERY, _ASK_TIMES = 10, 5, 4  # seconds without a word, seconds, questions: half a minute in all
NOTICED_WHEN_GONE = {
    "connect_timeout": 5,
    "keepalives_idle": _ASK_AFTER,
    "keepalives_interval": _ASK_EVERY,
    "keepalives_count": _ASK_TIMES,
    "tcp_user_timeout": 1000 * (_ASK_AFTER + _ASK_EVERY * _ASK_TIMES),
    "options": (
        f"-c tcp_keepalives_idle={_ASK_AFTER} -c tcp_keepalives_interval={_ASK_EVERY}"
        f" -c tcp_keepalives_count={_ASK_TIMES} -c tcp_user_timeout={1000 * (_ASK_AFTER + _ASK_EVERY * _ASK_TIMES)}"
    ),
}
# A page can be read from the primary too, and need not wait for a replica that is gone. Nothing is ever written there.
SOON_NOTICED_WHEN_GONE = {
    **NOTICED_WHEN_GONE,
    "connect_timeout": 2,
    "tcp_user_timeout": 5000,
    "options": f"{NOTICED_WHEN_GONE['options']} -c default_transaction_read_only=on",
}


# --- Database, cache, queue ----------------------------------------------------------------------------------------
# One dialect, PostgreSQL. Unix sockets: postgres://user@/name?host=/folder
def database(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    told = env.db_url_config(url)
    return {
        **told,
        "OPTIONS": {**options, **told.get("OPTIONS", {})},
        "ENGINE": "postventa.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": database(DATABASE_URL, NOTICED_WHEN_GONE)}
if DATABASE_REPLICA_URL:
    DATABASES["replica"] = {**database(DATABASE_REPLICA_URL, SOON_NOTICED_WHEN_GONE), "TEST": {"MIRROR": "default"}}
    DATABASE_ROUTERS = ["accounts.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def redis_database(number: int) -> str:
    """The address of one of Redis' databases, for TCP (`redis://host/0`) and sockets (`unix:///path?db=0`) alike."""
    if REDIS_URL.startswith("unix://"):
        return f"{REDIS_URL.split('?')[0]}?db={number}"
    return f"{REDIS_URL.rsplit('/', 1)[0]}/{number}" if REDIS_URL.count("/") > 2 else f"{REDIS_URL}/{number}"


CACHES = {
    "default": {
        "BACKEND": "postventa.cache.KeptRedisCache",
        "LOCATION": redis_database(1),
        "KEY_PREFIX": "postventa",
        # Seconds. A page does without the cache rather than wait for a machine that does not answer.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    },
    # What each process may remember for a minute: nearer than Redis, and there when Redis is not.
    "process": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "TIMEOUT": 60,
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
# The table is the truth and Redis only a hint: nothing that may not be lost lives there, so no result backend.
CELERY_BROKER_URL = (
    f"redis+socket://{REDIS_URL.removeprefix('unix://').split('?')[0]}?virtual_host=0"
    if REDIS_URL.startswith("unix://")
    else redis_database(0)
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): seconds
        for name, seconds in {
            "TCP_KEEPIDLE": _ASK_AFTER,
            "TCP_KEEPINTVL": _ASK_EVERY,
            "TCP_KEEPCNT": _ASK_TIMES,
            "TCP_USER_TIMEOUT": 1000 * (_ASK_AFTER + _ASK_EVERY * _ASK_TIMES),
        }.items()
        if hasattr(socket, name)  # as on Linux; elsewhere by the system's own
    },
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "mailing.heartbeats:WatchedScheduler"  # beat that is seen alive
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": every}
    for name, task, every in [
        ("plan-waves", "surveys.tasks.plan_due_work", timedelta(seconds=60)),
        ("send-invitations", "surveys.tasks.send_due_invitations", timedelta(seconds=2)),
        ("send-mail", "mailing.tasks.send_due_mail", timedelta(seconds=2)),
        ("recover-mail", "mailing.tasks.recover_expired_leases", timedelta(seconds=30)),
        ("open-complaints", "complaints.tasks.open_cases_for_bad_answers", timedelta(seconds=3)),
        ("raise-alarms", "complaints.tasks.raise_alarms", timedelta(minutes=5)),
        ("recount-deadlines", "complaints.tasks.recount_deadlines", timedelta(seconds=10)),
        ("fold-answers", "insights.tasks.fold_changes", timedelta(seconds=3)),
        ("measure-brands", "insights.tasks.measure_brands", timedelta(minutes=10)),
        ("send-digests", "dashboards.tasks.send_digests", timedelta(minutes=10)),
        ("flag-suspicions", "affiliates.tasks.flag_suspicions", timedelta(minutes=10)),
        ("make-room-for-clicks", "affiliates.tasks.make_room_for_clicks", timedelta(hours=1)),
        ("process-inbound", "intake.tasks.process_inbound_events", timedelta(seconds=5)),
        ("tell-of-silent-hooks", "intake.tasks.tell_of_silent_hooks", timedelta(minutes=10)),
        ("read-customers-mail", "intake.tasks.read_customers_mail", timedelta(seconds=60)),
        ("sort-incoming-mail", "complaints.tasks.sort_incoming_mail", timedelta(seconds=30)),
        ("forget-old-mail", "complaints.tasks.forget_old_mail", timedelta(hours=6)),
        ("read-bounces", "intake.tasks.read_bounces", timedelta(minutes=5)),
        ("deliver-webhooks", "mailing.tasks.deliver_webhooks", timedelta(seconds=2)),
        ("forget-webhooks", "mailing.tasks.forget_old_webhooks", timedelta(hours=6)),
        ("tell-of-paused-webhooks", "affiliates.tasks.tell_of_paused_webhooks", timedelta(minutes=5)),
        ("forget-what-is-old", "intake.tasks.forget_what_is_old", timedelta(hours=12)),
        ("work-erasures", "intake.tasks.work_erasures", timedelta(seconds=20)),
        ("take-reading", "intake.tasks.take_reading", timedelta(seconds=60)),
        ("forget-idempotency-keys", "intake.tasks.forget_old_idempotency_keys", timedelta(hours=6)),
    ]
}

# --- Who gets in ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "affiliates.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # people come by invitation; there is no open sign-up
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # a stranger who types an address must not make us write to it
ACCOUNT_LOGOUT_ON_GET = False
# Django's: allauth's writes a row of its own for whoever asks, which somebody without an account has not.
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
PASSWORD_RESET_TIMEOUT = 2 * 3600  # seconds that the link in the mail works
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = False  # ours: accounts/sign_in.py, which lets the owner in and does without Redis
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of what somebody else may have changed: password, address, second factor
ACCOUNT_FORMS = {"reset_password": "accounts.forms.ResetForm"}
MFA_ADAPTER = "accounts.second_factor.Adapter"
MFA_TOTP_ISSUER = "Postventa"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Nobody signs up with somebody else's address: the brand gave it, so a second factor need not wait for its check.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "accounts.forms.CodeForm",
    "reauthenticate": "accounts.forms.CodeAgainForm",
    "add_webauthn": "accounts.forms.AddWebAuthnForm",
    "edit_webauthn": "accounts.forms.EditWebAuthnForm",
}
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = BASE_URL.startswith("http://")
#: ## The web process
#: Proxies of yours before the web process: the last of them names the visitor, the rest anybody can write.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# --- Security ------------------------------------------------------------------------------------------------------
IS_HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
# By these names browsers take them from this very host and over https alone: no other page below its domain plants one.
COOKIE_PREFIX = "__Host-" if IS_HTTPS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}postventa_session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}postventa_csrf"
CSRF_COOKIE_HTTPONLY = True  # no script of ours asks for it
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds without a page, after which one signs in again
#: Days after which people sign in again however often they come; after fourteen in which they do not come they do.
SESSION_MAX_DAYS = env.int("SESSION_MAX_DAYS", default=30)
#: For how long browsers keep to https. Default: a year with https.
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if IS_HTTPS else 0)
#: Also below this host. Default: true with https.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=IS_HTTPS)
#: May browsers ship knowing it? Default: true with https.
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=IS_HTTPS)
#: Redirect http to https. Default: true with https.
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=IS_HTTPS)
# A mail provider's one-click unsubscribe must not be redirected (RFC 8058), and health checks speak plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^u/", r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # bytes: a batch of 1,000 purchases is about 0.6 MB

# --- Language and time ---------------------------------------------------------------------------------------------
LANGUAGE_CODE = "es"
LANGUAGES = [("es", _("Spanish")), ("en", _("English"))]
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}postventa_language"
LANGUAGE_COOKIE_SECURE, LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = IS_HTTPS, True, "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = "postventa.formats"
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files --------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
# Where `collectstatic` puts them: the production image sets it. Without, files are found in the apps themselves.
#: Where `collectstatic` puts style and scripts; the image sets it.
STATIC_ROOT = env.str("STATIC_ROOT", default="") or None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Already small, or (source maps) asked for by nobody: compressing them takes most of a minute.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["png", "jpg", "gif", "webp", "zip", "gz", "br", "woff", "woff2", "map"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- API -----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["accounts.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "accounts.api.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "accounts.api.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.authentication.KeyThrottle"],
    #: Requests of one API key.
    "DEFAULT_THROTTLE_RATES": {"key": env.str("API_RATE", default="6000/min")},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Postventa",
    "DESCRIPTION": "Purchases and clicks in; surveys, answers, complaints and what they teach out.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "PurchaseStateEnum": "affiliates.models.Purchase.State",
        "SurveyStateEnum": "intake.api.SURVEY_STATES",
    },
}

# --- Mail ----------------------------------------------------------------------------------------------------------
# A provider instead of SMTP: EMAIL_BACKEND=anymail.backends.… and its settings (django-anymail).
#: ## Mail: where it goes and comes back
_email = env.email_url_config(EMAIL_URL)
#: A provider of django-anymail instead of SMTP: `anymail.backends.postmark.EmailBackend`. Default: by EMAIL_URL.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default=_email["EMAIL_BACKEND"])
# Of the provider: ANYMAIL_POSTMARK_SERVER_TOKEN is django-anymail's POSTMARK_SERVER_TOKEN, and so on.
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): env.str(name)
    for name in {name.removesuffix("_FILE") for name in env.ENVIRON if name.startswith("ANYMAIL_")}
}
EMAIL_HOST = _email["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _email["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
#: How long to wait for the mail server (seconds). Shorter makes doubles, not speed (RFC 5321, 4.5.3.2.6).
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=600)
#: Sender of mail about accounts.
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="postventa@localhost")
# Each mail has a signed address of its own behind a `+`; {domain} is the sender's.
#: Where bounces of plain SMTP come back: `bounces@{domain}`, the domain being the sender’s ([mail that comes
#: back](#mail-that-comes-back)); empty: to the sender.
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="")
#: Where one unsubscribes by mail: `baja@{domain}`; empty: by link alone.
UNSUBSCRIBE_ADDRESS = env.str("UNSUBSCRIBE_ADDRESS", default="")
#: The mailbox they arrive in, read every five minutes: `imaps://user:password@imap.example.com/INBOX`.
BOUNCE_MAILBOX_URL = env.str("BOUNCE_MAILBOX_URL", default="")
#: Where customers’ answers go, each mail with an address of its own: `c@{domain}` ([mail of
#: customers](#mail-of-customers)); empty: to the brand’s own mailbox.
REPLY_ADDRESS = env.str("REPLY_ADDRESS", default="")
#: The mailbox in which they arrive, read every minute: `imaps://user:password@imap.example.com/INBOX`.
INBOUND_MAILBOX_URL = env.str("INBOUND_MAILBOX_URL", default="")
#: Signs mail that a server of yours posts raw: `whsec_` and base64 of 24 to 64 bytes, or two with a blank between
#: while it is changed.
INBOUND_MAIL_SECRET = env.str("INBOUND_MAIL_SECRET", default="")

# --- Logs ----------------------------------------------------------------------------------------------------------
#: ## Logs
#: LOG_LEVEL=INFO `DEBUG`, `INFO`, `WARNING` or `ERROR`.
#: LOG_JSON=true A line of JSON each, else words. Tokens and addresses are taken out of both.
LOGGING = logging_config(level=env.str("LOG_LEVEL", default="INFO"), as_json=env.bool("LOG_JSON", default=not DEBUG))
#: Failures are told to this address of Sentry, without who it was or what they typed ([metrics.md](metrics.md)); empty:
#: to nobody.
SENTRY_DSN = env.str("SENTRY_DSN", default="")
#: The name under which Sentry files them.
SENTRY_ENVIRONMENT = env.str("SENTRY_ENVIRONMENT", default="production")
#: Traces go to this collector of OpenTelemetry, such as `http://collector:4318`; its other settings are read by their
#: own names. Empty: nowhere.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# Tokens in links are secrets and addresses are personal: neither is logged (postventa/logs.py takes them out).
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# --- How the engine behaves ----------------------------------------------------------------------------------------
#: ## How fast mail goes, and who hears when it does not
#: Mails a worker takes at once.
MAIL_BATCH_SIZE = env.int("MAIL_BATCH_SIZE", default=100)
#: Mails over one connection before it is made anew.
MAIL_CONNECTION_MESSAGES = env.int("MAIL_CONNECTION_MESSAGES", default=100)
#: Connections of one worker at most; a fast server is served by one.
MAIL_CONNECTIONS = env.int("MAIL_CONNECTIONS", default=24)
#: Mails a second in all, whatever the number of workers; 0: no limit.
MAIL_RATE = env.float("MAIL_RATE", default=100)
#: The same to one recipient domain.
MAIL_RATE_PER_DOMAIN = env.float("MAIL_RATE_PER_DOMAIN", default=20)
#: How long a domain is left in peace that asks for less mail (421, 454, 4.7.x) (seconds).
MAIL_DOMAIN_PAUSE_SECONDS = env.int("MAIL_DOMAIN_PAUSE_SECONDS", default=600)
#: The same for one that refuses us by its policy (5.7.x) (seconds).
MAIL_POLICY_PAUSE_SECONDS = env.int("MAIL_POLICY_PAUSE_SECONDS", default=3600)
#: How long mails that a worker has not begun to send are its own (seconds): so long they wait where one was killed.
MAIL_CLAIM_SECONDS = env.int("MAIL_CLAIM_SECONDS", default=60)
#: How long a mail being handed over is its worker’s (seconds); longer than a conversation under `EMAIL_TIMEOUT`.
MAIL_LEASE_SECONDS = env.int("MAIL_LEASE_SECONDS", default=900)
#: Tries before a mail is given up.
MAIL_MAX_ATTEMPTS = env.int("MAIL_MAX_ATTEMPTS", default=8)
#: Who is written to when [the mail stands still](#does-the-mail-go), separated by commas.
OPERATOR_EMAILS = env.list("OPERATOR_EMAILS", default=[])
#: Silence of beat or of all workers after which it stands still (seconds).
ALARM_SILENT_SECONDS = env.int("ALARM_SILENT_SECONDS", default=120)
#: Waiting of a mail that is due after which it does (seconds).
ALARM_LATE_SECONDS = env.int("ALARM_LATE_SECONDS", default=600)
#: Hours after the last `manage.py backup` at which `check_deployment` misses the next; 0: backups are made otherwise.
BACKUP_MAX_AGE_HOURS = env.int("BACKUP_MAX_AGE_HOURS", default=36)
PURCHASE_BATCH_SIZE = 1000  # purchases worked in one set of statements
#: ## What shops tell us by webhook
#: Largest webhook taken in: an order of 500 lines is about 1 MB. Default: 2 MB.
HOOK_MAX_BYTES = env.int("HOOK_MAX_BYTES", default=2 * 1024 * 1024)
#: How long a refund waits for its purchase (days).
HOOK_WAIT_DAYS = env.int("HOOK_WAIT_DAYS", default=14)
#: Tries of a message at which we fail.
HOOK_MAX_ATTEMPTS = env.int("HOOK_MAX_ATTEMPTS", default=12)
#: ## Mail of customers
#: Largest mail of a customer taken whole. Default: 25 MB.
INBOUND_MAX_BYTES = env.int("INBOUND_MAX_BYTES", default=25 * 1024 * 1024)
#: Mails of one sender within an hour that go into cases without a person looking.
INBOUND_MAX_PER_HOUR = env.int("INBOUND_MAX_PER_HOUR", default=10)
#: How long a mail’s bytes are kept once it is decided (days).
INBOUND_KEEP_DAYS = env.int("INBOUND_KEEP_DAYS", default=30)
#: ## What we tell other systems by webhook
#: For one request to [another system](webhooks.md#what-we-tell-other-systems) (seconds).
WEBHOOK_TIMEOUT = env.float("WEBHOOK_TIMEOUT", default=10)
#: Such requests of one worker at once.
WEBHOOK_CONNECTIONS = env.int("WEBHOOK_CONNECTIONS", default=8)
#: Ports that may be called.
WEBHOOK_PORTS = [int(port) for port in env.list("WEBHOOK_PORTS", default=["443", "8443"])]
#: Failing after which an endpoint is paused (days).
WEBHOOK_PAUSE_DAYS = env.float("WEBHOOK_PAUSE_DAYS", default=3)
#: How long the secret before a new one holds (hours).
WEBHOOK_SECRET_HOURS = env.float("WEBHOOK_SECRET_HOURS", default=24)
#: How long deliveries are kept (days).
WEBHOOK_LOG_DAYS = env.int("WEBHOOK_LOG_DAYS", default=30)
#: May machines of your own network be called, and plain http? For trying things only.
WEBHOOK_ALLOW_PRIVATE = env.bool("WEBHOOK_ALLOW_PRIVATE", default=False)
# 24 months where the law asks for nothing else.
#: ## How long what is told of people is kept
RETENTION_DAYS = {
    #: Raw messages of shops and mail providers (days); [what goes by itself](rights.md#what-goes-by-itself).
    "hooks": env.int("RETAIN_HOOKS_DAYS", default=30),
    #: Of mails their address, content and what the server said; that they went stays (days).
    "mails": env.int("RETAIN_MAILS_DAYS", default=365),
    #: Test mails (days).
    "sample_mails": env.int("RETAIN_SAMPLE_MAILS_DAYS", default=30),
    #: Clicks, a month at a time, from its last day (days); how many visits a link had stays.
    "clicks": env.int("RETAIN_CLICKS_DAYS", default=400),
    #: Words, purchase and time of answers; scores stay (days).
    "answers": env.int("RETAIN_ANSWERS_DAYS", default=730),
    #: Mail that came in and is in no case, nor waits for a decision (days).
    "incoming": env.int("RETAIN_INCOMING_DAYS", default=365),
    #: Closed cases, from when they were last touched (days).
    "cases": env.int("RETAIN_CASES_DAYS", default=1826),
    #: What claims of erased customers may need, sealed, from the closing of their last case (days).
    "blocked": env.int("RETAIN_BLOCKED_DAYS", default=1826),
    #: Sessions that have ended, after that (days).
    "sessions": env.int("RETAIN_SESSIONS_DAYS", default=1),
    #: The admin's own history (days).
    "history": env.int("RETAIN_HISTORY_DAYS", default=730),
    #: Who looked at whose data (days).
    "access_log": env.int("RETAIN_ACCESS_LOG_DAYS", default=730),
    #: Who changed which rule (days).
    "audit_log": env.int("RETAIN_AUDIT_LOG_DAYS", default=1826),
}
#: ## Reports
#: Fixes today (YYYY-MM-DD) for reports over old data; never for sending.
POSTVENTA_TODAY = env.str("POSTVENTA_TODAY", default="")

# --- What others read: gunicorn.conf.py, docker/entrypoint, docker-compose.yml, django-anymail ---------------------
#: ## The processes and what surrounds them
#: WEB_CONCURRENCY=2 Web processes of one container.
#: WEB_THREADS=4 Threads of each: so many pages it makes at once.
#: WORKER_PROCESSES=2 Processes of one worker.
#: PORT=8000 Where the web process listens.
#: SITE_HOST=localhost The host for which the proxy of docker-compose.yml (`--profile tls`) has a certificate.
#: WEB_ADDRESS=127.0.0.1:8000 Where docker-compose.yml lets a proxy of this machine find it.
#: POSTGRES_PASSWORD=none Of the database in docker-compose.yml.
#: ANYMAIL_…=none A mail provider’s own settings as django-anymail names them, with `ANYMAIL_` before:
#: `ANYMAIL_POSTMARK_SERVER_TOKEN`. `ANYMAIL_WEBHOOK_SECRET=user:password` is what its webhooks come with ([what
#: providers report](webhooks.md#what-mail-providers-report)).
