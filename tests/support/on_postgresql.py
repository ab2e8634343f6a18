"""`pytest -p tests.support.on_postgresql …` runs the in-process tests on a real PostgreSQL, under
row-level security: as the role of the program, which owns no table.

Loaded before Django's settings are read, so that they see DATABASE_URL.
"""

import atexit
import os

from tests.support.processes import postgres
from tests.support.roles import OWNER, as_role, make_roles

_server = postgres()
_url = _server.__enter__()
atexit.register(_server.__exit__, None, None, None)
# The database of the tests is made from this one, with the privileges that it gives.
make_roles(_url.rpartition("/")[0] + "/template1", creates_databases=True)
os.environ["DATABASE_URL"] = as_role(_url, OWNER)
