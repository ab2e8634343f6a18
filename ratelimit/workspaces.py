"""Workspaces and who belongs to them.

| role | reads | starts and steers debates | manages members |
|---|---|---|---|
| viewer | yes | no | no |
| member | yes | yes | no |
| owner | yes | yes | yes |
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import AbstractContextManager
from uuid import UUID

import structlog
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.utils.text import slugify

from aragora_site.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from aragora_site.tenancy.scopes import NOBODY, Scope, act_later_for
from ratelimit.keys import key_behind
from ratelimit.models import Membership, Role, Workspace

log = structlog.get_logger(__name__)

MAX_NAME_LENGTH = 100
MAX_MEMBERS = 500
MAX_OWN_WORKSPACES = 50
"""Shared workspaces that one account may own."""

Somebody = AbstractBaseUser | AnonymousUser | None


def personal_workspace(user: User) -> Workspace:
    """The workspace of the account's own, made when it is first needed."""
    found = Workspace.objects.filter(personal_to=user).first()
    if found is not None:
        return found
    with transaction.atomic():
        workspace, _ = Workspace.objects.get_or_create(
            personal_to=user,
            defaults={"name": user.get_username()[:100], "slug": f"personal-{user.pk}"},
        )
        Membership.objects.get_or_create(
            workspace=workspace, user=user, defaults={"role": Role.OWNER}
        )
    return workspace


# --- For whom somebody acts --------------------------------------------------------------------


def scope_of(user: Somebody) -> Scope:
    """The tenants of which somebody is, or which their key reaches. One query for people who are
    signed in."""
    if user is None or not user.is_authenticated:
        return NOBODY
    return Scope(frozenset(memberships_of(user).values_list("workspace_id", flat=True)))


def acting_as(user: Somebody) -> AbstractContextManager[None]:
    """See and change what the workspaces of this person have."""
    return act_later_for(lambda: scope_of(user))


# --- Who is where ------------------------------------------------------------------------------


def memberships_of(user: Somebody) -> QuerySet[Membership]:
    """Where somebody belongs; with an API key, where it reaches."""
    if user is None or not user.is_authenticated:
        return Membership.objects.none()
    found = Membership.objects.filter(user=user.pk)
    key = key_behind(user)
    if key is not None and key.workspace_id is not None:
        found = found.filter(workspace=key.workspace_id)
    return found


def role_in(*, user: Somebody, workspace_id: UUID | None) -> Role | None:
    """What somebody is in a workspace; None for strangers."""
    if workspace_id is None:
        return None
    role = memberships_of(user).filter(workspace=workspace_id).values_list("role", flat=True)
    found = role.first()
    return Role(found) if found else None


def my_workspaces(user: Somebody) -> list[Membership]:
    """The person's memberships with their workspaces and how many belong to each, the personal one
    first."""
    return list(
        memberships_of(user)
        .select_related("workspace")
        .annotate(member_count=Count("workspace__memberships"))
        .order_by(F("workspace__personal_to").asc(nulls_last=True), "workspace__name")
    )


def get_workspace(*, user: Somebody, reference: str) -> Membership:
    """The membership in the workspace with that slug or id. Raises `NotFound` for strangers."""
    try:
        wanted = memberships_of(user).filter(workspace=UUID(reference))
    except ValueError:
        wanted = memberships_of(user).filter(workspace__slug=reference.replace("\0", ""))
    found = wanted.select_related("workspace").first()
    if found is None:
        raise NotFound("There is no such workspace, or you do not belong to it.")
    return found


def members_of(workspace: Workspace) -> QuerySet[Membership]:
    return workspace.memberships.select_related("user").order_by("user__username")


# --- Changes -----------------------------------------------------------------------------------


def create_workspace(*, name: str, owner: User) -> Workspace:
    """A shared workspace. Raises `InvalidInput`."""
    name = _checked_name(name)
    owned = Membership.objects.filter(user=owner, role=Role.OWNER, workspace__personal_to=None)
    if owned.count() >= MAX_OWN_WORKSPACES:
        raise _wrong("name", f"You own {MAX_OWN_WORKSPACES} workspaces already.")
    with transaction.atomic():
        workspace = Workspace.objects.create(
            name=name, slug=f"{slugify(name)[:50] or 'workspace'}-{secrets.token_hex(4)}"
        )
        Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    log.info("workspace_created", workspace_id=str(workspace.pk), user_id=owner.pk)
    return workspace


def rename_workspace(*, workspace: Workspace, actor: Somebody, name: str) -> Workspace:
    """Give it another name. Raises `NotAllowed`, `InvalidInput`."""
    _require_owner(workspace, actor)
    workspace.name = _checked_name(name)
    workspace.save(update_fields=["name"])
    return workspace


def add_member(
    *, workspace: Workspace, actor: Somebody, username: str, role: str = Role.MEMBER
) -> Membership:
    """Let somebody in, by their name. Raises `NotAllowed`, `InvalidInput`, `StateForbids`."""
    _require_owner(workspace, actor)
    if workspace.personal_to_id is not None:
        raise StateForbids("A personal workspace has one member. Create a workspace to share.")
    _check_role(role)
    name = username.strip()
    user = User.objects.filter(username=name, is_active=True).first() if "\0" not in name else None
    if user is None:
        raise _wrong("username", "Nobody here has this name. Capital letters count.")
    with transaction.atomic():
        _locked(workspace)
        if workspace.memberships.filter(user=user).exists():
            raise _wrong("username", f"{user.username} is a member already.")
        if workspace.memberships.count() >= MAX_MEMBERS:
            raise StateForbids(f"A workspace has at most {MAX_MEMBERS} members.")
        made = Membership.objects.create(workspace=workspace, user=user, role=role)
    log.info("member_added", workspace_id=str(workspace.pk), user_id=user.pk, role=role)
    return made


def change_role(*, workspace: Workspace, actor: Somebody, user_id: int, role: str) -> Membership:
    """Make a member something else. The last owner stays one.

    Raises `NotAllowed`, `NotFound`, `InvalidInput`, `StateForbids`."""
    _require_owner(workspace, actor)
    _check_role(role)
    with transaction.atomic():
        member = _member(workspace, user_id)
        if role != Role.OWNER:
            _check_an_owner_stays(workspace, member)
        member.role = role
        member.save(update_fields=["role"])
    log.info("member_changed", workspace_id=str(workspace.pk), user_id=user_id, role=role)
    return member


def remove_member(*, workspace: Workspace, actor: Somebody, user_id: int) -> None:
    """Let somebody go: owners remove others, everybody themselves. Their streams of the workspace
    end, and so do their keys to it.

    Raises `NotAllowed`, `NotFound`, `StateForbids`."""
    leaves = actor is not None and actor.pk == user_id
    if not leaves or role_in(user=actor, workspace_id=workspace.pk) is None:
        _require_owner(workspace, actor)
    if workspace.personal_to_id is not None:
        raise StateForbids("Nobody can leave a personal workspace.")
    with transaction.atomic():
        member = _member(workspace, user_id)
        _check_an_owner_stays(workspace, member)
        member.delete()
    log.info("member_removed", workspace_id=str(workspace.pk), user_id=user_id)


def note_rights_changed(workspace_ids: Collection[UUID]) -> None:
    """Have open streams look again who may read there."""
    Workspace.objects.filter(pk__in=workspace_ids).update(roster=F("roster") + 1)


def _locked(workspace: Workspace) -> None:
    """Hold the workspace, so that two owners cannot leave at once."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    note_rights_changed([workspace.pk])


def _member(workspace: Workspace, user_id: int) -> Membership:
    _locked(workspace)
    member = workspace.memberships.select_related("user").filter(user=user_id).first()
    if member is None:
        raise NotFound("There is no such member.")
    return member


def _check_an_owner_stays(workspace: Workspace, leaving: Membership) -> None:
    others = workspace.memberships.filter(role=Role.OWNER).exclude(pk=leaving.pk)
    if leaving.role == Role.OWNER and not others.exists():
        raise StateForbids("A workspace needs an owner. Make somebody else one first.")


def _require_owner(workspace: Workspace, actor: Somebody) -> None:
    role = role_in(user=actor, workspace_id=workspace.pk)
    if role is None:
        raise NotFound("There is no such workspace, or you do not belong to it.")
    if role != Role.OWNER:
        raise NotAllowed("Only an owner of the workspace may do this.")


def _check_role(role: str) -> None:
    if role not in Role.values:
        raise _wrong("role", f"Use one of {', '.join(Role.values)}.")


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise _wrong("name", f"Use 1 to {MAX_NAME_LENGTH} characters on one line.")
    return name


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", fields=((field, message),))
