"""What somebody wrote now, apart from the older mail that their program put under it and from how they sign."""

import re

LONGEST_LEAD = 3  # lines over which «El lunes … escribió:» may run
LONGEST_LEAD_TEXT = 600  # characters: of a longer line the patterns would try each way to read it

_LEADS = [
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(el|on|em|le|am|il)\b.{5,300}\b(escribi[óo]|wrote|escreveu|a écrit|schrieb|ha scritto)\s*:",
        r"[^\n]{3,200}<[^<>\s]+@[^<>\s]+>\s*(escribi[óo]|wrote|escreveu)\s*:",
    )
]
_DIVIDER = re.compile(
    r"\s*(-{2,}\s*(mensaje original|original message|mensagem original|mensaje reenviado|forwarded message)\s*-{2,}"
    r"|_{20,})\s*",
    re.IGNORECASE,
)
_FROM = re.compile(r"\s*\*?(de|from|von)\s*:\*?\s.+", re.IGNORECASE)
_MORE = re.compile(r"\s*\*?(enviad[oa]( el)?|sent|fecha|date|para|to|asunto|subject|data|gesendet)\s*:\*?\s.*", re.I)
_SIGNATURE = re.compile(r"--\s?")
_DEVICE = re.compile(r"(enviado|sent|obtener|get) (desde|from|outlook para|outlook for)\b.{0,60}", re.IGNORECASE)


def split_quoted(text: str) -> tuple[str, str]:
    """What is new, and what is only repeated or signed. Who answers between the quoted lines is not cut apart."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    tail = _end_of_own(lines)
    cut = next((number for number in range(len(lines)) if number == tail or _begins_quotation(lines, number)), tail)
    if _goes_on_after_quotation(lines[cut:]):
        return "\n".join(lines).strip(), ""
    cut = _without_end(lines[:cut])
    said = "\n".join(lines[:cut]).strip()
    # Somebody who wrote below what they quote, or forwards without a word: then all of it is what they say.
    return (said, "\n".join(lines[cut:]).strip()) if said else ("\n".join(lines).strip(), "")


def _begins_quotation(lines: list[str], number: int) -> bool:
    line = lines[number]
    if _DIVIDER.fullmatch(line):
        return True
    if _FROM.fullmatch(line):
        return sum(bool(_MORE.fullmatch(each)) for each in lines[number + 1 : number + 5]) >= 2
    return any(_is_lead("\n".join(lines[number : number + count])) for count in range(1, LONGEST_LEAD + 1))


def _end_of_own(lines: list[str]) -> int:
    """Behind the last line that is neither empty nor quoted."""
    own = (number for number in range(len(lines), 0, -1) if lines[number - 1].strip(" >\t"))
    return next((number for number in own if not _is_quoted(lines[number - 1])), 0) if lines else 0


def _is_lead(text: str) -> bool:
    lead = text.strip()
    return len(lead) <= LONGEST_LEAD_TEXT and any(pattern.fullmatch(lead) for pattern in _LEADS)


def _goes_on_after_quotation(rest: list[str]) -> bool:
    """Is there somebody's own line below a quoted one?"""
    first = next((number for number, line in enumerate(rest) if _is_quoted(line)), None)
    if first is None:
        return False
    own = [line for line in rest[first:] if line.strip() and not _is_quoted(line)]
    own = own[: next((number for number, line in enumerate(own) if _SIGNATURE.fullmatch(line)), len(own))]
    return any(not _DEVICE.fullmatch(line.strip()) for line in own)


def _without_end(lines: list[str]) -> int:
    """Where the signature begins, or what a telephone adds by itself."""
    sign = next((number for number, line in enumerate(lines) if _SIGNATURE.fullmatch(line)), len(lines))
    while sign and (not lines[sign - 1].strip() or _DEVICE.fullmatch(lines[sign - 1].strip())):
        sign -= 1
    return sign


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")
