"""Whose memory somebody sees."""

from __future__ import annotations

from uuid import UUID

from debates.choices import Visibility
from debates.models import Debate
from debates.selectors.finding import Viewer
from memory.scopes import Reader, ScopeName
from ratelimit.models import Membership


def reader_of(user: Viewer) -> Reader:
    """What a person sees: their own, and that of the workspaces that they belong to; without an
    account, what those left who had none either."""
    if user is None or not user.is_authenticated:
        return Reader(is_shared=True)
    theirs = Membership.objects.filter(user=user.pk).values_list("workspace", flat=True)
    return Reader(user.pk, frozenset(theirs))


def reader_of_debate(debate: Debate) -> Reader:
    """What a debate may be shown. One that everybody may read recalls only what everybody may."""
    return Reader.for_debate(
        workspace_id=debate.workspace_id,
        owner_id=debate.owner_id,
        public=debate.visibility == Visibility.PUBLIC,
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
    """Where a person writes: into the workspace that they name and belong to, or their own.

    Raises `NotFound` for one that is not theirs."""
    from django.contrib.auth.models import User

    from debates.exceptions import NotFound
    from ratelimit.workspaces import personal_workspace

    if user is None or not user.is_authenticated:
        return ScopeName.of_workspace(None)
    if workspace_id is None:
        assert isinstance(user, User)  # noqa: S101
        return ScopeName.of_workspace(personal_workspace(user).pk)
    if not Membership.objects.filter(user=user.pk, workspace=workspace_id).exists():
        raise NotFound("There is no such workspace, or you do not belong to it.")
    return ScopeName.of_workspace(workspace_id)
