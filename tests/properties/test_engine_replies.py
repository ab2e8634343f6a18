"""What agents write is read as it was meant, and no text breaks the reader."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from debates.engine.positions import candidate_id, normalise
from debates.engine.prompts import render
from debates.engine.replies import ReplyError, parse, write
from debates.engine.types import (
    Brief,
    Call,
    CallKey,
    CandidateId,
    Choice,
    CritiqueReply,
    Document,
    Heard,
    Peer,
    PeerCritique,
    Phase,
    Position,
    Revision,
)

LABELLED = [
    "ANSWER: x",
    "a\nCONFIDENCE: 3\nb",
    "\\ANSWER: x",
    "**REASONING:**",
    "- x\n- y",
]
LINES = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")) | st.just("\n")
words = st.text(LINES, min_size=1) | st.sampled_from(LABELLED)
texts = words.map(str.strip).filter(lambda text: bool(text) and bool(normalise(text)))
shares = st.floats(0, 1)
evidence = st.lists(st.integers(1, 99).map("[{}]".format), unique=True).map(tuple)
positions = st.builds(Position, texts, texts, shares, evidence)
NOTHING = "none"


def call_of(phase: Phase, *, own: Position | None = None, peers: int = 0) -> Call:
    shown = tuple(Peer(letter, "x", "y") for letter in "AB"[:peers])
    brief = Brief("?", "", (), "", own=own, peers=shown)
    return Call(CallKey(1, phase, "ada"), brief, 100, ("ben", "cem")[:peers])


@given(position=positions)
def test_positions_are_read_as_they_are_written(position: Position) -> None:
    call = call_of(Phase.DRAFT)
    assert parse(call, write(call, position)) == position


def issues_of(text: str) -> tuple[str, ...]:
    """As the reader finds them."""
    reply = parse(
        call_of(Phase.CRITIQUE, peers=1),
        write(call_of(Phase.CRITIQUE, peers=1), CritiqueReply(PeerCritique("ben", (), 0.5, text))),
    )
    assert isinstance(reply, CritiqueReply)
    return reply.critique.issues


@given(text=texts, severity=shares)
def test_critiques_are_read_as_they_are_written(text: str, severity: float) -> None:
    call = call_of(Phase.CRITIQUE, peers=1)
    critique = CritiqueReply(PeerCritique("ben", issues_of(text), severity, text))
    assert parse(call, write(call, critique)) == critique


@given(own=positions, position=positions, step=texts, first=texts, second=texts, severity=shares)
def test_revisions_are_read_as_they_are_written(
    *, own: Position, position: Position, step: str, first: str, second: str, severity: float
) -> None:
    call = call_of(Phase.EXCHANGE, own=own, peers=2)
    changed = candidate_id(own.answer) != candidate_id(position.answer)
    revision = Revision(
        position if changed else Position(own.answer, *_argument(position)),
        changed,
        f"In the second step: {step}",
        (
            PeerCritique("ben", issues_of(first), severity, first),
            PeerCritique("cem", issues_of(second), severity, second),
        ),
    )
    assert parse(call, write(call, revision)) == revision


def _argument(position: Position) -> tuple[str, float, tuple[str, ...]]:
    return position.rationale, position.confidence, position.evidence


@given(text=st.text(), phase=st.sampled_from(Phase))
def test_any_text_is_read_or_sent_back(text: str, phase: Phase) -> None:
    own = Position("x", "y", 0.5) if phase in (Phase.EXCHANGE, Phase.REVISE) else None
    call = call_of(phase, own=own, peers=1)
    for written in (text, f"REASONING: {text}\nANSWER: {text}\nCONFIDENCE: {text}"):
        with suppress(ReplyError):
            parse(call, written)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from("ABC"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
forms = st.fixed_dictionaries(
    {},
    optional={
        "ranking": json_values,
        "approved": json_values,
        "confidence": json_values,
        "choice": json_values,
        "reason": json_values,
    },
)


@given(form=forms, phase=st.sampled_from([Phase.VOTE, Phase.JUDGE]))
def test_any_form_is_read_or_sent_back(form: dict[str, object], phase: Phase) -> None:
    choices = tuple(Choice(letter, CandidateId(f"c{letter}"), "x", "y") for letter in "ABC")
    brief = Brief("?", "", (), "", choices=choices)
    call = Call(CallKey(1, phase, "ada"), brief, 100)
    for text, data in (("", form), (json.dumps(form), None)):
        with suppress(ReplyError):
            parse(call, text, data)


@given(answer=st.text())
def test_the_normal_form_is_never_lost(answer: str) -> None:
    assert bool(normalise(answer)) == bool(normalise(answer + " ")) == bool(normalise(f" {answer}"))
    assert candidate_id(answer) == candidate_id(f"  {answer}\n")


@given(number=st.integers(-(10**9), 10**9))
def test_whole_numbers_are_the_same_however_they_are_written(number: int) -> None:
    assert candidate_id(str(number)) == candidate_id(f"{number}.0") == candidate_id(f"{number:,}")
    assert candidate_id(str(number)) != candidate_id(str(number + 1))
    if number:
        assert candidate_id(str(number)) != candidate_id(str(-number))


@given(question=st.text(), context=st.text(), text=st.text(), said=st.text())
def test_no_quotation_holds_its_own_end(question: str, context: str, text: str, said: str) -> None:
    brief = Brief(
        question,
        context,
        (Document(1, text, text),),
        "",
        own=Position(said, said, 0.5),
        peers=(Peer("A", said, said),),
        heard=(Heard(said),),
    )
    call = Call(CallKey(1, Phase.EXCHANGE, "ada"), brief, 100, ("ben",))
    prompt = render(call)
    mark = prompt.user.split(">>>")[0].rsplit(" ", 1)[1]
    parts = 5 + bool(context)
    assert prompt.user.count(mark) == 2 * parts
