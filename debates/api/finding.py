"""From an address to the debate that is meant."""

from debates import selectors
from debates.api.auth import SAFE_METHODS, ApiRequest
from debates.models import Debate


def debate_of(request: ApiRequest, ref: str) -> Debate:
    """The debate with this id or slug, if the caller may see it, or reads it by a shared link
    (`?share=TOKEN`). Raises `NotFound`."""
    share = request.GET.get("share", "") if request.method in SAFE_METHODS else ""
    return selectors.get_debate(user=request.auth.user, id_or_slug=ref, share=share)
