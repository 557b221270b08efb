from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework import exceptions, parsers


class JSONParser(parsers.JSONParser):
    """JSON that is nested beyond all reason is refused like any other that cannot be read, instead of a fault."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise exceptions.ParseError(_("This JSON is nested too deeply.")) from None
        except exceptions.ParseError as error:
            where = str(error.detail).rpartition(" - ")[2]  # the parser's own, in English: line and column
            raise exceptions.ParseError(_("What was sent is not valid JSON: {where}").format(where=where)) from None
