"""Workspaces and who belongs to them."""

from contextlib import AbstractContextManager

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import transaction

from aragora_site.tenancy.scopes import NOBODY, Scope, act_later_for
from ratelimit.models import Membership, Role, Workspace


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


def scope_of(user: AbstractBaseUser | AnonymousUser | None) -> Scope:
    """The tenants of which somebody is. One query for people who are signed in."""
    if user is None or not user.is_authenticated:
        return NOBODY
    rows = Membership.objects.filter(user=user.pk)
    return Scope(frozenset(rows.values_list("workspace_id", flat=True)))


def acting_as(user: AbstractBaseUser | AnonymousUser | None) -> AbstractContextManager[None]:
    """See and change what the workspaces of this person have."""
    return act_later_for(lambda: scope_of(user))
