"""Accounts: signing in and up, passwords, and the keys of programs. Attempts are limited by address
(`debates.web.urls`)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.generic.base import ContextMixin

from debates.exceptions import InvalidInput, NotAllowed, NotFound
from debates.web.account_forms import (
    SCOPE_LINES,
    ForgottenForm,
    KeyForm,
    NewPasswordForm,
    PasswordForm,
    ProfileForm,
    RegisterForm,
)
from ratelimit import accounts, keys
from ratelimit.models import Scope
from ratelimit.workspaces import get_workspace, my_workspaces, personal_workspace

FORM_METHODS = ["GET", "HEAD", "POST"]


class SignIn(views.LoginView):
    """Django's own, in our clothes."""

    template_name = "web/sign_in.html"
    redirect_authenticated_user = True
    extra_context = {"may_register": lambda: settings.ARAGORA.allow_registration}


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(FORM_METHODS)
def register(request: HttpRequest) -> HttpResponse:
    """Make an account, and be signed in to it."""
    if request.user.is_authenticated:
        return redirect("web:home")
    if not settings.ARAGORA.allow_registration:
        return render(request, "web/accounts/closed.html", status=HTTPStatus.FORBIDDEN)
    form = RegisterForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            user = accounts.register(**form.cleaned_data)
        except InvalidInput as error:
            form.add_findings(error)
        else:
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect(_next(request))
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return render(request, "web/accounts/register.html", {"form": form, "next": wanted})


def _next(request: HttpRequest) -> str:
    """Where to go on: an address of this site, or the start page."""
    wanted = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if own else reverse("web:home")


class _TellsOfMail(ContextMixin):
    """Lets a page say whether a message arrives, or stands in the output of the server."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(sends_mail=bool(settings.ARAGORA.email_url), **kwargs)


class ForgottenPassword(_TellsOfMail, views.PasswordResetView):
    """Asks for the address to send a link to."""

    form_class = ForgottenForm
    template_name = "web/accounts/forgotten.html"
    email_template_name = "web/accounts/forgotten_message.txt"
    subject_template_name = "web/accounts/forgotten_subject.txt"
    success_url = reverse_lazy("web:password_sent")


class PasswordSent(_TellsOfMail, views.PasswordResetDoneView):
    """Says so, whether or not there was anybody to send it to."""

    template_name = "web/accounts/sent.html"


class NewPassword(views.PasswordResetConfirmView):
    """Takes the new password from whoever has the link."""

    form_class = NewPasswordForm  # type: ignore[assignment]  # All that the view asks of it.
    template_name = "web/accounts/new_password.html"
    success_url = reverse_lazy("web:sign_in")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "The new password is set. Sign in with it.")
        return super().form_valid(form)


# --- One's own account -------------------------------------------------------------------------


def person_of(request: HttpRequest) -> User:
    """Who is signed in; `login_required` has seen to it."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@login_required
@require_http_methods(FORM_METHODS)
def account(request: HttpRequest) -> HttpResponse:
    """Name and e-mail address."""
    user = person_of(request)
    current = {"display_name": user.first_name, "email": user.email}
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=current)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.update_account(user=user, **form.cleaned_data)
        except InvalidInput as error:
            form.add_findings(error)
        else:
            messages.success(request, "Saved.")
            return redirect("web:account")
    own = personal_workspace(user)
    return render(request, "web/accounts/account.html", {"form": form, "tier": own.tier})


@sensitive_post_parameters("current_password", "new_password")
@never_cache
@login_required
@require_http_methods(FORM_METHODS)
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password; this session stays, the others end."""
    user = person_of(request)
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            accounts.change_password(
                user=user, current=given["current_password"], new=given["new_password"]
            )
        except InvalidInput as error:
            form.add_findings(error)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, "Your password was changed. Other sessions have ended.")
            return redirect("web:account")
    return render(request, "web/accounts/password.html", {"form": form})


@never_cache
@login_required
@require_http_methods(FORM_METHODS)
def api_keys(request: HttpRequest) -> HttpResponse:
    """The keys of one's programs. A new one is shown in the answer to the form, nowhere else."""
    user = person_of(request)
    personal_workspace(user)
    memberships = my_workspaces(user)
    form = KeyForm(request.POST if request.method == "POST" else None, memberships=memberships)
    token, status = "", HTTPStatus.OK
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            workspace = get_workspace(user=user, reference=given["workspace"]).workspace
            _, token = keys.create_key(
                user=user,
                workspace=workspace,
                name=given["name"],
                scope=given["scope"],
                expires_at=form.expires_at,
                now=timezone.now(),
            )
        except (InvalidInput, NotFound) as error:
            form.add_findings(error)
        else:
            form = KeyForm(memberships=memberships)
            status = HTTPStatus.CREATED
    now = timezone.now()
    rows = [
        {
            "key": key,
            "may": SCOPE_LINES[Scope(key.scope)],
            "expired": key.expires_at is not None and key.expires_at <= now,
        }
        for key in keys.keys_of(user)
    ]
    context = {"form": form, "rows": rows, "token": token}
    return render(request, "web/accounts/keys.html", context, status=status)


@login_required
@require_POST
def revoke_api_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """End a key."""
    try:
        keys.revoke_key(key_id=key_id, user=person_of(request), now=timezone.now())
    except NotFound as error:
        raise Http404(str(error)) from error
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    messages.success(request, "The key was revoked. Whoever used it is cut off.")
    return redirect("web:api_keys")
