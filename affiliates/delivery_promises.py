"""What a sentence that somebody sells by says of the time of delivery. Plain text in, hours out."""

import math
import re

# Between the verb and the time stands nothing that could be about something else: «Envío gratis; devolución …».
FILLERS = (
    "a|al|at|by|casa|con|de|del|domicilio|en|express|free|from|gratis|gratuit[oa]|hasta|in|is|just|la|las|le|les|less|lo|"
    "los|menos|most|máxim[oa]|only|orders?|paquete|pedidos?|plazo|península|rápid[oa]|siempre|s[oó]lo|te|than|the|to|tus?|"
    "una?s?|unos|under|up|urgente|within|your"
)
SENTENCE = re.compile(
    r"\b(?:entreg\w*|env[ií]\w*|lleg\w*|rec[ií]b\w*|deliver\w*|ship\w*|arriv\w*|dispatch\w*|tenlo|lo tienes)"
    rf"(?:[\s:,]+(?:{FILLERS}))*[\s:,]+"
    r"(?P<least>\d{1,3}\s*(?:[-–/]|a|o|y|to|or)\s*)?(?P<most>\d{1,3})\s*"
    r"(?:(?P<hours>h|hs|hrs?|horas?|hours?)|(?P<days>d[ií]as?|days?|(?P<before>working|business)\s+days?))\b"
    r"(?:\s+(?P<after>laborables?|h[áa]biles?))?",
    re.IGNORECASE,
)
LONGEST = 24 * 60  # more is no time of delivery


def hours_promised(text: str) -> int | None:
    """The most that it allows: «en 24/48 h» is 48. Working days leave room for a weekend. None: it says no time."""
    found = SENTENCE.search(text)
    if found is None:
        return None
    amount = int(found["most"])
    if found["before"] or found["after"]:
        amount += 2 * math.ceil(amount / 5)
    hours = amount if found["hours"] else 24 * amount
    return hours if 0 < hours <= LONGEST else None
