"""Loads structlog without what it would load for other programs.

Twisted comes with daphne, and rich is for the command line: neither writes logs here, and they
would be a fifth of a start and 7 MB of every process.
"""

import sys

_hidden = {"structlog.twisted", "rich"} - sys.modules.keys()
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment]  # To import it fails.

import structlog  # noqa: E402, F401

for _name in _hidden:
    del sys.modules[_name]
