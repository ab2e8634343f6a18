"""Shared links: reading a debate without an account."""

from django.urls import reverse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, Field

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.debates import debate_detail
from debates.api.endpoints import READ_ONE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.responses import DebateDetailOut, MessageOut
from debates.selectors.sharing import token_of
from debates.services import sharing

router = Router(tags=["sharing"])


class SharedOut(BaseModel):
    success: bool = True
    debate_id: str
    token: str = Field(description="Opens the debate, for reading alone, to whoever has it.")
    share_token: str = Field(description="The same as `token`.")
    url: str = Field(description="A page for people.")
    share_url: str = Field(description="The same as `url`.")
    api_url: str
    created_at: str


class RevokedOut(BaseModel):
    success: bool = True
    debate_id: str
    revoked: bool = Field(description="Whether there was a link.")
    message: str


class SharedDebateOut(DebateDetailOut):
    """The debate and what was said so far. Its other parts are read with `?share=TOKEN`."""

    messages: list[MessageOut]


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/share",
    answer=SharedOut,
    errors=WRITE_ONE_ERRORS,
    aliases=["/debates/{ref}/share"],
)
def share_debate(request: ApiRequest, ref: str) -> SharedOut:
    """Make a link by which anybody may read the debate; the same one until it is revoked."""
    debate = debate_of(request, ref)
    link = sharing.share_debate(debate_id=debate.pk, actor=request.auth.user, now=timezone.now())
    token = token_of(link)
    page = request.build_absolute_uri(reverse("web:shared", kwargs={"token": token}))
    return SharedOut(
        debate_id=str(debate.pk),
        token=token,
        share_token=token,
        url=page,
        share_url=page,
        api_url=request.build_absolute_uri(f"/api/v1/shared/{token}"),
        created_at=link.created_at.isoformat(),
    )


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/share/revoke",
    answer=RevokedOut,
    errors=WRITE_ONE_ERRORS,
    aliases=["/debates/{ref}/share/revoke"],
)
def revoke_share(request: ApiRequest, ref: str) -> RevokedOut:
    """End the link, and the streams that were opened by it."""
    debate = debate_of(request, ref)
    revoked = sharing.revoke_share(debate_id=debate.pk, actor=request.auth.user)
    message = "The link opens nothing any more." if revoked else "There was no link."
    return RevokedOut(debate_id=str(debate.pk), revoked=revoked, message=message)


@endpoint(router, "GET", "/v1/shared/{token}", answer=SharedDebateOut, errors=READ_ONE_ERRORS)
def get_shared(request: ApiRequest, token: str) -> SharedDebateOut:
    """A debate by its shared link."""
    debate = selectors.get_shared_debate(token)
    said = selectors.messages(debate=debate, limit=selectors.count_messages(debate))
    detail = debate_detail(debate, viewer=request.auth.user).model_dump()
    return SharedDebateOut.model_validate({**detail, "messages": said})
