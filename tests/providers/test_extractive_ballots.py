"""How extractive agents vote: by what is quoted for an answer, and for their own where it is no
worse."""

import json

import pytest

from debates.engine import replies
from debates.engine.positions import candidate_id
from debates.engine.types import Ballot, Brief, Call, CallKey, Choice, Document, Phase, Position
from debates.providers.extractive.balloting import fill_form
from debates.providers.extractive.personas import DEFAULT_PERSONAS, Persona

QUESTION = "Should we choose Kafka or RabbitMQ for our queue?"
FAST = "A trial in 2023 found that Kafka handled 600,000 messages per second and was reliable."
ORDERED = "Kafka gives strong ordering, which is a benefit for billing events."
CHEAP = "RabbitMQ costs 40 percent less than Kafka."
SIMPLE = "RabbitMQ is simple to set up and easy to understand."
SLOW = "RabbitMQ becomes slow when its queue grows beyond one million messages."
CONDITION = "The choice of a queue depends on whether events must be read again."
DOCUMENTS = (
    Document(1, "Kafka", "\n".join((FAST, ORDERED))),
    Document(2, "RabbitMQ", "\n".join((CHEAP, SIMPLE, SLOW, CONDITION))),
)


def quoting(*sentences: str) -> str:
    return " Besides: ".join(f"“{sentence}”" for sentence in sentences)


KAFKA = ("Kafka", f"What weighs most: {quoting(FAST, ORDERED)} Against it stands: “{CHEAP}”")
RABBITMQ = ("RabbitMQ", f"What weighs most: {quoting(CHEAP, SIMPLE)} Against it stands: “{SLOW}”")
BOTH = ("It depends", f"What weighs most: {quoting(FAST, CHEAP)}")
CONDITIONS = ("It depends", f"What weighs most: {quoting(CONDITION, FAST, CHEAP)}")

PERSONAS = pytest.mark.parametrize("persona", DEFAULT_PERSONAS, ids=lambda one: one.key)


def vote(
    persona: Persona, *cases: tuple[str, str], own: tuple[str, str] | None = None
) -> tuple[list[str], Ballot]:
    """The answers in the order of a ballot, and the ballot."""
    choices = tuple(
        Choice(letter, candidate_id(answer), answer, rationale)
        for letter, (answer, rationale) in zip("ABC", cases, strict=False)
    )
    brief = Brief(
        QUESTION,
        "",
        DOCUMENTS,
        persona.description,
        own=Position(*own, 0.6) if own else None,
        choices=choices,
    )
    call = Call(CallKey(1, Phase.VOTE, "me"), brief, 1024)
    ballot = replies.parse(call, json.dumps(fill_form(call)))
    assert isinstance(ballot, Ballot)
    answers = {choice.candidate: choice.answer for choice in choices}
    return [answers[one] for one in ballot.ranking], ballot


@PERSONAS
@pytest.mark.parametrize("depends", [BOTH, CONDITIONS], ids=["both sides", "a condition"])
def test_to_quote_both_sides_is_no_evidence_that_it_depends(
    persona: Persona, depends: tuple[str, str]
) -> None:
    ranking, ballot = vote(persona, depends, KAFKA, own=KAFKA)
    assert ranking[0] == "Kafka"
    assert "my own" not in ballot.reason.partition("It scores")[0]


@PERSONAS
def test_an_answer_gains_nothing_by_what_it_quotes_for_another(persona: Persona) -> None:
    bare = ("Kafka", quoting(FAST))
    padded = ("Kafka", quoting(FAST, CHEAP, SIMPLE))
    assert vote(persona, bare, RABBITMQ)[0] == vote(persona, padded, RABBITMQ)[0]
    assert vote(persona, bare, RABBITMQ)[1].confidence == pytest.approx(
        vote(persona, padded, RABBITMQ)[1].confidence
    )


@PERSONAS
def test_equal_evidence_leaves_an_agent_with_its_own_answer(persona: Persona) -> None:
    same = ("Billing first", quoting(FAST, CHEAP))
    other = ("Small teams first", quoting(FAST, CHEAP))
    assert vote(persona, same, other, own=same)[0][0] == "Billing first"
    assert vote(persona, same, other, own=other)[0][0] == "Small teams first"


@PERSONAS
def test_who_votes_against_its_own_answer_says_why(persona: Persona) -> None:
    poor = ("RabbitMQ", f"“{FAST}”")
    ranking, ballot = vote(persona, KAFKA, poor, own=poor)
    assert ranking == ["Kafka", "RabbitMQ"]
    assert ballot.reason.startswith(
        "I vote against my own answer. “Kafka” has the best evidence: “"
    )
    assert "“RabbitMQ” (my own) 0.00" in ballot.reason


@PERSONAS
def test_what_an_agent_quotes_itself_counts_for_its_own_answer(persona: Persona) -> None:
    poor = ("RabbitMQ", "It is what we know.")
    assert vote(persona, ("Kafka", quoting(ORDERED)), poor)[0][0] == "Kafka"
    assert vote(persona, ("Kafka", f"“{SLOW}”"), poor, own=RABBITMQ)[0][0] == "RabbitMQ"


def test_that_it_depends_wins_where_nothing_else_is_quoted() -> None:
    nothing = ("Kafka", "It is what we know.")
    ranking, ballot = vote(DEFAULT_PERSONAS[1], nothing, ("It depends", f"“{CONDITION}”"))
    assert ranking[0] == "It depends"
    assert CONDITION in ballot.reason
