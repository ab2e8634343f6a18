"""Who can sit on a panel."""

from ninja import Query, Router
from pydantic import BaseModel, Field

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ERRORS, READ_ONE_ERRORS, endpoint
from debates.api.paging import MAX_LIMIT, PageIn, PageOut, page_of
from debates.exceptions import NotFound

router = Router(tags=["agents"])


class AgentsPageIn(PageIn):
    """All of them, unless told otherwise: they are few, and clients choose a panel from them."""

    limit: int = Field(default=MAX_LIMIT, ge=1, le=MAX_LIMIT)


class AgentOut(BaseModel):
    """An agent that debates may be held with."""

    name: str
    model: str
    provider: str
    family: str
    persona: str
    is_language_model: bool
    available: bool = Field(description="Whether it has the key that it needs.")
    detail: str = Field(description="Why it is not available.")
    rated: bool
    elo: float | None = Field(description="null for an agent that stands outside the ranking.")
    matches: int
    wins: int
    losses: int
    draws: int


class AgentsOut(PageOut):
    agents: list[AgentOut]
    items: list[AgentOut] = Field(description="The same as `agents`.")


class EloOut(BaseModel):
    agent: str
    name: str = Field(description="The same as `agent`.")
    elo: float | None
    rated: bool
    matches: int
    wins: int
    losses: int
    draws: int


@endpoint(router, "GET", "/v1/agents", answer=AgentsOut, errors=READ_ERRORS, aliases=["/agents"])
def list_agents(request: ApiRequest, page: Query[AgentsPageIn]) -> AgentsOut:
    """The enabled agents, by name."""
    part = page_of(selectors.agent_cards(), page)
    return AgentsOut.model_validate({"agents": part.rows, "items": part.rows, **part.fields()})


@endpoint(
    router,
    "GET",
    "/v1/agents/{name}",
    answer=AgentOut,
    errors=READ_ONE_ERRORS,
    aliases=["/agents/{name}", "/v1/agent/{name}", "/v1/agent/{name}/profile"],
)
def get_agent(request: ApiRequest, name: str) -> AgentOut:
    """One agent."""
    return AgentOut.model_validate(_card(name))


@endpoint(
    router,
    "GET",
    "/v1/agents/{name}/elo",
    answer=EloOut,
    errors=READ_ONE_ERRORS,
    aliases=["/v1/agent/{name}/elo"],
)
def get_agent_elo(request: ApiRequest, name: str) -> EloOut:
    """An agent's rating and record over all domains."""
    card = _card(name)
    return EloOut.model_validate({**card, "agent": card["name"]})


def _card(name: str) -> selectors.AgentCard:
    for card in selectors.agent_cards():
        if card["name"] == name:
            return card
    raise NotFound(f"There is no agent “{name[:64]}”.")
