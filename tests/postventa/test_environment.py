"""What settings.py says of each setting, and what is told of names that nobody reads."""

import runpy

import pytest

from postventa import settings
from postventa.environment import Setting, as_markdown, misspelt, read_settings, settings_of

SOURCE = """
#: ## Patience
#: How long to wait
#: for an answer (seconds).
PATIENCE = env.int("PATIENCE", default=10)
SILENT = env.str("SILENT", default="")
#: In words. Default: a year with https.
COMPUTED = env.int(
    "COMPUTED", default=31_536_000 if IS_HTTPS else 0
)
NAMED = {
    #: Of a name.
    "a": env.str("NAMED", default=DEFAULT),
}
#: ## Others
#: THREADS=4 Of one process.
#: KEYS_…=none All that
#: begin so.
"""


def test_a_setting_is_told_by_the_comment_above_it() -> None:
    assert read_settings(SOURCE, {"DEFAULT": "a:1"}) == [
        Setting("PATIENCE", "10", "How long to wait for an answer (seconds).", "Patience"),
        Setting("SILENT", "none", "", "Patience"),
        Setting("COMPUTED", "a year with https", "In words.", "Patience"),
        Setting("NAMED", "a:1", "Of a name.", "Patience"),
        Setting("THREADS", "4", "Of one process.", "Others", is_read_here=False),
        Setting("KEYS_…", "none", "All that begin so.", "Others", is_read_here=False),
    ]


def test_the_reference_has_a_table_for_each_chapter() -> None:
    text = as_markdown(read_settings(SOURCE, {"DEFAULT": "a:1"}))

    assert text.count("| name | default | what it is |") == text.count("### ") == 2
    assert "| `NAMED` | `a:1` | Of a name. |\n" in text


def test_every_setting_is_explained_and_says_its_default() -> None:
    unexplained = [each.name for each in settings_of(settings) if not each.about or each.default == "…"]

    assert unexplained == [], "say it in a comment `#: …` above the line that reads it"


def test_names_that_nobody_reads_are_told_if_they_look_like_ours() -> None:
    names = ["MAIL_RAET", "SECRET_KEY_FILE", "SECRET_KEYS", "OPERATOR_EMAIL", "RETAIN_ORDERS_DAYS", "PATH", "WEB_PORT"]

    assert dict(misspelt(names, settings_of(settings))) == {
        "MAIL_RAET": "MAIL_RATE",
        "OPERATOR_EMAIL": "OPERATOR_EMAILS",
        "RETAIN_ORDERS_DAYS": "",
        "SECRET_KEYS": "SECRET_KEY",
    }


@pytest.mark.parametrize(("address", "prefix"), [("https://lumbre.example", "__Host-"), ("http://localhost", "")])
def test_cookies_are_this_hosts_alone_where_there_is_https(
    monkeypatch: pytest.MonkeyPatch, address: str, prefix: str
) -> None:
    """RFC 6265bis, 4.1.3.2: browsers take such a name from no other host, by no other path and not in the clear."""
    monkeypatch.setenv("BASE_URL", address)

    declared = runpy.run_path(settings.__file__)

    for name in ("SESSION", "CSRF", "LANGUAGE"):
        assert declared[f"{name}_COOKIE_NAME"].startswith(f"{prefix}postventa_")
        assert declared[f"{name}_COOKIE_SECURE"] == bool(prefix)
        assert f"{name}_COOKIE_DOMAIN" not in declared
        assert f"{name}_COOKIE_PATH" not in declared
