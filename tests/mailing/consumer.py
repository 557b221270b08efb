"""The receiver that docs/webhooks.md shows, taken from the page itself: what stands there has to work."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

PAGE = Path(settings.BASE_DIR) / "docs" / "webhooks.md"
_shown = re.search(r"```python\n(import base64.*?)```", PAGE.read_text(), re.DOTALL)
assert _shown, "docs/webhooks.md shows no receiver"
_names: dict[str, Any] = {}
exec(_shown[1], _names)

Forged: type[Exception] = _names["Forged"]
verify: Callable[..., dict[str, Any]] = _names["verify"]
