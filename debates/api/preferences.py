"""What the form for a new debate begins with for somebody."""

from decimal import Decimal
from typing import Annotated, Any

from django.utils import timezone
from ninja import Router
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from debates.api.accounts import Text
from debates.api.auth import ApiRequest, signed_in
from debates.api.endpoints import READ_ERRORS, WRITE_ERRORS, endpoint
from debates.api.requests import Whole, YesNo, in_the_clients_words
from debates.api.words import rule_for
from debates.exceptions import InvalidInput
from debates.selectors.preferences import Preferred, read_preferences
from debates.services.preferences import reset_preferences, save_preferences
from ratelimit.models import Scope

router = Router(tags=["preferences"])

OURS = {"consensus": "decision", "budget_limit_usd": "budget_usd"}
"""Names of the API to those of the service, where they differ."""


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("Use an amount in dollars, such as 0.50")
    return value


class PreferencesIn(BaseModel):
    """Whatever is given is changed; null goes back to what holds for everybody."""

    model_config = ConfigDict(extra="forbid")

    agents: list[Text] | None = Field(
        default=None, description="Names. Null or none: the default panel."
    )
    protocol: Text | None = Field(default=None, description="`adaptive` or `classic`.")
    rounds: Whole | None = Field(default=None, description="1 to 12 exchanges.")
    consensus: Text | None = Field(
        default=None,
        validation_alias=AliasChoices("consensus", "decision", "decision_mode"),
        description="The decision rule, by any of the words that start a debate.",
    )
    budget_limit_usd: Annotated[Decimal, BeforeValidator(_no_boolean)] | None = Field(
        default=None,
        validation_alias=AliasChoices("budget_limit_usd", "budget_usd"),
        description="US dollars. Null: no limit.",
    )
    use_memory: YesNo | None = Field(
        default=None, description="Whether the panel is shown what is remembered."
    )


class PreferencesOut(BaseModel):
    """What the form begins with."""

    agents: list[str] = Field(description="Names; none for the default panel.")
    protocol: str
    rounds: int
    consensus: str
    decision: str = Field(description="The same as `consensus`.")
    budget_limit_usd: float | None = Field(description="Null: no limit.")
    use_memory: bool
    updated_at: str | None = Field(description="Null where nothing was chosen.")


@endpoint(router, "GET", "/v1/preferences", answer=PreferencesOut, errors=READ_ERRORS)
def get_preferences(request: ApiRequest) -> PreferencesOut:
    """What your form for a new debate begins with.

    Debates that are started over the API take nothing of it."""
    return _told(read_preferences(user=signed_in(request)))


@endpoint(router, "PATCH", "/v1/preferences", answer=PreferencesOut, errors=WRITE_ERRORS)
def update_preferences(request: ApiRequest, body: PreferencesIn) -> PreferencesOut:
    """Change what your form for a new debate begins with."""
    user = signed_in(request, scope=Scope.ADMIN)
    given = {name: getattr(body, name) for name in body.model_fields_set}
    choices = {OURS.get(name, name): value for name, value in given.items()}
    for name in ("protocol", "decision"):
        if choices.get(name) is not None:
            word = choices[name].strip().lower()
            choices[name] = word if name == "protocol" else rule_for(word)
    if not choices:
        return _told(read_preferences(user=user))
    try:
        return _told(save_preferences(user=user, choices=choices, now=timezone.now()))
    except InvalidInput as error:
        raise in_the_clients_words(error, given) from None


@endpoint(router, "DELETE", "/v1/preferences", answer=PreferencesOut, errors=WRITE_ERRORS)
def delete_preferences(request: ApiRequest) -> PreferencesOut:
    """Go back to what holds for everybody."""
    return _told(reset_preferences(user=signed_in(request, scope=Scope.ADMIN)))


def _told(preferred: Preferred) -> PreferencesOut:
    budget, chosen_at = preferred.budget_usd, preferred.updated_at
    return PreferencesOut(
        agents=list(preferred.agents),
        protocol=preferred.protocol,
        rounds=preferred.rounds,
        consensus=preferred.decision,
        decision=preferred.decision,
        budget_limit_usd=None if budget is None else float(budget),
        use_memory=preferred.use_memory,
        updated_at=chosen_at.isoformat() if chosen_at else None,
    )
