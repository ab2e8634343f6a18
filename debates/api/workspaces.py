"""Workspaces and their members."""

from http import HTTPStatus
from typing import Annotated

from ninja import Query, Router, Status
from pydantic import AliasChoices, BaseModel, Field

from debates.api.accounts import DoneOut, Text
from debates.api.auth import ApiRequest, signed_in
from debates.api.endpoints import (
    READ_ERRORS,
    READ_ONE_ERRORS,
    WRITE_ERRORS,
    WRITE_ONE_ERRORS,
    endpoint,
)
from debates.api.paging import PageIn, PageOut, page_of
from ratelimit import workspaces
from ratelimit.models import Membership, Role, Scope

router = Router(tags=["workspaces"])

UserId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class WorkspaceIn(BaseModel):
    name: Text


class MemberIn(BaseModel):
    username: Text = Field(validation_alias=AliasChoices("username", "user", "name"))
    role: Text = Field(default=Role.MEMBER.value, description=", ".join(Role.values))


class RoleIn(BaseModel):
    role: Text = Field(description=", ".join(Role.values))


class WorkspaceOut(BaseModel):
    id: str
    slug: str
    name: str
    personal: bool
    role: str = Field(description="What you are in it.")
    tier: str
    members: int


class WorkspacesOut(PageOut):
    workspaces: list[WorkspaceOut]
    items: list[WorkspaceOut] = Field(description="The same as `workspaces`.")


class MemberOut(BaseModel):
    user_id: int
    username: str
    name: str
    role: str
    created_at: str


class MembersOut(PageOut):
    members: list[MemberOut]
    items: list[MemberOut] = Field(description="The same as `members`.")


@endpoint(router, "GET", "/v1/workspaces", answer=WorkspacesOut, errors=READ_ERRORS)
def list_workspaces(request: ApiRequest, page: Query[PageIn]) -> WorkspacesOut:
    """The workspaces that you belong to."""
    user = signed_in(request)
    workspaces.personal_workspace(user)
    part = page_of(workspaces.my_workspaces(user), page)
    shown = [_workspace(row) for row in part.rows]
    return WorkspacesOut.model_validate({"workspaces": shown, "items": shown, **part.fields()})


@endpoint(router, "POST", "/v1/workspaces", answer=WorkspaceOut, status=201, errors=WRITE_ERRORS)
def create_workspace(request: ApiRequest, body: WorkspaceIn) -> Status[WorkspaceOut]:
    """Make a workspace; you are its owner."""
    user = signed_in(request, scope=Scope.ADMIN)
    made = workspaces.create_workspace(name=body.name, owner=user)
    membership = made.memberships.select_related("workspace").get(user=user)
    return Status(201, WorkspaceOut.model_validate(_workspace(membership)))


@endpoint(router, "GET", "/v1/workspaces/{workspace}", answer=WorkspaceOut, errors=READ_ONE_ERRORS)
def get_workspace(request: ApiRequest, workspace: str) -> WorkspaceOut:
    """One of your workspaces, by slug or id."""
    return WorkspaceOut.model_validate(_workspace(_membership(request, workspace)))


@endpoint(
    router, "PATCH", "/v1/workspaces/{workspace}", answer=WorkspaceOut, errors=WRITE_ONE_ERRORS
)
def rename_workspace(request: ApiRequest, workspace: str, body: WorkspaceIn) -> WorkspaceOut:
    """Give it another name."""
    user = signed_in(request, scope=Scope.ADMIN)
    membership = _membership(request, workspace)
    workspaces.rename_workspace(workspace=membership.workspace, actor=user, name=body.name)
    return WorkspaceOut.model_validate(_workspace(membership))


@endpoint(
    router,
    "GET",
    "/v1/workspaces/{workspace}/members",
    answer=MembersOut,
    errors=READ_ONE_ERRORS,
)
def list_members(request: ApiRequest, workspace: str, page: Query[PageIn]) -> MembersOut:
    """Who belongs to it."""
    found = _membership(request, workspace).workspace
    part = page_of(list(workspaces.members_of(found)), page)
    shown = [_member(row) for row in part.rows]
    return MembersOut.model_validate({"members": shown, "items": shown, **part.fields()})


@endpoint(
    router,
    "POST",
    "/v1/workspaces/{workspace}/members",
    answer=MemberOut,
    status=201,
    errors=WRITE_ONE_ERRORS,
)
def add_member(request: ApiRequest, workspace: str, body: MemberIn) -> Status[MemberOut]:
    """Let somebody in."""
    user = signed_in(request, scope=Scope.ADMIN)
    found = _membership(request, workspace).workspace
    made = workspaces.add_member(
        workspace=found, actor=user, username=body.username, role=body.role
    )
    return Status(HTTPStatus.CREATED, MemberOut.model_validate(_member(made)))


@endpoint(
    router,
    "PATCH",
    "/v1/workspaces/{workspace}/members/{user_id}",
    answer=MemberOut,
    errors=WRITE_ONE_ERRORS,
)
def change_role(request: ApiRequest, workspace: str, user_id: UserId, body: RoleIn) -> MemberOut:
    """Make a member something else."""
    user = signed_in(request, scope=Scope.ADMIN)
    found = _membership(request, workspace).workspace
    changed = workspaces.change_role(workspace=found, actor=user, user_id=user_id, role=body.role)
    return MemberOut.model_validate(_member(changed))


@endpoint(
    router,
    "DELETE",
    "/v1/workspaces/{workspace}/members/{user_id}",
    answer=DoneOut,
    errors=WRITE_ONE_ERRORS,
)
def remove_member(request: ApiRequest, workspace: str, user_id: UserId) -> DoneOut:
    """Let somebody go; or leave, with your own id."""
    user = signed_in(request, scope=Scope.ADMIN)
    found = _membership(request, workspace).workspace
    workspaces.remove_member(workspace=found, actor=user, user_id=user_id)
    return DoneOut(message="They belong to the workspace no longer.")


def _membership(request: ApiRequest, reference: str) -> Membership:
    return workspaces.get_workspace(user=signed_in(request), reference=reference)


def _workspace(membership: Membership) -> dict[str, object]:
    workspace = membership.workspace
    return {
        "id": str(workspace.pk),
        "slug": workspace.slug,
        "name": workspace.name,
        "personal": workspace.personal_to_id is not None,
        "role": membership.role,
        "tier": workspace.tier,
        "members": workspace.memberships.count(),
    }


def _member(membership: Membership) -> dict[str, object]:
    user = membership.user
    return {
        "user_id": user.pk,
        "username": user.get_username(),
        "name": user.first_name or user.get_username(),
        "role": membership.role,
        "created_at": membership.created_at.isoformat(),
    }
