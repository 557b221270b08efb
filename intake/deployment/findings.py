"""What a look at an installation comes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """`subject`: which brand, domain or service it is about. `advice`: what to do; nothing where all is well."""

    level: Level
    subject: str
    text: str
    advice: str = ""


Findings = Iterator[Finding]


def fine(subject: str, text: str) -> Finding:
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, advice: str) -> Finding:
    return Finding(Level.WARNING, subject, text, advice)


def error(subject: str, text: str, advice: str) -> Finding:
    return Finding(Level.ERROR, subject, text, advice)
