"""Labelled sections, as models really write them."""

import pytest

from debates.engine.replies import ReplyError, parse, write
from debates.engine.types import (
    Brief,
    Call,
    CallKey,
    CritiqueReply,
    Objection,
    Peer,
    PeerCritique,
    Phase,
    Position,
    Revision,
)

OWN = Position("Paris", "It has the parliament.", 0.7)


def call_of(phase: Phase, *, peers: int = 0) -> Call:
    own = OWN if phase in (Phase.EXCHANGE, Phase.REVISE) else None
    letters = "ABCDEFGH"[:peers]
    brief = Brief(
        "Which city?",
        "",
        (),
        "",
        own=own,
        peers=tuple(Peer(letter, "Lyon", "It is older.") for letter in letters),
        objections=(Objection((), 0.5, "No."),) if phase is Phase.REVISE else (),
    )
    return Call(CallKey(1, phase, "ada"), brief, 100, ("ben", "cem", "dora")[:peers])


DRAFT = call_of(Phase.DRAFT)
EXCHANGE = call_of(Phase.EXCHANGE, peers=2)
POSITION = Position("Paris", "It has the parliament [1].", 0.7, ("[1]", "[3]"))


@pytest.mark.parametrize(
    "text",
    [
        "REASONING: It has the parliament [1].\nEVIDENCE: [1], [3]\nANSWER: Paris\nCONFIDENCE: 0.7",
        "ANSWER: Paris\nCONFIDENCE: 70%\nEVIDENCE: [1] and [3]\nREASONING:\nIt has the "
        "parliament [1].\n",
        "**Answer:** Paris\n\n**Confidence:** 0.7\n\n**Evidence:** [1], [3]\n\n"
        "**Reasoning:** It has the parliament [1].",
        "## Reasoning:\nIt has the parliament [1].\n## Evidence:\n[1]\n[3]\n## Answer:\nParis\n"
        "## Confidence:\n7/10",
        "```\nreasoning: It has the parliament [1].\nsources: [1] [3] [1]\nfinal answer: Paris\n"
        "confidence: 0,7\n```",
        "<think>\nANSWER: Lyon?\n</think>\nIt has the parliament [1].\n\n**ANSWER: Paris**\n"
        "**EVIDENCE: [1], [3]**\n**CONFIDENCE: 0.7**",
        "REASONING: It has the parliament [1].\r\nEVIDENCE: [1], [3]\r\nANSWER: Paris\r\n"
        "CONFIDENCE: 70 percent",
    ],
)
def test_a_position_is_read_from_many_ways_to_write_it(text: str) -> None:
    assert parse(DRAFT, text) == POSITION


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("0.7", 0.7),
        ("70%", 0.7),
        ("about 70 %", 0.7),
        ("7/10", 0.7),
        ("85", 0.85),
        ("1", 1.0),
        ("0", 0.0),
        ("100%", 1.0),
        ("1e-05", 0.00001),
        ("High", 0.85),
        ("0.6 (medium)", 0.6),
    ],
)
def test_confidence(said: str, share: float) -> None:
    reply = parse(DRAFT, f"REASONING: So.\nANSWER: x\nCONFIDENCE: {said}")
    assert isinstance(reply, Position)
    assert reply.confidence == pytest.approx(share)


@pytest.mark.parametrize(
    "said", ["8", "1100%", "700/10", "-0.3", "nan", "inf", "150%", "1.5", "certainly", "3/0"]
)
def test_a_confidence_that_is_anybodys_guess_is_sent_back(said: str) -> None:
    with pytest.raises(ReplyError, match="CONFIDENCE must be a number from 0 to 1"):
        parse(DRAFT, f"REASONING: So.\nANSWER: x\nCONFIDENCE: {said}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("I think it is Paris.", '"ANSWER:"'),
        ("", '"ANSWER:"'),
        ("REASONING: So.\nCONFIDENCE: 0.7", '"ANSWER:"'),
        ("REASONING: So.\nANSWER:\nCONFIDENCE: 0.7", '"ANSWER:"'),
        ("REASONING: So.\nANSWER: Paris", '"CONFIDENCE:"'),
        ("ANSWER: Paris\nCONFIDENCE: 0.7", '"REASONING:"'),
    ],
)
def test_what_is_missing_is_named(text: str, message: str) -> None:
    with pytest.raises(ReplyError, match=message):
        parse(DRAFT, text)


def test_prose_may_start_with_a_label_word_when_labels_are_in_capitals() -> None:
    text = "REASONING: First.\nEvidence: there is little.\nANSWER: Paris\nCONFIDENCE: 0.7"
    reply = parse(DRAFT, text)
    assert reply == Position("Paris", "First.\nEvidence: there is little.", 0.7)


def test_labels_of_mixed_case_are_read_when_capitals_alone_do_not_suffice() -> None:
    reply = parse(DRAFT, "REASONING: First.\nAnswer: Paris\nCONFIDENCE: 0.7")
    assert reply == Position("Paris", "First.", 0.7)


def test_the_last_answer_counts() -> None:
    reply = parse(DRAFT, "ANSWER: Lyon\nREASONING: No, wait.\nANSWER: Paris\nCONFIDENCE: 0.7")
    assert isinstance(reply, Position)
    assert reply.answer == "Paris"


def revision_of(text: str) -> Revision:
    reply = parse(EXCHANGE, text)
    assert isinstance(reply, Revision)
    return reply


def test_a_reasoned_change_with_critiques() -> None:
    revision = revision_of(
        "CRITIQUE OF A: It is too short:\n- no source\n- no date\nSEVERITY OF A: 0.8\n"
        "CRITIQUE OF B: It repeats me.\nREASONING: Older it is.\nCHANGED: yes\n"
        "FAULTY STEP: I took the parliament for the oldest house.\nEVIDENCE: none\n"
        "ANSWER: Lyon\nCONFIDENCE: 0.6"
    )
    assert revision == Revision(
        Position("Lyon", "Older it is.", 0.6),
        changed=True,
        faulty_step="I took the parliament for the oldest house.",
        critiques=(
            PeerCritique(
                "ben",
                ("no source", "no date"),
                0.8,
                "It is too short:\n- no source\n- no date",
            ),
            PeerCritique("cem", ("It repeats me.",), 0.5, "It repeats me."),
        ),
    )
    assert revision.reasoned


@pytest.mark.parametrize(
    "step",
    [
        "none",
        "N/A",
        "the others agree",
        "Because most of the others disagree with me.",
        "A and B agree",
        "the majority thinks otherwise",
        "everyone else says so",
    ],
)
def test_that_others_agree_is_no_faulty_step(step: str) -> None:
    revision = revision_of(
        f"REASONING: So.\nCHANGED: yes\nFAULTY STEP: {step}\nANSWER: Lyon\nCONFIDENCE: 0.6"
    )
    assert revision.changed
    assert not revision.reasoned


@pytest.mark.parametrize("step", ["A shows 3·4 is 12; I wrote 11", "the others' date is right"])
def test_a_step_that_mentions_others_is_one(step: str) -> None:
    revision = revision_of(
        f"REASONING: So.\nCHANGED: yes\nFAULTY STEP: {step}\nANSWER: Lyon\nCONFIDENCE: 0.6"
    )
    assert revision.reasoned


def test_an_unchanged_answer_keeps_its_words() -> None:
    revision = revision_of(
        "REASONING: Still.\nCHANGED: no\nANSWER: It remains the city of Paris\nCONFIDENCE: 0.9"
    )
    assert revision.position.answer == "Paris"
    assert not revision.changed


def test_a_change_to_the_same_answer_is_none() -> None:
    revision = revision_of(
        "REASONING: Still.\nCHANGED: yes\nANSWER: paris.\nCONFIDENCE: 0.9\nFAULTY STEP: x"
    )
    assert not revision.changed


def test_without_the_label_answers_are_compared() -> None:
    assert revision_of("REASONING: So.\nANSWER: Lyon\nCONFIDENCE: 0.9").changed
    assert not revision_of("REASONING: So.\nANSWER: Paris\nCONFIDENCE: 0.9").changed


def test_changed_must_be_yes_or_no() -> None:
    with pytest.raises(ReplyError, match='"yes" or "no"'):
        revision_of("REASONING: So.\nCHANGED: perhaps\nANSWER: Lyon\nCONFIDENCE: 0.9")


def test_a_critique_of_somebody_who_was_not_shown_is_about_nobody() -> None:
    revision = revision_of("CRITIQUE OF Q: Bad.\nREASONING: So.\nCHANGED: no\nCONFIDENCE: 0.9")
    assert revision.critiques == ()


CRITIQUE = call_of(Phase.CRITIQUE, peers=1)


@pytest.mark.parametrize(
    "text",
    [
        "CRITIQUE OF A: No source.\nSEVERITY OF A: 0.8",
        "Critique: No source.\nSeverity: 80%",
        "**CRITIQUE OF PEER A:** No source.\n**SEVERITY:** 0.8",
    ],
)
def test_a_critique(text: str) -> None:
    expected = PeerCritique("ben", ("No source.",), 0.8, "No source.")
    assert parse(CRITIQUE, text) == CritiqueReply(expected)


@pytest.mark.parametrize("text", ["CRITIQUE OF A: No source.", "SEVERITY: 0.8", "Bad."])
def test_a_critique_needs_words_and_a_severity(text: str) -> None:
    with pytest.raises(ReplyError, match="Add one"):
        parse(CRITIQUE, text)


def test_lines_that_look_like_labels_survive_being_written() -> None:
    position = Position("ANSWER: x", "One.\nCONFIDENCE: 3\n\\ANSWER: y", 0.5, ("[2]",))
    assert "\n\\CONFIDENCE: 3" in write(DRAFT, position)
    assert parse(DRAFT, write(DRAFT, position)) == position
