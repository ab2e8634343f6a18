"""Accounts: to make one, sign in for a program, and look after it."""

from http import HTTPStatus
from typing import Annotated, Any

from django.contrib.auth import authenticate, logout, update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import AfterValidator, AliasChoices, BaseModel, Field

from debates.api.auth import ApiRequest, signed_in
from debates.api.endpoints import READ_ERRORS, WRITE_ERRORS, endpoint
from debates.api.errors import InvalidKey
from debates.exceptions import StateForbids, TooFast
from debates.services.faults import UNSTORABLE, is_storable
from ratelimit import accounts
from ratelimit.forms import PASSWORD, REGISTER, SIGN_IN, wait_for_form
from ratelimit.keys import SIGN_IN_LIFETIME, create_key, revoke_key
from ratelimit.models import KeyKind, Scope
from ratelimit.workspaces import personal_workspace

router = Router(tags=["accounts"])

FORM_ERRORS = (*WRITE_ERRORS, HTTPStatus.TOO_MANY_REQUESTS)
SIGN_IN_NAME = "Signed in over the API"


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError(UNSTORABLE)
    return text


Text = Annotated[str, AfterValidator(_storable)]


class RegisterIn(BaseModel):
    email: Text
    password: Text
    name: Text = Field(default="", description="What others call you.")
    username: Text = Field(
        default="", description=f"{accounts.NAME_HELP} Left out: made of the e-mail address."
    )


class LoginIn(BaseModel):
    """A name or an e-mail address, and the password."""

    name: Text = Field(
        validation_alias=AliasChoices("email", "username", "name"),
        description="`email` or `username`.",
    )
    password: Text


class ProfileIn(BaseModel):
    """Whatever is given is changed."""

    name: Text | None = None
    email: Text | None = None


class PasswordIn(BaseModel):
    current_password: Text
    new_password: Text


class AccountOut(BaseModel):
    id: int
    username: str
    email: str
    name: str = Field(description="What others call you; the user name where nothing was chosen.")
    workspace: str = Field(description="The slug of the personal workspace.")
    tier: str
    created_at: str


class MeOut(AccountOut):
    user: AccountOut = Field(description="The same once more, for clients that look here.")


class SignedInOut(BaseModel):
    success: bool = True
    user: AccountOut
    access_token: str = Field(description="An API key that is good for a day. It is shown once.")
    token_type: str = "Bearer"  # noqa: S105  # It is the name of the scheme.
    expires_in: int = Field(description="Seconds.")


class DoneOut(BaseModel):
    success: bool = True
    message: str


@endpoint(router, "POST", "/v1/auth/register", answer=SignedInOut, status=201, errors=FORM_ERRORS)
def register_account(request: ApiRequest, body: RegisterIn) -> Status[SignedInOut]:
    """Make an account and sign in to it, where registration is open.

    Answers alike whether or not the e-mail address is known here."""
    _slow_down(request, REGISTER)
    user = accounts.register(
        email=body.email, password=body.password, username=body.username, display_name=body.name
    )
    return Status(201, _signed_in(user))


@endpoint(router, "POST", "/v1/auth/login", answer=SignedInOut, errors=FORM_ERRORS)
def log_in(request: ApiRequest, body: LoginIn) -> SignedInOut:
    """Sign in for a program: an API key for a day, as good as the account itself.

    A new password ends it. No cookie is set."""
    _slow_down(request, SIGN_IN)
    user = authenticate(request, username=body.name, password=body.password)
    if not isinstance(user, User):
        raise InvalidKey("That name and password do not go together.")
    return _signed_in(user)


@endpoint(router, "POST", "/v1/auth/logout", answer=DoneOut, errors=WRITE_ERRORS)
def log_out(request: ApiRequest) -> DoneOut:
    """End the session, or the sign-in whose key this is called with."""
    user = signed_in(request)
    key = request.auth.key
    if key is None:
        logout(request)
    elif key.kind == KeyKind.SIGN_IN:
        revoke_key(key_id=key.pk, user=user, now=timezone.now())
    else:
        raise StateForbids(
            f"This key is not a sign-in. To end it: DELETE /api/v1/auth/api-keys/{key.pk}."
        )
    return DoneOut(message="You are signed out.")


@endpoint(router, "GET", "/v1/auth/me", answer=MeOut, errors=READ_ERRORS, aliases=["/auth/profile"])
def get_me(request: ApiRequest) -> MeOut:
    """Who is calling."""
    return _me(signed_in(request))


@endpoint(router, "PATCH", "/v1/auth/me", answer=MeOut, errors=WRITE_ERRORS)
def update_me(request: ApiRequest, body: ProfileIn) -> MeOut:
    """Change what others call you, or the e-mail address."""
    user = signed_in(request, scope=Scope.ADMIN)
    accounts.update_account(user=user, display_name=body.name, email=body.email)
    return _me(user)


@endpoint(router, "POST", "/v1/auth/password/change", answer=DoneOut, errors=FORM_ERRORS)
def change_password(request: ApiRequest, body: PasswordIn) -> DoneOut:
    """Set a new password. Other sessions end, and so do sign-ins over the API; named keys stay."""
    user = signed_in(request, scope=Scope.ADMIN)
    _slow_down(request, PASSWORD)
    accounts.change_password(user=user, current=body.current_password, new=body.new_password)
    if request.auth.key is None:
        update_session_auth_hash(request, user)
    return DoneOut(message="The password was changed.")


def _slow_down(request: HttpRequest, group: str) -> None:
    if seconds := wait_for_form(request, group):
        raise TooFast(f"Too many tries. Wait {seconds} seconds.", retry_after=seconds)


def _signed_in(user: User) -> SignedInOut:
    now = timezone.now()
    _, token = create_key(
        user=user,
        workspace=None,
        name=SIGN_IN_NAME,
        now=now,
        scope=Scope.ADMIN,
        kind=KeyKind.SIGN_IN,
        expires_at=now + SIGN_IN_LIFETIME,
    )
    return SignedInOut(
        user=AccountOut.model_validate(_account(user)),
        access_token=token,
        expires_in=int(SIGN_IN_LIFETIME.total_seconds()),
    )


def _me(user: User) -> MeOut:
    account = _account(user)
    return MeOut.model_validate({**account, "user": account})


def _account(user: User) -> dict[str, Any]:
    workspace = personal_workspace(user)
    return {
        "id": user.pk,
        "username": user.get_username(),
        "email": user.email,
        "name": user.first_name or user.get_username(),
        "workspace": workspace.slug,
        "tier": workspace.tier,
        "created_at": user.date_joined.isoformat(),
    }
