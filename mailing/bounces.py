"""What a server's words mean for the address, by the codes of RFC 3463. Pure."""

import re
from enum import Enum

# No such mailbox, no such host, mailbox moved, host takes no mail (null MX); mailbox disabled.
_HARD = {"5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1"}
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_BUSY = re.compile(r"\b(?:421|454)\b")


class Fault(Enum):
    """Whose fault it is that a mail was not taken."""

    ADDRESS = "address"  # there is nobody: never again
    MOMENT = "moment"  # full, slow or unknown: the address may work later
    SENDER = "sender"  # policy, authentication, reputation: not the recipient's doing


def enhanced_code(words: str) -> str:
    """The first code such as "5.1.1" in what a server or provider said, or nothing."""
    found = _CODE.search(words)
    return found.group() if found else ""


def fault_of(words: str) -> Fault:
    """Where nothing is certain, the moment's: an address is not given up for words that nobody understands."""
    code = enhanced_code(words)
    if code in _HARD:
        return Fault.ADDRESS
    return Fault.SENDER if code.startswith("5.7.") else Fault.MOMENT


def wants_quiet(words: str) -> bool:
    """Does a temporary refusal speak of all our mail to that domain (421, 454, 4.7.x), and not of this one alone?"""
    return bool(_BUSY.match(words)) or enhanced_code(words).startswith("4.7.")
