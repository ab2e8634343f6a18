"""Whose memory somebody sees."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from debates.choices import Visibility
from debates.exceptions import NotAllowed, NotFound
from debates.models import Debate
from debates.selectors.finding import Viewer, is_open_to_all
from memory.scopes import Reader, ScopeName
from ratelimit.keys import key_behind
from ratelimit.models import Role
from ratelimit.workspaces import memberships_of, role_in


def reader_of(user: Viewer) -> Reader:
    """What a person sees: their own, and that of the workspaces that they belong to, or that their
    API key reaches; without an account, what those left who had none either."""
    return _reader(user, frozenset(Role))


def looker_of(user: Viewer) -> Reader:
    """What a person may look at: what they see, and what everybody does who is not signed in, which
    is nothing that their debates are shown."""
    return replace(reader_of(user), is_shared=True)


def writer_of(user: Viewer) -> Reader:
    """Of that, what they may change: nothing of a workspace in which they only read."""
    return _reader(user, frozenset({Role.OWNER, Role.MEMBER}))


def _reader(user: Viewer, roles: frozenset[Role]) -> Reader:
    if user is None or not user.is_authenticated:
        return Reader(is_shared=True)
    theirs = memberships_of(user).filter(role__in=sorted(roles))
    return Reader(user.pk, frozenset(theirs.values_list("workspace", flat=True)))


def reader_of_debate(debate: Debate) -> Reader:
    """What a debate may be shown: what whoever may read it may read. So one that everybody may read
    recalls only what everybody may, and one for a workspace nothing that its owner keeps from the
    others there."""
    return Reader.for_debate(
        workspace_id=debate.workspace_id,
        owner_id=debate.owner_id if debate.visibility == Visibility.PRIVATE else None,
        public=is_open_to_all(debate),
    )


def scope_of_debate(debate: Debate) -> ScopeName:
    """Where a debate is remembered: in its workspace, but for one that its owner keeps from the
    others there."""
    workspace = debate.workspace
    if workspace is None or debate.owner_id is None:
        return ScopeName.of_workspace(debate.workspace_id)
    is_own = workspace.personal_to_id == debate.owner_id
    if debate.visibility == Visibility.PRIVATE and not is_own:
        return ScopeName.of_user(debate.owner_id, workspace.pk)
    return ScopeName.of_workspace(workspace.pk)


def scope_of_person(user: Viewer, workspace_id: UUID | None = None) -> ScopeName:
    """Where a person writes: into the workspace that they name and take part in, or their own; with
    an API key, the one that it reaches.

    Raises `NotFound` for one that is not theirs, `NotAllowed` for one in which they only read."""
    from django.contrib.auth.models import User

    from ratelimit.workspaces import personal_workspace

    if user is None or not user.is_authenticated:
        return ScopeName.of_workspace(None)
    key = key_behind(user)
    workspace_id = workspace_id or (key.workspace_id if key else None)
    if workspace_id is None:
        assert isinstance(user, User)  # noqa: S101
        return ScopeName.of_workspace(personal_workspace(user).pk)
    role = role_in(user=user, workspace_id=workspace_id)
    if role is None:
        raise NotFound("There is no such workspace, or you do not belong to it.")
    if role == Role.VIEWER:
        raise NotAllowed("You may only read in this workspace.")
    return ScopeName.of_workspace(workspace_id)
