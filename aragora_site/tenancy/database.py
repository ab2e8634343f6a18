"""What goes with every statement that names a table of tenants.

The scope is told to PostgreSQL in the same message as the statement, by SET LOCAL: the setting ends
with the transaction, which outside of a block is that message. So it costs no round trip and no
transaction of its own, and a pooler in transaction mode cannot carry it to anybody else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from aragora_site.tenancy import registry, scopes

SETTING = "app.tenant_id"
_STATEMENT = re.compile(r"[\s(]*(SELECT|INSERT|UPDATE|DELETE|WITH|EXPLAIN)\b", re.IGNORECASE)

Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]


def guard(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Have the connection's statements go through here (the signal `connection_created`)."""
    if _with_scope not in connection.execute_wrappers:
        connection.execute_wrappers.append(_with_scope)


def _with_scope(
    execute: Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    if not _names_tenants(str(sql)):
        return execute(sql, params, many, context)
    scope = scopes.scope_for(str(sql))
    if context["connection"].vendor != "postgresql":
        return execute(sql, params, many, context)
    # The only characters of a setting are those of ids and of `Purpose`.
    setting = f"SET LOCAL {SETTING} = '{scope.setting}'"
    cursor = context["cursor"]
    if many or not isinstance(sql, str):
        with transaction.atomic(using=context["connection"].alias):
            cursor.execute(setting)
            return execute(sql, params, many, context)
    result = execute(f"{setting}; {sql}", params, many, context)
    cursor.nextset()
    return result


@lru_cache(maxsize=2048)
def _names_tenants(sql: str) -> bool:
    return _STATEMENT.match(sql) is not None and _tables().search(sql) is not None


@cache
def _tables() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(sorted(registry.tables()))})\b")
