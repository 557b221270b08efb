import io
import json
import logging
import logging.config
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from postventa.logs import _SECRETS, logging_config, redact


@pytest.mark.parametrize(
    ("written", "logged"),
    [
        ("GET /s/kX9-_abc/?q=4", "GET /s/[token]/?q=4"),
        ("POST /u/kX9/", "POST /u/[token]/"),
        ("Not Found: /c/kX9", "Not Found: /c/[token]"),
        ("https://opinion.example.com/i/carla-7", "https://opinion.example.com/i/[token]"),
        ('{"request": "GET /s/kX9/"}', '{"request": "GET /s/[token]/"}'),
        ("/accounts/login/?next=%2Fs%2FkX9%2F&a=1", "/accounts/login/?next=%2Fs%2F[token]%2F&a=1"),
        ("/accounts/password/reset/key/1-abc-def/", "/accounts/password/reset/key/[token]/"),
        ("GET https://pv.example/affiliates/join/kX9_-a/", "GET https://pv.example/affiliates/join/[token]/"),
        ("GET https://pv.example/staff/join/kX9_-a/", "GET https://pv.example/staff/join/[token]/"),
        ("GET /accounts/email/confirm/WzEsI:1a:b-_/", "GET /accounts/email/confirm/[token]/"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer [key]"),
        ("key pv_0123456789abcdefghij refused", "key [key] refused"),
        ("Key (email)=(carla.gomez+x@correo.example) already exists.", "Key (email)=([email]) already exists."),
        ("to=josé@correo.example,", "to=[email],"),
        ("GET /api/v1/postback/lumbre/?order_id=A1&sig=ab12 x", "GET /api/v1/postback/lumbre/?[parameters] x"),
        ("/api/v1/feedback/?email=carla%40correo.example", "/api/v1/feedback/?email=[email]"),
        # What only resembles a secret stays readable.
        ("GET /r/z-7 /static/css/tokens.css /help/", "GET /r/z-7 /static/css/tokens.css /help/"),
        ("/srv/c/postventa/surveys/views.py:12", "/srv/c/postventa/surveys/views.py:12"),
        ("celery@host ready, pv_click=abc", "celery@host ready, pv_click=abc"),
    ],
)
def test_redact_takes_out_secrets_and_nothing_else(written: str, logged: str) -> None:
    assert redact(written) == logged


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_redact_is_idempotent(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("part", ["a", "a.%", "/s/", "a@", "%40", "https://", "Bearer ", "/postback/"])
def test_redact_of_a_long_line_is_quick(part: str) -> None:
    """A pattern that goes back over what it has read would take minutes."""
    started = time.process_time()

    redact(part * 50_000)

    assert time.process_time() - started < 2


@contextmanager
def log_written(*, as_json: bool) -> Iterator[io.StringIO]:
    """What a process configured as ours writes."""
    stream, before = io.StringIO(), structlog.get_config()
    config = logging_config("INFO", as_json=as_json)
    config["handlers"]["console"]["stream"] = stream
    logging.config.dictConfig(config)
    try:
        yield stream
    finally:
        structlog.contextvars.clear_contextvars()
        logging.config.dictConfig(logging_config("INFO", as_json=False))
        structlog.configure(**before)  # loggers that were used before go on with it, and others' tests listen there


@pytest.fixture(params=[True, False], ids=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    with log_written(as_json=request.param) as stream:
        yield stream


def test_no_path_of_a_log_line_lets_a_secret_through(log: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")

    structlog.get_logger("ours").info("answered", path="/s/kX9token/", to=["carla@correo.example"])
    logging.getLogger("django.request").warning("Not Found: %s", "/s/kX9token/")
    try:
        raise ValueError("no such customer: carla@correo.example")
    except ValueError:
        logging.getLogger("anything").exception("Failed at /c/kX9token")
        structlog.get_logger("ours").exception("failed")

    lines = log.getvalue()
    assert "kX9token" not in lines
    assert "carla@" not in lines
    assert lines.count("r-1") == 4
    assert "no such customer: [email]" in lines


def test_json_lines_can_be_read_back() -> None:
    with log_written(as_json=True) as log:
        logging.getLogger("anything").info('«josé@correo.example» said "hi" at /s/abc/')

    assert json.loads(log.getvalue())["event"] == '«[email]» said "hi" at /s/[token]/'


def test_a_request_is_one_line_and_a_probe_none(log: io.StringIO) -> None:
    for page in ("/readyz", "/portal/"):
        structlog.get_logger("ours").info("request_started", request=f"GET {page}")
        structlog.get_logger("ours").info("request_finished", request=f"GET {page}", code=200)

    [line] = log.getvalue().splitlines()
    assert "request_finished" in line
    assert "/portal/" in line


@given(
    st.lists(
        st.sampled_from(["/S/", "/u", "%2F", "%2f", "i", "Bearer ", "BEARER\t", "pv_", "a" * 16, "@", "%40", "b.es"])
        | st.sampled_from(["/postback/x/?", "/staff/join/", " ", '"', "k9"]),
        max_size=12,
    ).map("".join)
)
def test_redact_leaves_nothing_that_its_patterns_find(text: str) -> None:
    """Its marks only spare it the looking."""
    whole = text
    for _marks, pattern, replacement in _SECRETS:
        whole = pattern.sub(replacement, whole)

    assert redact(text) == whole
