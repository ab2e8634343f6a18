"""Who is calling: a program by its key, somebody signed in on the site, or nobody in particular.

What a caller may do is decided by the services and selectors, not here.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from ninja.security.base import AuthBase

from debates.api.errors import CsrfFailed, InvalidKey
from debates.exceptions import SignInRequired
from ratelimit.identifying import identify
from ratelimit.keys import act_by, require_scope
from ratelimit.models import ApiKey as Key
from ratelimit.models import Scope

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request; None when nobody is signed in."""

    user: User | None
    key: Key | None = None
    """By which they came in; None for a session."""

    @property
    def principal(self) -> str:
        """A stable name, for what is kept per caller. Two keys of a person are two callers: they
        may reach different things."""
        if self.key:
            return f"key:{self.key.pk}"
        return f"user:{self.user.pk}" if self.user else "anonymous"


class ApiRequest(HttpRequest):
    """A request whose caller is known."""

    auth: Caller


class ApiKey(AuthBase):
    """`Authorization: Bearer …`. A key that is not valid is an error, never an anonymous call."""

    openapi_type: ClassVar[Literal["http"]] = "http"
    openapi_scheme: ClassVar[str] = "bearer"

    def __call__(self, request: HttpRequest) -> Caller | None:
        if "HTTP_AUTHORIZATION" not in request.META:
            return None
        key = identify(request)
        if key is None:
            raise InvalidKey(
                "This API key is not valid. Create a new one, or leave the header out."
            )
        user = act_by(key)
        if request.method not in SAFE_METHODS:
            require_scope(user, Scope.WRITE)
        return Caller(user, key)


class Session(AuthBase):
    """The web session, with the CSRF token in `X-CSRFToken` for whatever changes something."""

    openapi_type: ClassVar[Literal["apiKey"]] = "apiKey"
    openapi_in: ClassVar[Literal["cookie"]] = "cookie"
    openapi_name: ClassVar[str] = "sessionid"

    def __call__(self, request: HttpRequest) -> Caller | None:
        if not request.user.is_authenticated:
            return None
        if request.method not in SAFE_METHODS and not _csrf_token_is_right(request):
            raise CsrfFailed("Send the CSRF token of your session in the X-CSRFToken header.")
        return Caller(request.user)


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check, without the page that it would answer with."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponseForbidden:
        return HttpResponseForbidden()


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _csrf_token_is_right(request: HttpRequest) -> bool:
    check = _CsrfCheck(_no_view)
    request.csrf_processing_done = False  # type: ignore[attr-defined]  # the view was exempt
    check.process_request(request)
    return check.process_view(request, _no_view, (), {}) is None


def signed_in(request: "ApiRequest", *, scope: Scope = Scope.READ) -> User:
    """Who calls. Raises `SignInRequired` for nobody, `InsufficientScope` for a key that is not
    good for `scope`."""
    user = request.auth.user
    if user is None:
        raise SignInRequired("Sign in, or send an API key, to do this.")
    require_scope(user, scope)
    return user


def anonymous(request: HttpRequest) -> Caller:
    """Nobody in particular. A page of another site may not speak for its visitor, though."""
    cross_site = request.META.get("HTTP_SEC_FETCH_SITE", "none") == "cross-site"
    if cross_site and request.method not in SAFE_METHODS:
        raise CsrfFailed("A page of another site may not do this.")
    return Caller(None)


CALLERS = (ApiKey(), Session(), anonymous)
"""Asked in this order; the first that knows the caller decides."""
