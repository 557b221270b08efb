import pytest

from mailing.bounces import Fault, enhanced_code, fault_of, wants_quiet


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("550 5.1.1 No such user", "5.1.1"),
        ("smtp; 550-5.1.10 RESOLVER.ADR.RecipientNotFound", "5.1.10"),
        ("421 4.3.2 Going down (192.0.2.1)", "4.3.2"),
        ("550 blocked, see 192.5.1.1 for more", ""),
        ("550 5.1.1.7 is no code", ""),
        ("", ""),
    ],
)
def test_enhanced_code_is_found_among_other_words(words: str, code: str) -> None:
    assert enhanced_code(words) == code


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("550 5.1.1 No such user", Fault.ADDRESS),
        ("550 5.1.2 Bad destination system", Fault.ADDRESS),
        ("551 5.1.6 Has moved", Fault.ADDRESS),
        ("556 5.1.10 Null MX", Fault.ADDRESS),
        ("550 5.2.1 Mailbox disabled", Fault.ADDRESS),
        ("552 5.2.2 Mailbox full", Fault.MOMENT),
        ("550 5.1.11 who knows", Fault.MOMENT),
        ("451 4.4.1 No answer from host", Fault.MOMENT),
        ("mailbox unavailable", Fault.MOMENT),
        ("550 5.7.515 Access denied", Fault.SENDER),
    ],
)
def test_fault_of_the_codes(words: str, fault: Fault) -> None:
    assert fault_of(words) == fault


@pytest.mark.parametrize(
    ("words", "is_wanted"),
    [
        ("421 4.3.2 Going down", True),
        ("421 Too many messages", True),
        ("454 Throttling failure: maximum sending rate exceeded", True),
        ("451 4.7.650 Reduce the rate", True),
        ("451 4.2.0 Greylisted", False),
        ("452 4.2.2 Mailbox full", False),
        ("450 try 421 times", False),
    ],
)
def test_wants_quiet(words: str, is_wanted: bool) -> None:
    assert wants_quiet(words) is is_wanted
