"""`pytest -p tests.support.on_postgresql …` runs the in-process tests on a real PostgreSQL.

Loaded before Django's settings are read, so that they see DATABASE_URL.
"""

import atexit
import os

from tests.support.processes import postgres

_server = postgres()
os.environ["DATABASE_URL"] = _server.__enter__()
atexit.register(_server.__exit__, None, None, None)
