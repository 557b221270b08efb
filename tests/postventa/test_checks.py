import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

KEY = "k" * 50


@pytest.fixture
def production(settings: Settings) -> Settings:
    """Settings as they should be."""
    settings.DEBUG = False
    settings.SECRET_KEY = "s" * 60
    settings.SECRET_KEY_IS_SET = True
    settings.LINK_KEYS = {1: KEY}
    settings.PSEUDONYM_KEYS = {1: KEY, 2: KEY + "2"}
    settings.BASE_URL = "https://opinion.example.com"
    settings.ALLOWED_HOSTS = ["opinion.example.com"]
    settings.DATABASE_URL = "postgres://u:p@db/postventa"
    settings.REDIS_URL = "redis://redis:6379/0"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_URL = "smtp+tls://u:p@smtp.example.com:587"
    settings.EMAIL_TIMEOUT = 600
    settings.MAIL_LEASE_SECONDS = 900
    settings.DEFAULT_FROM_EMAIL = "Zapatos Sol <opinion@example.com>"
    settings.OPERATOR_EMAILS = ["guardia@example.com"]
    settings.ANYMAIL, settings.BOUNCE_ADDRESS = {}, "bounces@{domain}"
    return settings


def found() -> list[str]:
    messages = [m for m in run_checks(include_deployment_checks=True) if str(m.id).startswith("postventa.")]
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


def test_good_settings_pass(production: Settings) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY_IS_SET", False, ["postventa.E001"]),
        ("LINK_KEYS", {1: "s" * 60}, ["postventa.E002"]),
        ("LINK_KEYS", {1: KEY, 2: "short"}, ["postventa.E002"]),
        ("PSEUDONYM_KEYS", {1: "s" * 60}, ["postventa.E003"]),
        ("DEBUG", True, ["postventa.E004"]),
        ("WEBHOOK_ALLOW_PRIVATE", True, ["postventa.E015"]),
        ("BASE_URL", "http://opinion.example.com", ["postventa.E005"]),
        ("ALLOWED_HOSTS", ["*"], ["postventa.E006"]),
        ("ALLOWED_HOSTS", ["localhost"], ["postventa.E006"]),
        ("ALLOWED_HOSTS", [".example.com"], []),
        ("ALLOWED_HOSTS", [".ample.com"], ["postventa.E006"]),
        ("DATABASE_URL", "postgres:///postventa", ["postventa.E007"]),
        ("DATABASE_URL", "postgres://u:p@a,b:5433/postventa", ["postventa.E017"]),
        ("DATABASE_URL", "postgres://u:p@a,b/postventa?target_session_attrs=prefer-standby", ["postventa.E017"]),
        ("DATABASE_URL", "postgres://u:p@a,b/postventa?target_session_attrs=read-write", []),
        ("REDIS_URL", "redis://localhost:6379/0", ["postventa.E008"]),
        ("EMAIL_URL", "smtp://localhost:25", ["postventa.E009"]),
        ("MAIL_LEASE_SECONDS", 600, ["postventa.E010"]),
        ("EMAIL_TIMEOUT", 30, ["postventa.W011"]),
        ("DEFAULT_FROM_EMAIL", "Postventa <postventa@localhost>", ["postventa.E012"]),
        ("OPERATOR_EMAILS", [], ["postventa.W013"]),
        ("BOUNCE_ADDRESS", "", ["postventa.W014"]),
    ],
)
def test_each_wrong_setting_is_named(production: Settings, name: str, value: object, expected: list[str]) -> None:
    setattr(production, name, value)

    assert found() == expected


def test_a_provider_needs_no_smtp_address(production: Settings) -> None:
    production.EMAIL_BACKEND = "anymail.backends.mailjet.EmailBackend"
    production.EMAIL_URL = "smtp://localhost:25"

    assert found() == []


def test_a_name_that_nobody_reads_is_told(production: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_EMAIL", "guardia@example.com")

    assert found() == ["postventa.W016"]
