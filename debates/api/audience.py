"""The audience, for people without a socket."""

from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, Field

from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ONE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.requests import SuggestionIn, VoteIn
from debates.selectors.audience import (
    AUDIENCE_WEIGHT,
    audience_answers,
    suggestions_of,
    vote_of,
)
from debates.services import audience
from debates.visitors import person_asking

router = Router(tags=["audience"])


class AudienceAnswerOut(BaseModel):
    """An answer that can be voted for, or that has votes."""

    candidate: str = Field(description="Its id.")
    answer: str
    stands: bool = Field(description="Whether it can be voted for now.")
    agents: list[str] = Field(description="Who stands behind it now.")
    votes: int
    mean_intensity: float | None = Field(description="From 1 to 10; null without votes.")


class OwnVoteOut(BaseModel):
    candidate: str
    choice: str
    intensity: int


class SuggestionOut(BaseModel):
    number: int
    content: str
    offered_in_round: int | None = Field(
        description="The round whose exchange was shown it; null while it waits for one."
    )


class AudienceOut(BaseModel):
    """What people who watch say."""

    debate_id: str
    open: bool = Field(description="Whether they are heard now: until the debate is over.")
    weight: float = Field(description="What their votes weigh in the decision.")
    voters: int
    answers: list[AudienceAnswerOut]
    suggestions: list[SuggestionOut]
    your_vote: OwnVoteOut | None


class VotedOut(OwnVoteOut):
    success: bool = True
    debate_id: str
    voters: int


class SuggestedOut(BaseModel):
    success: bool = True
    debate_id: str
    number: int
    content: str = Field(description="As it is shown to the panel.")
    duplicate: bool = Field(description="It had been said before, and is kept once.")


@endpoint(router, "GET", "/v1/debates/{ref}/audience", answer=AudienceOut, errors=READ_ONE_ERRORS)
def get_audience(request: ApiRequest, ref: str) -> AudienceOut:
    """What can be voted for, the votes so far, and what was suggested."""
    debate = debate_of(request, ref)
    answers = audience_answers(debate)
    own = vote_of(debate=debate, person=person_asking(request, request.auth.user))
    return AudienceOut(
        debate_id=str(debate.pk),
        open=not debate.is_over,
        weight=AUDIENCE_WEIGHT,
        voters=sum(answer.votes for answer in answers),
        answers=[
            AudienceAnswerOut(
                candidate=answer.candidate,
                answer=answer.answer,
                stands=bool(answer.holders),
                agents=list(answer.holders),
                votes=answer.votes,
                mean_intensity=answer.mean_intensity,
            )
            for answer in answers
        ],
        suggestions=[
            SuggestionOut(
                number=row.number, content=row.text, offered_in_round=row.offered_in_round
            )
            for row in suggestions_of(debate)
        ],
        your_vote=None
        if own is None
        else OwnVoteOut(candidate=own.candidate, choice=own.answer, intensity=own.intensity),
    )


@endpoint(router, "POST", "/v1/debates/{ref}/vote", answer=VotedOut, errors=WRITE_ONE_ERRORS)
def vote_as_audience(request: ApiRequest, ref: str, body: VoteIn) -> VotedOut:
    """Vote for an answer that stands, as somebody who watches.

    One vote a person: a later one takes its place. Votes are shown beside the panel's decision;
    they do not change it. Without an account and without the cookie of a browser you are the
    address that you call from."""
    debate = debate_of(request, ref)
    cast = audience.cast_vote(
        debate_id=debate.pk,
        person=person_asking(request, request.auth.user),
        choice=body.choice,
        intensity=body.intensity,
        now=timezone.now(),
    )
    return VotedOut(
        debate_id=str(debate.pk),
        candidate=cast.candidate,
        choice=cast.answer,
        intensity=cast.intensity,
        voters=cast.tally["voters"],
    )


@endpoint(router, "POST", "/v1/debates/{ref}/suggest", answer=SuggestedOut, errors=WRITE_ONE_ERRORS)
def suggest_as_audience(request: ApiRequest, ref: str, body: SuggestionIn) -> SuggestedOut:
    """Suggest something that the panel should consider.

    The next exchange with room for it is shown it, as a quotation from the audience."""
    debate = debate_of(request, ref)
    kept = audience.suggest(
        debate_id=debate.pk,
        person=person_asking(request, request.auth.user),
        text=body.suggestion,
        now=timezone.now(),
    )
    return SuggestedOut(
        debate_id=str(debate.pk),
        number=kept.number,
        content=kept.text,
        duplicate=not kept.is_new,
    )
