"""Logs: one line an event, with the request's id; never a token of a link, a key or an e-mail address.

What must not be logged is taken out of the finished line, so that it does not matter where it came from: a path, an
exception's text, a library's own message.
"""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

PROBES = {f"{method} /{page}" for method in ("GET", "HEAD") for page in ("healthz", "readyz", "metrics")}
# /s/ survey, /u/ unsubscribe, /c/ a customer's complaint, /i/ a customer's own link: who holds the path holds the key.
_EDGES = r"\s@<>()\[\]\"'\\,;:=/?&«»“”‘’"  # what no address contains (unquoted)
_SLASH = r"(?:/|%2F)"
_SECRETS = [
    # At the beginning of a path, so that a folder called /c/ in a file's name stays readable.
    (
        ("/s/", "/u/", "/c/", "/i/", "%2f"),
        re.compile(
            rf"((?:https?:{_SLASH}{{2}}[^/%\s\"']+|(?<![\w/.-])){_SLASH}[suci]{_SLASH})[^/%\s?#&\"'\\]+", re.IGNORECASE
        ),
        r"\1[token]",
    ),
    (
        ("/password/reset/key/", "/affiliates/join/", "/staff/join/", "/accounts/email/confirm/"),
        re.compile(r"(/password/reset/key/|/affiliates/join/|/staff/join/|/accounts/email/confirm/)[^/\s?#\"'\\]+"),
        r"\1[token]",
    ),
    (("pv_",), re.compile(r"\bpv_[A-Za-z0-9_-]{16,}"), "[key]"),
    (("bearer",), re.compile(r"\b(Bearer\s+)[^\s\"'\\]+", re.IGNORECASE), r"\1[key]"),
    # A postback's parameters say who bought what, and its signature lets anybody say it again.
    (("/postback/",), re.compile(r"(/postback/[^/\s?\"'\\]{1,60}/\?)[^\s\"'\\]+"), r"\1[parameters]"),
    # From the beginning of a word and possessive, so that a long line without an @ costs one pass.
    (
        ("@", "%40"),
        re.compile(
            rf"(?<![^{_EDGES}])(?:[^{_EDGES}%]|%(?!40))++(?:@|%40)[\w-]++(?:\.[\w-]++)+",
            re.IGNORECASE,
        ),
        "[email]",
    ),
]


def redact(text: str) -> str:
    """Looked for only where one of its marks stands: in most lines none does, and looking took longer than logging."""
    lower = text.lower()
    for marks, pattern, replacement in _SECRETS:
        if any(mark in lower for mark in marks):
            text = pattern.sub(replacement, text)
    return text


def keep_one_line_a_request(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Its end, which says what came of it: its beginning adds only the reader's browser, which is not ours to keep.

    None of whoever asks every few seconds whether we are well, who would fill the log.
    """
    is_beginning = event.get("event") == "request_started"
    if is_beginning or (event.get("event") == "request_finished" and str(event.get("request")) in PROBES):
        raise structlog.DropEvent
    return event


def redact_line(_logger: Any, _name: str, line: str | EventDict) -> str:
    """The last processor: what the renderer made, without secrets."""
    return redact(str(line))


def logging_config(level: str, as_json: bool) -> dict[str, Any]:
    """Configure structlog, and return what Django, gunicorn and Celery hand to `logging.config.dictConfig`."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        keep_one_line_a_request,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.UnicodeDecoder(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Not escaped to ASCII: an address with an accent would otherwise hide from `redact`.
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *renderer,
                    redact_line,
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers would write the same lines a second time, and unredacted.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "gunicorn.error": {"handlers": [], "level": level, "propagate": True},
            "gunicorn.access": {"handlers": [], "propagate": False},
            # Each mail's conversation, line by line.
            "mail.log": {"level": "WARNING"},
            # Each letter of a receipt.
            "fontTools": {"level": "WARNING"},
        },
    }
