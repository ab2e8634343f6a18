"""Workspaces: the list, and the members of one."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from debates.exceptions import InvalidInput, NotAllowed, NotFound, StateForbids
from debates.web.account_forms import MemberForm, WorkspaceForm
from debates.web.views.account import FORM_METHODS, person_of
from ratelimit import workspaces
from ratelimit.models import Membership, Role


def _find(request: HttpRequest, slug: str) -> Membership:
    try:
        return workspaces.get_workspace(user=request.user, reference=slug)
    except NotFound as error:
        raise Http404(str(error)) from error


@login_required
@require_http_methods(FORM_METHODS)
def workspace_list(request: HttpRequest) -> HttpResponse:
    """Those that one belongs to; on POST, a new one."""
    user = person_of(request)
    form = WorkspaceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = workspaces.create_workspace(name=form.cleaned_data["name"], owner=user)
        except InvalidInput as error:
            form.add_findings(error)
        else:
            return redirect("web:workspace", slug=made.slug)
    workspaces.personal_workspace(user)
    context = {"form": form, "memberships": workspaces.my_workspaces(user)}
    return render(request, "web/workspaces/list.html", context)


@login_required
@require_safe
def workspace_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Who belongs to it."""
    return _page(request, _find(request, slug), MemberForm())


def _page(request: HttpRequest, membership: Membership, form: MemberForm) -> HttpResponse:
    workspace = membership.workspace
    return render(
        request,
        "web/workspaces/workspace.html",
        {
            "workspace": workspace,
            "membership": membership,
            "members": workspaces.members_of(workspace),
            "is_owner": membership.role == Role.OWNER,
            "is_personal": workspace.personal_to_id is not None,
            "roles": Role.choices,
            "form": form,
            "name_form": WorkspaceForm(initial={"name": workspace.name}),
        },
    )


@login_required
@require_POST
def rename_workspace(request: HttpRequest, slug: str) -> HttpResponse:
    membership = _find(request, slug)
    name = request.POST.get("name", "")
    return _carry_out(
        request,
        slug,
        lambda: workspaces.rename_workspace(
            workspace=membership.workspace, actor=request.user, name=name
        ),
        "The workspace was renamed.",
    )


@login_required
@require_POST
def add_member(request: HttpRequest, slug: str) -> HttpResponse:
    membership = _find(request, slug)
    form = MemberForm(request.POST)
    if form.is_valid():
        try:
            workspaces.add_member(
                workspace=membership.workspace, actor=request.user, **form.cleaned_data
            )
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        except (InvalidInput, StateForbids) as error:
            form.add_findings(error)
        else:
            messages.success(request, f"{form.cleaned_data['username']} belongs to it now.")
            return redirect("web:workspace", slug=slug)
    return _page(request, membership, form)


@login_required
@require_POST
def change_member(request: HttpRequest, slug: str, user_id: int) -> HttpResponse:
    """Another role; or, with `action=remove`, out."""
    workspace = _find(request, slug).workspace
    if request.POST.get("action") != "remove":
        role = request.POST.get("role", "")
        return _carry_out(
            request,
            slug,
            lambda: workspaces.change_role(
                workspace=workspace, actor=request.user, user_id=user_id, role=role
            ),
            "The role was changed.",
        )
    leaves = request.user.pk == user_id
    return _carry_out(
        request,
        "" if leaves else slug,
        lambda: workspaces.remove_member(workspace=workspace, actor=request.user, user_id=user_id),
        f"You have left {workspace.name}." if leaves else "They belong to it no longer.",
        otherwise=slug,
    )


def _carry_out(
    request: HttpRequest,
    slug: str,
    change: Callable[[], object],
    said: str,
    *,
    otherwise: str = "",
) -> HttpResponse:
    """Do it and say so on the page of the workspace, or on the list; what forbids it is said on the
    page it came from."""
    try:
        change()
    except NotFound as error:
        raise Http404(str(error)) from error
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except (InvalidInput, StateForbids) as error:
        messages.error(request, error.fields[0][1] if error.fields else str(error))
        return redirect("web:workspace", slug=otherwise or slug)
    messages.success(request, said)
    return redirect("web:workspace", slug=slug) if slug else redirect("web:workspaces")
