"""The forms of accounts, keys and workspaces. They only turn strings into types: what may be is
decided by the services of `ratelimit`, whose findings `add_findings` puts beside the fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.utils import timezone

from debates.exceptions import InvalidInput
from debates.selectors.preferences import Preferred
from debates.web.forms import AgentNames, SummedUpForm, budget_field, plain_amount, rounds_field
from ratelimit.accounts import NAME_HELP, check_new_password
from ratelimit.models import Membership, Role, Scope
from ratelimit.sending import send_later

NEW_PASSWORD_HELP = "At least 8 characters, not all digits, and not one that many people use."  # noqa: S105
LIFETIMES = {"30": "30 days", "90": "90 days", "365": "A year", "": "Until it is revoked"}
DEFAULT_LIFETIME = "90"

SCOPE_LINES = {
    Scope.READ: "Read only",
    Scope.WRITE: "Read, start and steer debates",
    Scope.ADMIN: "All that you may do, keys and workspaces too",
}
ROLE_LINES = {
    Role.VIEWER: "Viewer: reads",
    Role.MEMBER: "Member: reads, starts and steers debates",
    Role.OWNER: "Owner: also manages members",
}


class ServiceForm(SummedUpForm):
    """A form whose rules a service knows."""

    renamed: Mapping[str, str] = {}
    """Fields of the service to those of the form, where they differ."""

    def add_findings(self, error: Exception) -> None:
        """Put what the service found beside the fields it is about."""
        fields = error.fields if isinstance(error, InvalidInput) else ()
        for field, message in fields or (("", str(error)),):
            name = self.renamed.get(field, field)
            self.add_error(name if name in self.fields else None, message)


def _password(label: str, autocomplete: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
    )


class RegisterForm(ServiceForm):
    username = forms.CharField(
        label="User name",
        max_length=64,
        help_text=f"Others see it. {NAME_HELP[0].upper()}{NAME_HELP[1:]}",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    email = forms.EmailField(
        label="E-mail address",
        help_text="For a forgotten password. Nobody else sees it.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = _password("Password", "new-password", NEW_PASSWORD_HELP)


class ProfileForm(ServiceForm):
    renamed = {"name": "display_name"}
    display_name = forms.CharField(
        label="Name",
        required=False,
        max_length=150,
        help_text="What others call you. Empty: your user name.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="E-mail address",
        help_text="For a forgotten password. Nobody else sees it.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class PasswordForm(ServiceForm):
    current_password = _password("Current password", "current-password")
    new_password = _password("New password", "new-password", NEW_PASSWORD_HELP)


class ForgottenForm(PasswordResetForm):
    """Django's, which answers alike for addresses that are known and for others; sending is left to
    a thread, so that the time it takes tells nothing either."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        send_later(super().send_mail, *args, **kwargs)


class NewPasswordForm(forms.Form):
    """Takes the place of Django's, which asks twice: a person who errs asks for another message."""

    new_password = _password("New password", "new-password", NEW_PASSWORD_HELP)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        check_new_password(password, self.user)
        return password

    def save(self) -> User:
        self.user.set_password(self.cleaned_data["new_password"])
        self.user.save(update_fields=["password"])
        return self.user


class PreferencesForm(ServiceForm):
    """What one's new debates begin with."""

    agents = AgentNames(required=False)
    protocol = forms.CharField(required=False)
    decision = forms.CharField(required=False)
    rounds = rounds_field()
    budget_usd = budget_field()
    ignore_memory = forms.BooleanField(required=False)

    @classmethod
    def of(cls, preferred: Preferred) -> PreferencesForm:
        """With what was chosen before."""
        chosen = {**asdict(preferred), "ignore_memory": not preferred.use_memory}
        return cls(initial=chosen | {"budget_usd": plain_amount(preferred.budget_usd)})

    @property
    def choices(self) -> dict[str, Any]:
        """What was chosen, as the service names it; None for what was left empty."""
        chosen = {name: value or None for name, value in self.cleaned_data.items()}
        chosen |= {name: self.cleaned_data[name] for name in ("rounds", "budget_usd")}
        return chosen | {"use_memory": not chosen.pop("ignore_memory")}

    @property
    def chosen_agents(self) -> frozenset[str]:
        return frozenset(self["agents"].value() or ())


class KeyForm(ServiceForm):
    """A key to make."""

    renamed = {"scopes": "scope"}
    name = forms.CharField(label="Name", max_length=100, help_text="To know it again by.")
    workspace = forms.ChoiceField(label="Workspace", help_text="The only one that it reaches.")
    scope = forms.ChoiceField(
        label="What it may do",
        initial=Scope.WRITE,
        choices=[(scope.value, line) for scope, line in SCOPE_LINES.items()],
    )
    lifetime = forms.ChoiceField(
        label="Good for",
        required=False,
        initial=DEFAULT_LIFETIME,
        choices=list(LIFETIMES.items()),
    )

    def __init__(self, data: Any = None, *, memberships: list[Membership]) -> None:
        super().__init__(data)
        choices = [(row.workspace.slug, row.workspace.name) for row in memberships]
        self.fields["workspace"].choices = choices  # type: ignore[attr-defined]

    @property
    def expires_at(self) -> Any:
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class WorkspaceForm(ServiceForm):
    name = forms.CharField(label="Name", max_length=100)


class MemberForm(ServiceForm):
    username = forms.CharField(
        label="User name",
        max_length=150,
        help_text="Of somebody who has an account here. Capital letters count.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    role = forms.ChoiceField(
        label="Role",
        initial=Role.MEMBER,
        choices=[(role.value, line) for role, line in ROLE_LINES.items()],
    )
