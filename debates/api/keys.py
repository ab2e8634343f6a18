"""API keys: to make one, see which there are, and end one."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import AwareDatetime, BaseModel, Field

from debates.api.accounts import DoneOut, Text
from debates.api.auth import ApiRequest, signed_in
from debates.api.endpoints import READ_ERRORS, WRITE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.paging import PageIn, PageOut, page_of
from debates.exceptions import InvalidInput, NotFound
from ratelimit import keys
from ratelimit.models import ApiKey, Scope
from ratelimit.workspaces import get_workspace, personal_workspace

router = Router(tags=["API keys"])


class NewKeyIn(BaseModel):
    name: Text = Field(description="To know it again by.", examples=["nightly report"])
    scope: Text | None = Field(
        default=None, description="`read`, `write` or `admin`; each includes the one before."
    )
    scopes: list[Text] | None = Field(
        default=None, description="The same as a list: the widest of them counts."
    )
    workspace: Text | None = Field(
        default=None,
        description="The slug or id of the only workspace that it reaches. Left out: the personal "
        "one.",
    )
    expires_at: AwareDatetime | None = Field(
        default=None, description="ISO 8601 with its time zone. Left out: it does not expire."
    )


class KeyOut(BaseModel):
    id: str
    name: str
    prefix: str = Field(description="How the key begins.")
    scope: str
    scopes: list[str]
    kind: str
    workspace: str | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None = Field(description="To the minute.")


class NewKeyOut(KeyOut):
    success: bool = True
    key: str = Field(description="The key itself. It is shown this once.")
    api_key: str = Field(description="The same as `key`.")


class KeysOut(PageOut):
    keys: list[KeyOut]
    items: list[KeyOut] = Field(description="The same as `keys`.")


@endpoint(router, "GET", "/v1/auth/api-keys", answer=KeysOut, errors=READ_ERRORS)
def list_keys(request: ApiRequest, page: Query[PageIn]) -> KeysOut:
    """The keys of your account that were not revoked, newest first, without their secrets."""
    part = page_of(list(keys.keys_of(signed_in(request, scope=Scope.ADMIN))), page)
    shown = [_key(row) for row in part.rows]
    return KeysOut.model_validate({"keys": shown, "items": shown, **part.fields()})


@endpoint(router, "POST", "/v1/auth/api-keys", answer=NewKeyOut, status=201, errors=WRITE_ERRORS)
def create_key(request: ApiRequest, body: NewKeyIn) -> Status[NewKeyOut]:
    """Make a key. Keep it: only here it is shown."""
    user = signed_in(request, scope=Scope.ADMIN)
    try:
        workspace = (
            personal_workspace(user)
            if body.workspace is None
            else get_workspace(user=user, reference=body.workspace).workspace
        )
        confined = keys.key_behind(user)
        if confined is not None and confined.workspace_id not in (None, workspace.pk):
            raise NotFound("This key reaches one workspace, and makes keys for no other.")
    except NotFound as error:
        raise InvalidInput(f"workspace: {error}", fields=(("workspace", str(error)),)) from None
    key, token = keys.create_key(
        user=user,
        workspace=workspace,
        name=body.name,
        scope=_scope(body),
        expires_at=body.expires_at,
        now=timezone.now(),
    )
    return Status(201, NewKeyOut.model_validate({**_key(key), "key": token, "api_key": token}))


@endpoint(router, "DELETE", "/v1/auth/api-keys/{key_id}", answer=DoneOut, errors=WRITE_ONE_ERRORS)
def revoke_key(request: ApiRequest, key_id: str) -> DoneOut:
    """End a key, at once and everywhere: sockets that were opened with it are closed."""
    user = signed_in(request, scope=Scope.ADMIN)
    try:
        wanted = UUID(key_id)
    except ValueError:
        raise NotFound("There is no such key, or it is not yours.") from None
    keys.revoke_key(key_id=wanted, user=user, now=timezone.now())
    return DoneOut(message="The key was revoked.")


def _scope(body: NewKeyIn) -> str:
    """One word; of a list, the widest. Words that are none are left for the service to refuse."""
    if body.scope is not None:
        return body.scope
    given = body.scopes or [Scope.WRITE.value]
    unknown = [word for word in given if word not in Scope.values]
    return unknown[0] if unknown else max(given, key=Scope.values.index)


def _key(key: ApiKey) -> dict[str, object]:
    return {
        "id": str(key.pk),
        "name": key.name,
        "prefix": f"ara_{key.prefix}",
        "scope": key.scope,
        "scopes": Scope.values[: Scope.values.index(key.scope) + 1],
        "kind": key.kind,
        "workspace": key.workspace.slug if key.workspace else None,
        "created_at": key.created_at.isoformat(),
        "expires_at": _moment(key.expires_at),
        "last_used_at": _moment(key.last_used_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
