"""The words of an extractive agent: a pure function of the call.

`compose(call)` gives the reply as the engine knows it; `engine.replies.write` gives its text. Every
sentence between “ and ” is word for word from the document in the brackets behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from debates.engine.types import (
    Call,
    CritiqueReply,
    Peer,
    PeerCritique,
    Phase,
    Position,
    Revision,
)
from debates.providers.extractive import cues, stances
from debates.providers.extractive.arguments import (
    LEAST_CONFIDENCE,
    Challenge,
    Stand,
    case_of,
    challenges,
    confidence_in,
    counter,
    form,
    own_strength,
    quotations,
    stand_for,
)
from debates.providers.extractive.index import Passage
from debates.providers.extractive.personas import READER, Persona, persona_for
from debates.providers.extractive.reading import CONTEXT_LABEL, Reading, read

NO_SOURCE = (
    "I am not a language model and know nothing of my own: I find sentences in the documents, and "
    "found none that speak to this question. A document that does would help."
)


def compose(call: Call) -> Position | Revision | CritiqueReply:
    """The reply to a call for text. KeyError for VOTE and JUDGE (see `balloting`)."""
    reading = read(call.brief)
    persona = persona_for(call.brief.persona)
    return _COMPOSERS[call.key.phase](call, reading, persona)


# --- Drafts ------------------------------------------------------------------------------------


def _draft(call: Call, reading: Reading, persona: Persona) -> Position:
    return _position(reading, persona, form(reading, persona))


def _position(
    reading: Reading, persona: Persona, stand: Stand, *, lead: str = "", last: str = ""
) -> Position:
    if not stand.quotes:
        return Position(stand.answer, NO_SOURCE, stand.confidence)
    sentences = [lead] if lead else []
    first, *rest = stand.quotes
    sentences.append(f"{_opening(reading, persona, stand, first)}: {first.cited}")
    if reading.question.is_open:
        sentences += [f"Next to it stands: {passage.cited}" for passage in rest[:1]]
        if rest:
            sentences.append(f"I weighed {_passages(len(reading.passages))} that match.")
    else:
        sentences += [f"Besides: {passage.cited}" for passage in rest[:2]]
        if stand.against and not last:
            sentences.append(f"Against it stands: {stand.against.cited}")
        sentences.append(_count(stand))
    sentences.append(last)
    rationale = " ".join(filter(None, sentences))
    cited = quotations(reading, rationale)
    return Position(stand.answer, rationale, stand.confidence, _evidence(cited))


def _opening(reading: Reading, persona: Persona, stand: Stand, first: Passage) -> str:
    """The persona's own opening where the passage is of the kind that it looks for."""
    found = cues.features(first.text)
    lean = reading.lean(first)
    fits = (
        (persona.favourable > 1.0 and lean > 0)
        or (persona.unfavourable > 1.0 and lean < 0)
        or (persona.figures > 1.0 and found.figures)
        or (persona.tried > 1.0 and found.tried)
    )
    if reading.question.is_open:
        return (persona if fits else READER).open_opening
    if not fits or stand.answer == stances.DEPENDS:
        return READER.opening
    against = reading.question.is_choice and persona.unfavourable > 1.0
    return f"{persona.opening} to “{reading.proposed}”" if against else persona.opening


def _count(stand: Stand) -> str:
    if not stand.pro + stand.contra:
        return "No passage takes a side outright."
    if stand.answer == stances.DEPENDS:
        return "Conditions weigh as much as the reasons on either side, or those are balanced."
    speak = "speaks" if stand.pro == 1 else "speak"
    against = stand.contra or "none"
    return (
        f"Of what I weighed, {_passages(stand.pro)} {speak} for this answer and {against} against."
    )


def _passages(count: int) -> str:
    return "1 passage" if count == 1 else f"{count} passages"


def _evidence(cited: list[Passage]) -> tuple[str, ...]:
    labels = dict.fromkeys(passage.label for passage in cited if passage.label != CONTEXT_LABEL)
    return tuple(f"[{label}]" for label in labels)


# --- Revisions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contest:
    """The agent's own best evidence against the best that was quoted for another answer."""

    own: Position
    resting_on: Passage | None
    """What the standing answer rests on most; None when it quotes nothing."""
    strength: float
    challenge: Challenge | None

    def lost(self, persona: Persona) -> bool:
        needed = self.strength * (1 + persona.firmness)
        return self.challenge is not None and self.challenge.strength > needed


def _revise(call: Call, reading: Reading, persona: Persona) -> Revision:
    own = call.brief.own
    if own is None:
        return Revision(_draft(call, reading, persona), changed=False)
    resting_on, strength = own_strength(reading, own)
    found = challenges(call.brief, reading)
    contest = Contest(own, resting_on, strength, found[0] if found else None)
    critiques: tuple[PeerCritique, ...] = ()
    if call.key.phase is Phase.EXCHANGE:
        critiques = tuple(
            _critique(reading, persona, own, peer, name=name)
            for peer, name in zip(call.brief.peers, call.peer_names, strict=True)
        )
    if contest.challenge and contest.lost(persona):
        position, step = _give_way(call, reading, persona, contest, contest.challenge)
        return Revision(position, changed=True, faulty_step=step, critiques=critiques)
    return Revision(_keep(reading, persona, contest), changed=False, critiques=critiques)


def _give_way(
    call: Call, reading: Reading, persona: Persona, contest: Contest, best: Challenge
) -> tuple[Position, str]:
    """The answer of the better evidence, and the step of the former reasoning that was wrong."""
    figures = f"({best.strength:.2f} against {contest.strength:.2f})"
    source = "a peer’s quotation" if best.letter else "the objection’s quotation"
    lead = f"I change my answer: {source} scores higher than what I rested on {figures}."
    last = ""
    step = f"I found no sentence to rest on, but {best.passage.cited} speaks to the question."
    if mine := contest.resting_on:
        last = f"What remains of my former answer: {mine.cited_briefly}"
        step = (
            f"I rested on {mine.cited_briefly} {_shortcoming(reading, mine, best.passage)} "
            f"{best.passage.cited_briefly} {figures}."
        )
    peer = next((peer for peer in call.brief.peers if peer.letter == best.letter), None)
    answer = best.answer
    if peer and not reading.question.has(answer):
        answer = peer.answer
    stand = _stand(reading, persona, answer, best.passage)
    return _position(reading, READER, stand, lead=lead, last=last), step


def _stand(reading: Reading, persona: Persona, answer: str, quoted: Passage) -> Stand:
    if reading.question.has(answer):
        # It gives way by the published score, so it now argues by that, and not by its taste.
        stand = stand_for(reading, READER, answer, must_quote=quoted)
    else:
        stand = Stand(answer, (quoted,), confidence_in(reading, answer, READER))
    doubt = confidence_in(reading, answer, persona)
    return replace(stand, confidence=round((stand.confidence + doubt) / 2, 2))


def _shortcoming(reading: Reading, mine: Passage, theirs: Passage) -> str:
    """Why a sentence is weaker evidence than another, in words."""
    own, other = cues.features(mine.text), cues.features(theirs.text)
    if own.hedged and not other.hedged:
        return f"but it only says “{cues.hedge_in(mine.text)}”, unlike"
    if other.figures and not own.figures:
        return "but it gives no figure, unlike"
    if reading.relevance.get(mine.place, 0.0) < reading.relevance.get(theirs.place, 0.0):
        return "but it speaks less to the question than"
    return "but I took it for more than it is beside"


def _keep(reading: Reading, persona: Persona, contest: Contest) -> Position:
    """The same answer, with a sentence held against the strongest challenge."""
    own, mine, best = contest.own, contest.resting_on, contest.challenge
    if mine is None:
        return own
    if best is None:
        said = "I keep my answer: nothing was quoted for another one."
        return _restated(reading, own, f"{said} I rest on {mine.cited}")
    # What speaks for the answer comes first: it is what is shown under a verdict.
    said = f"I keep my answer, and rest on {mine.cited}"
    source = "a peer" if best.letter else "an objection"
    said += f" Against it {source} quotes {best.passage.cited_briefly}"
    used = frozenset(passage.place for passage in quotations(reading, own.rationale))
    answer = stances.stance_of(reading.question, own.answer)
    if not reading.question.is_open and (
        reply := counter(reading, persona, answer, best.passage, used)
    ):
        said += f" To that I hold: {reply.cited}"
    if best.strength > contest.strength:
        said += " That is better evidence, but not by enough to change my mind."
    return _restated(reading, own, said)


def _restated(reading: Reading, own: Position, rationale: str) -> Position:
    return replace(own, rationale=rationale, evidence=_evidence(quotations(reading, rationale)))


# --- Critiques ---------------------------------------------------------------------------------


def _criticise(call: Call, reading: Reading, persona: Persona) -> CritiqueReply:
    own = call.brief.own or _draft(call, reading, persona)
    (peer,), (name,) = call.brief.peers, call.peer_names
    return CritiqueReply(_critique(reading, persona, own, peer, name=name))


def _critique(
    reading: Reading, persona: Persona, own: Position, peer: Peer, *, name: str
) -> PeerCritique:
    mine = stances.stance_of(reading.question, own.answer)
    theirs = stances.stance_of(reading.question, peer.answer)
    quoted = quotations(reading, *case_of(reading, peer.answer, peer.rationale))
    issues = _issues(reading, persona, mine, theirs, quoted)
    resting_on, own_best = own_strength(reading, own)
    their_best = max((reading.strength(p, theirs) for p in quoted), default=0.0)
    scale = max(own_best, their_best)
    severity = 0.5 + 0.5 * (own_best - their_best) / scale if scale else 0.5
    if resting_on and mine != theirs and quoted:
        if own_best > their_best:
            figures = f"({own_best:.2f} against {their_best:.2f})"
            issues.append(f"It is outweighed {figures} by: {resting_on.cited_briefly}")
        elif reading.question.is_open:
            issues.append(f"{READER.omission}: {resting_on.cited_briefly}")
    opening = "It reads the documents otherwise than I do."
    if mine == theirs:
        severity = 0.1
        opening = "It comes to the same answer as I do."
    elif reading.question.has(theirs):
        opening = f"It says “{theirs}”, I say “{mine}”."
    issues = issues or ["I find no fault in it, but weigh the documents otherwise."]
    text = "\n".join([opening, *(f"- {issue}" for issue in issues)])
    severity = round(min(0.95, max(LEAST_CONFIDENCE, severity)), 2)
    return PeerCritique(target=name, issues=tuple(issues), severity=severity, text=text)


def _issues(
    reading: Reading, persona: Persona, mine: str, theirs: str, quoted: list[Passage]
) -> list[str]:
    """What can be held against a case, from the documents alone."""
    if theirs == stances.SILENT:
        return [f"The documents do speak to it: {p.cited}" for p in reading.pool()[:1]] or [
            "I find nothing in the documents either."
        ]
    if not quoted:
        return ["It quotes nothing that stands in the documents."]
    strongest = max(quoted, key=lambda p: (reading.strength(p, theirs), -p.place))
    taken = frozenset(passage.place for passage in quoted)
    if mine == theirs:
        more = (
            reading.best_for(mine, persona, without=taken) if not reading.question.is_open else []
        )
        return [f"Its case would be stronger with: {p.cited}" for p in more] or [
            "I find nothing in it to object to."
        ]
    issues: list[str] = []
    found = cues.features(strongest.text)
    if found.hedged:
        hedge = cues.hedge_in(strongest.text)
        issues.append(f"It rests on a hedged statement (“{hedge}”): {strongest.cited_briefly}")
    if persona.figures > 1.0 and not found.figures:
        issues.append(f"It gives no figure where it rests most: {strongest.cited_briefly}")
    if persona.tried > 1.0 and not found.tried:
        issues.append(f"It reports nothing that was tried: {strongest.cited_briefly}")
    if (
        not reading.question.is_open
        and mine != stances.SILENT
        and (missed := counter(reading, persona, mine, strongest, taken))
    ):
        issues.append(f"{persona.omission}: {missed.cited}")
    return issues


_COMPOSERS: Mapping[
    Phase, Callable[[Call, Reading, Persona], Position | Revision | CritiqueReply]
] = {
    Phase.DRAFT: _draft,
    Phase.PROPOSE: _draft,
    Phase.EXCHANGE: _revise,
    Phase.REVISE: _revise,
    Phase.CRITIQUE: _criticise,
}
