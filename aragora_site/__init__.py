"""The project: settings, the server, and what all its parts share."""

import sys
from types import ModuleType
from typing import cast

# structlog loads whatever it could work with. Twisted comes with daphne and rich is for the command
# line: neither writes logs here, and together they are a tenth of a start and 6 MB a process.
_ABSENT = cast(ModuleType, None)
sys.modules.setdefault("structlog.twisted", _ABSENT)
if "rich" not in sys.modules:
    sys.modules["rich"] = _ABSENT
    import structlog  # noqa: F401

    del sys.modules["rich"]
