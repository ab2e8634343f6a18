"""What a file of a debate says, as a sequence of blocks. Pure.

Plain text and Markdown are two ways of writing the same blocks; neither knows what a debate is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from debates.exports.subject import Subject, moment_in_words
from debates.streaming.events import Propose, RevisionMade
from debates.web.figures import describe_cost, describe_dollars, describe_seconds
from debates.web.presenters import Column, Pile, RoundView
from debates.web.seats import Seat
from debates.web.sources import EvidenceView, evidence_of
from debates.web.verdicts import VerdictView

TITLE_LENGTH = 200
"""A longer question, or one of several lines, is not a title."""


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A short text of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Short texts by their names."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Points:
    """A list of short texts."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote, of any length, as Markdown or not."""

    text: str


Block = Heading | Line | Facts | Points | Words


def outline(subject: Subject) -> Iterator[Block]:
    """The debate from its question to its documents."""
    question = subject.page.question.strip()
    is_title = len(question) <= TITLE_LENGTH and "\n" not in question
    yield Heading(1, question if is_title else "A debate")
    if subject.note:
        yield Line(subject.note)
    if not is_title:
        yield Words(question)
    yield Facts(tuple(_head(subject)))
    if subject.page.verdict:
        yield from _verdict(subject.page.verdict)
    elif subject.page.is_over:
        yield Heading(2, "No verdict")
        yield Line(subject.snapshot["debate"]["failure"] or subject.page.status_word.line)
    for round_ in subject.page.rounds:
        yield from _round(round_)
    yield from _margin(subject)
    yield from _materials(subject)


def _head(subject: Subject) -> Iterator[tuple[str, str]]:
    page, debate = subject.page, subject.snapshot["debate"]
    yield "Status", page.status_word.label
    yield "Protocol", page.protocol.label
    yield "Decision", page.decision.label
    yield "Panel", ", ".join(map(_described, page.seats))
    if page.judge:
        yield "Judge", _described(page.judge)
    if page.stop_reason:
        yield "Stopped because", f"{page.stop_reason.label}. {page.stop_reason.line}"
    yield "Rounds", f"{debate['rounds_used']} of at most {debate['total_rounds']}"
    started, over = subject.debate.started_at, subject.debate.completed_at
    yield "Started", moment_in_words(started) if started else "not yet"
    if over:
        yield "Over", moment_in_words(over)
    yield "Time", describe_seconds(debate["duration_seconds"])
    usage = debate["usage"]
    yield "Tokens", f"{usage['tokens']:,}"
    yield "Cost", describe_cost(usage["cost_usd"], price_known=subject.price_known)
    budget = debate["protocol"]["budget_usd"]
    yield "Budget", "no limit" if budget is None else describe_dollars(budget)
    yield "Seed", str(debate["protocol"]["seed"])
    yield "Exported", f"{subject.origin.moment}, from {subject.origin.address}"


def _described(seat: Seat) -> str:
    return f"{seat.name} ({seat.detail})" if seat.detail else seat.name


def _verdict(verdict: VerdictView) -> Iterator[Block]:
    if not verdict.is_asked_for:
        yield Heading(2, "The positions, side by side")
    elif verdict.reached:
        yield Heading(2, f"The verdict, {verdict.method.by}")
        yield Facts((("Answer", verdict.answer),))
    else:
        yield Heading(2, f"No decision, {verdict.method.by}")
        yield Line(verdict.answer)
    if verdict.explanation and verdict.explanation != verdict.answer:
        yield Line(verdict.explanation)
    if verdict.hollow:
        yield Line(
            "The last majority was hollow: it was made only of agents that changed their answer "
            "without naming a fault in it. What the panel thought when it was blind was kept."
        )
    yield Facts(tuple(_figures(verdict)))
    if verdict.support:
        yield Heading(3, f"For it: {verdict.support.seat.name}")
        yield Words(verdict.support.rationale)
    for view in verdict.dissent:
        yield Heading(3, f"{'Against it: ' if verdict.reached else ''}{view.seat.name}")
        yield Facts((("Answer", view.answer),))
        if view.rationale:
            yield Words(view.rationale)
    if len(verdict.candidates) > 1:
        yield Heading(3, "The count")
        yield Points(tuple(_counted(verdict)))
    if verdict.audience:
        yield Heading(3, f"The audience, beside the panel ({verdict.audience['voters']} voted)")
        yield Points(
            tuple(
                f"{result['votes']}, of a strength of {result['mean_intensity']:.1f} of 10: "
                f"{result['answer']}{'' if result['stands'] else ' (left by the panel)'}"
                for result in verdict.audience["candidates"]
            )
        )


def _figures(verdict: VerdictView) -> Iterator[tuple[str, str]]:
    if verdict.reached:
        yield "Confidence", _percent(verdict.confidence)
    yield "Agreement", _percent(verdict.agreement)
    if verdict.reached:
        yield "Behind it", _names(verdict.supporters)
        yield "Dissent", _names(view.seat for view in verdict.dissent)
    if verdict.abstained:
        yield "Abstained", _names(verdict.abstained)
    yield (
        "Changes of mind",
        ", ".join(
            f"{flip.seat.name} in round {flip.round}"
            f"{'' if flip.reasoned else ', without naming a fault'}"
            for flip in verdict.flips
        )
        or "none",
    )
    if verdict.order_consistent is not None:
        same = "made no difference to the judge" if verdict.order_consistent else "changed it"
        yield "Order of the answers", same


def _counted(verdict: VerdictView) -> Iterator[str]:
    for candidate in verdict.candidates:
        voters = f", from {_names(candidate.voters)}" if candidate.voters else ""
        selections = " of 2 selections of the judge" if verdict.is_judged else ""
        yield f"{candidate.points}{selections}{voters}: {candidate.answer}"


def _round(round_: RoundView) -> Iterator[Block]:
    yield Heading(2, round_.title)
    figures = (("Agreement", round_.agreement), ("Stability", round_.stability))
    known = tuple((name, _percent(share)) for name, share in figures if share is not None)
    if known:
        yield Facts(known)
    for column in round_.columns:
        yield from _column(column)
    yield from _ballots("Ballots", round_.piles)
    yield from _ballots("The judge, asked twice", round_.judge_piles)


def _column(column: Column) -> Iterator[Block]:
    yield Heading(3, column.seat.name)
    if column.proposal:
        yield from _position(column.proposal)
        yield from _evidence(evidence_of(column.proposal))
    for remark in column.remarks:
        yield Heading(4, f"Against {remark.target.name}, severity {_percent(remark.severity)}")
        yield Words(remark.content)
        if remark.issues:
            yield Points(tuple(remark.issues))
    if column.revision:
        yield Heading(4, _turned(column.revision))
        if column.revision["changed"] and column.revision["faulty_step"]:
            yield Facts((("Faulty step", column.revision["faulty_step"]),))
        yield from _position(column.revision)
    for error in column.errors:
        yield Line(f"No answer. {error['message']} ({error['code']})")


def _turned(revision: RevisionMade) -> str:
    if not revision["changed"]:
        return "Kept its answer"
    return "Changed its answer" if revision["reasoned"] else "Changed its answer, naming no fault"


def _position(said: Propose | RevisionMade) -> Iterator[Block]:
    yield Facts((("Answer", said["answer"]), ("Says it is sure", _percent(said["confidence"]))))
    if said["rationale"]:
        yield Words(said["rationale"])


def _evidence(found: EvidenceView) -> Iterator[Block]:
    if found.words:
        yield Line("Evidence:")
        yield Points(found.words)
    if found.rests_on:
        yield Line(f"Rests on {found.rests_on}")


def _ballots(title: str, piles: Iterable[Pile]) -> Iterator[Block]:
    piles = tuple(piles)
    if not piles:
        return
    yield Heading(3, title)
    for pile in piles:
        yield Facts((("For", pile.answer),))
        yield Points(
            tuple(
                f"{cast.seat.name}, {_percent(cast.confidence)} sure"
                f"{f': {cast.reasoning}' if cast.reasoning else ''}"
                for cast in pile.casts
            )
        )


def _margin(subject: Subject) -> Iterator[Block]:
    page = subject.page
    if page.recall and page.recall.entries:
        yield Heading(2, "What was recalled")
        yield Points(
            tuple(
                f"[{entry['label']}] {entry['kind']}: {entry['content'] or entry['why']}"
                for entry in page.recall.entries
            )
        )
    if page.notes:
        yield Heading(2, "In the margin")
        yield Points(
            tuple(f"{note.text}{f': {note.body}' if note.body else ''}" for note in page.notes)
        )


def _materials(subject: Subject) -> Iterator[Block]:
    yield Heading(2, "What they had before them")
    if subject.snapshot["context"]:
        yield Heading(3, "Context")
        yield Words(subject.snapshot["context"])
    sources = subject.sources
    shown = [one for one in sources.documents if one.is_cited or not sources.from_corpus]
    if not shown:
        yield Line("No documents.")
        return
    if sources.from_corpus:
        yield Line("No documents of its own; these of the texts that come with Aragora were cited:")
    yield Points(
        tuple(
            f"[{one.number}] {one.title}{f' ({one.origin})' if one.origin else ''}" for one in shown
        )
    )


def _names(seats: Iterable[Seat]) -> str:
    return ", ".join(seat.name for seat in seats) or "nobody"


def _percent(share: float) -> str:
    return f"{share:.0%}"
