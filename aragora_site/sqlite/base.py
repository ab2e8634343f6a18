"""Django's SQLite, whose transactions in one process take turns.

SQLite has one writer at a time. Whoever comes second is told to come again, sleeps for up to a
tenth of a second between two tries, and may be overtaken meanwhile by everybody who comes first
then. Within a process it can simply wait until the other one is done. Other processes are met as
before.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base

PATIENCE_SECONDS = 5.0
"""Then a transaction is tried without its turn: it is the database that decides."""


class SQLiteCursor(base.SQLiteCursorWrapper):
    """The same statements come again and again."""

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        if param_names is not None:
            converted: str = super().convert_query(query, param_names=param_names)
            return converted
        return _with_question_marks(query)


@lru_cache(maxsize=1024)
def _with_question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module. The stubs leave out what a transaction begins and ends with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: threading.Lock | None = None
        """What this connection holds while it is in a transaction."""

    def create_cursor(self, name: str | None = None) -> SQLiteCursor:
        cursor: SQLiteCursor = self.connection.cursor(factory=SQLiteCursor)
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        turn = _turns(str(self.settings_dict["NAME"]))
        if self._turn is None and turn.acquire(timeout=PATIENCE_SECONDS):
            self._turn = turn
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._pass_on()
            raise

    def _commit(self) -> None:
        # When it fails, the transaction goes on, until it is rolled back.
        super()._commit()  # type: ignore[misc]
        self._pass_on()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._pass_on()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            turn.release()


@lru_cache(maxsize=16)
def _turns(database: str) -> threading.Lock:
    """Of the transactions on one database."""
    return threading.Lock()
