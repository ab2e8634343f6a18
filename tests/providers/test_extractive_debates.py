"""Debates among extractive agents end in a verdict, with real disagreement on the way."""

import re

import pytest

from debates.engine.types import (
    DecisionMode,
    Document,
    Phase,
    Position,
    ProtocolName,
    Revision,
    StopReason,
)
from debates.providers.extractive.corpus import EXAMPLE_QUESTIONS, ExampleQuestion, corpus_documents
from debates.providers.extractive.personas import DEFAULT_PERSONAS
from tests.support.pure_debates import PureDebate, debate

EXAMPLES = pytest.mark.parametrize("example", EXAMPLE_QUESTIONS, ids=lambda e: e.title)
PROTOCOLS = pytest.mark.parametrize("protocol", list(ProtocolName))


def run(example: ExampleQuestion, protocol: ProtocolName = ProtocolName.ADAPTIVE) -> PureDebate:
    return debate(example.question, corpus_documents(example.documents), protocol=protocol)


@EXAMPLES
@PROTOCOLS
def test_every_example_ends_in_a_decision(example: ExampleQuestion, protocol: ProtocolName) -> None:
    verdict = run(example, protocol).verdict
    assert verdict.reached
    assert verdict.answer
    assert not verdict.hollow


@EXAMPLES
def test_every_example_starts_with_disagreement(example: ExampleQuestion) -> None:
    drafts = [turn.outcome for turn in run(example).of_phase(Phase.DRAFT)]
    assert len({draft.answer for draft in drafts if isinstance(draft, Position)}) > 1


@EXAMPLES
def test_every_example_can_be_repeated(example: ExampleQuestion) -> None:
    assert run(example) == run(example)


@PROTOCOLS
def test_some_minds_are_changed_for_a_reason_and_some_are_not(protocol: ProtocolName) -> None:
    debates = [run(example, protocol) for example in EXAMPLE_QUESTIONS]
    flips = [flip for one in debates for flip in one.verdict.flips]
    assert flips
    assert all(flip.reasoned for flip in flips)
    assert any(one.verdict.dissenting for one in debates)
    if protocol is ProtocolName.ADAPTIVE:
        assert {one.verdict.stop_reason for one in debates} == {
            StopReason.UNANIMOUS,
            StopReason.STABLE,
        }


def test_who_changes_quotes_the_better_evidence() -> None:
    changed = [
        turn.outcome
        for example in EXAMPLE_QUESTIONS
        for turn in run(example).of_phase(Phase.EXCHANGE)
        if isinstance(turn.outcome, Revision) and turn.outcome.changed
    ]
    assert changed
    for revision in changed:
        assert revision.faulty_step.startswith("I rested on “")
        assert "scores higher than what I rested on" in revision.position.rationale


def test_who_keeps_an_answer_begins_with_what_speaks_for_it() -> None:
    kept = [
        turn.outcome.position.rationale
        for example in EXAMPLE_QUESTIONS
        for turn in run(example).of_phase(Phase.EXCHANGE)
        if isinstance(turn.outcome, Revision) and not turn.outcome.changed
    ]
    assert any("Against it a peer quotes “" in rationale for rationale in kept)
    for rationale in kept:
        assert rationale.startswith(
            ("I keep my answer, and rest on “", "I keep my answer: nothing")
        )
        assert not re.search(r"\(\d\.\d\d", rationale), "scores are no argument"


@pytest.mark.parametrize("decision", [mode for mode in DecisionMode if mode != DecisionMode.NONE])
def test_every_way_of_deciding_works(decision: DecisionMode) -> None:
    example = EXAMPLE_QUESTIONS[2]
    verdict = debate(
        example.question, corpus_documents(example.documents), decision=decision
    ).verdict
    assert verdict.answer in ("Yes", "No", None)
    assert verdict.explanation


@pytest.mark.parametrize("count", [2, 4])
def test_panels_of_other_sizes_work(count: int) -> None:
    example = EXAMPLE_QUESTIONS[0]
    panel = DEFAULT_PERSONAS[:count]
    documents = corpus_documents(example.documents)
    ended = debate(example.question, documents, panel=panel, judge=None)
    assert len(ended.of_phase(Phase.DRAFT)) == count


def test_without_documents_they_argue_from_the_corpus() -> None:
    ended = debate("Should companies move to a four-day work week?")
    drafts = [turn.outcome for turn in ended.of_phase(Phase.DRAFT)]
    assert {draft.evidence for draft in drafts if isinstance(draft, Position)} == {("[102]",)}


@PROTOCOLS
def test_where_nothing_is_to_be_found_nothing_is_reached(protocol: ProtocolName) -> None:
    garden = [Document(1, "Garden", "Roses need water.")]
    ended = debate("Is Pluto a planet?", garden, protocol=protocol)
    assert not ended.verdict.reached
    assert ended.verdict.answer is None
    assert ended.verdict.confidence == 0.0
    assert len(ended.verdict.abstained) == len(ended.turns) == 3


def test_a_document_of_the_users_own_is_argued_from() -> None:
    text = """Our bakery could open on Sundays.

    A survey of 200 customers found that 64 percent would buy bread on Sundays. Sunday sales would
    raise revenue by about 900 euros a week. However, two of our bakers say that another early
    shift is a burden and a risk to their health. Energy costs rise by 80 euros for each day.
    """
    ended = debate("Should our bakery open on Sundays?", [Document(1, "Memo", text)])
    assert ended.verdict.reached
    drafts = [turn.outcome for turn in ended.of_phase(Phase.DRAFT)]
    assert all("[1]" in draft.evidence for draft in drafts if isinstance(draft, Position))


@PROTOCOLS
@pytest.mark.parametrize("decision", [DecisionMode.PLURALITY, DecisionMode.BORDA])
def test_who_votes_against_its_own_answer_gives_a_reason(
    protocol: ProtocolName, decision: DecisionMode
) -> None:
    documents = [
        Document(
            1,
            "Kafka",
            "Kafka keeps every event, so that it can be read again after a failure.\n"
            "A trial in 2023 found that Kafka handled 600,000 messages per second.\n"
            "Kafka is hard to operate and needs a strong team.\n"
            "Kafka gives strong ordering, which is a benefit for billing.",
        ),
        Document(
            2,
            "RabbitMQ",
            "RabbitMQ is simple to set up and easy to understand.\n"
            "RabbitMQ costs 40 percent less than Kafka.\n"
            "RabbitMQ becomes slow when its queue grows beyond a million messages.\n"
            "RabbitMQ lost messages in an outage in 2022, which was a problem.\n"
            "It depends on whether events must be read again.",
        ),
    ]
    ended = debate(
        "Should we choose Kafka or RabbitMQ for our queue?",
        documents,
        panel=DEFAULT_PERSONAS,
        judge=None,
        protocol=protocol,
        decision=decision,
    )
    standing = {}
    for turn in ended.turns:
        if isinstance(turn.outcome, Position):
            standing[turn.key.agent] = turn.outcome.answer
        elif isinstance(turn.outcome, Revision):
            standing[turn.key.agent] = turn.outcome.position.answer
    answers = {one.id: one.answer for one in ended.verdict.candidates}
    assert len(set(standing.values())) > 1, "there is something to vote on"
    for ballot in ended.verdict.ballots:
        against = answers[ballot.ranking[0]] != standing[ballot.voter]
        assert ballot.reason.startswith("I vote against my own answer.") == against
    cited = " ".join(turn.text for turn in ended.turns)
    assert "[1]" in cited, "a text that names one of the alternatives alone is read too"
