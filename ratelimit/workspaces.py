"""Workspaces and who belongs to them."""

from django.contrib.auth.models import User
from django.db import transaction

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
