"""The places of a ready answer: «Hola, {name}: tu caso {number} …»."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

PLACEHOLDERS: "Mapping[str, StrPromise]" = {
    "name": gettext_lazy("the customer's first name"),
    "number": gettext_lazy("the number of the case"),
    "order": gettext_lazy("the order"),
    "product": gettext_lazy("the product"),
    "brand": gettext_lazy("your brand"),
    "agent": gettext_lazy("the name of whoever writes"),
    "due": gettext_lazy("when an answer is due"),
}
_PLACE = re.compile(r"\{([^{}\n]*)\}")


def validate_placeholders(text: str) -> None:
    """ValidationError: it names a place that there is not, or has a brace that opens or closes nothing."""
    unknown = [name for name in _PLACE.findall(text) if name not in PLACEHOLDERS]
    if unknown:
        message = _("There is no place %(name)s. Those there are: %(names)s.")
        named = {"name": f"{{{unknown[0]}}}", "names": ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)}
        raise ValidationError(message, code="unknown_place", params=named)
    if re.search(r"[{}]", _PLACE.sub("", text)):
        raise ValidationError(_("A brace opens or closes nothing."), code="stray_brace")


def fill(text: str, values: Mapping[str, str]) -> str:
    """The answer with its places filled in; one that the case cannot fill stays, so that whoever sends it sees it."""
    return _PLACE.sub(lambda match: values.get(match[1]) or match[0], text)
