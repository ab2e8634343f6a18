"""What agents write, and how it is read.

Text calls are answered in labelled sections, which a person can read while they stream. A label
starts a line, in any case and any order; a section runs to the next label. All confidences and
severities are numbers from 0 to 1.

DRAFT and PROPOSE (a `Position`):

    REASONING: Why, in as many lines as it takes. Passages are cited as [1].
    EVIDENCE: [1], [3]
    ANSWER: The answer alone.
    CONFIDENCE: 0.7

EXCHANGE (a `Revision`) has besides these, for every peer that was shown:

    CRITIQUE OF A: What is wrong with A's reasoning.
    - One line for every single issue, if there are several.
    SEVERITY OF A: 0.6

EXCHANGE and REVISE both say whether the answer moved, and why:

    CHANGED: yes
    FAULTY STEP: The step in the agent's former reasoning that was wrong.

"CHANGED: no" keeps the former answer word for word, whatever ANSWER says; without CHANGED the two
answers are compared. A change without a faulty step is accepted, and counts as unreasoned; so does
one whose only reason is that others think so.

CRITIQUE (a `CritiqueReply`) has CRITIQUE OF A and SEVERITY OF A alone; "OF A" may be left out.

VOTE and JUDGE are answered by filling in a form: `BallotForm` or `SelectionForm`, as a mapping, or
as JSON in the text. Letters are those of `call.brief.choices`.

REASONING, ANSWER and CONFIDENCE are required, and so are CRITIQUE and SEVERITY in a CRITIQUE. Read
leniently: markdown around labels, a code fence or a <think> part around the whole, "70%", "7/10",
"high". If any label stands in capitals, only those in capitals count, so that "Evidence: …" may
start a line of prose. A line of a section that would itself be taken for a label is written with
a backslash before it. `write` does all this: it is the reverse of `parse`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from debates.engine.forms import (
    BallotForm,
    ReplyError,
    SelectionForm,
    form_for,
    read_ballot,
    read_form,
    read_selection,
    read_share,
    storable,
)
from debates.engine.positions import candidate_id, normalise
from debates.engine.types import (
    Call,
    CritiqueReply,
    PeerCritique,
    Phase,
    Position,
    Reply,
    Revision,
)

__all__ = ["BallotForm", "ReplyError", "SelectionForm", "form_for", "parse", "write"]


def parse(call: Call, text: str, data: Mapping[str, Any] | None = None) -> Reply:
    """Read an agent's answer to `call`: `text` as it was written, `data` the form if there is one.

    Raises `ReplyError`."""
    phase = call.key.phase
    if phase is Phase.VOTE:
        return read_ballot(call, read_form(text, data))
    if phase is Phase.JUDGE:
        return read_selection(call, read_form(text, data))
    pieces = _split(text)
    labels = pieces[1::2]
    if all(map(str.isupper, labels)) or not any(map(str.isupper, labels)):
        return _READERS[phase](call, _sections(pieces))
    shouted = [label.isupper() for label in labels]
    try:
        return _READERS[phase](call, _sections(_joined(pieces, shouted)))
    except ReplyError:
        return _READERS[phase](call, _sections(pieces))


def write(call: Call, reply: Reply) -> str:
    """`reply` in the form that `parse` reads, as far as it has one of text.

    Raises `TypeError` for ballots and selections, which are forms."""
    if isinstance(reply, Position):
        return "\n".join(_written_position(reply))
    if isinstance(reply, CritiqueReply):
        return "\n".join(_written_critique(call, reply.critique))
    if isinstance(reply, Revision):
        lines = [line for one in reply.critiques for line in _written_critique(call, one)]
        reasoning, evidence, answer, confidence = _written_position(reply.position)
        lines += [reasoning, f"CHANGED: {'yes' if reply.changed else 'no'}"]
        if reply.faulty_step:
            lines.append(_labelled("FAULTY STEP", reply.faulty_step))
        return "\n".join([*lines, evidence, answer, confidence])
    raise TypeError(f"{type(reply).__name__} is a form, not a text")


# --- Sections ----------------------------------------------------------------------------------

Sections = Mapping[str, str]
"""Texts by label; none is empty but what comes before the first label."""

_WORDS = (
    r"(?:final[ ])?answer|confidence|evidence|sources|reasoning|rationale|changed"
    r"|faulty[ ]step|(?:critique|severity)(?:[ ]of(?:[ ](?:agent|peer))?[ ]\w{1,2})?"
)
_MARKED = rf"[ \t>#*_`-]*(?:{_WORDS})[*_` ]*[:：]"
_LABEL = re.compile(rf"\n({_MARKED}[*_]*[ \t]*)", re.IGNORECASE | re.ASCII)
_MARKUP = " \t>#*_`-:："
_ESCAPED = re.compile(rf"^\\(?=\\*{_MARKED})", re.IGNORECASE | re.MULTILINE | re.ASCII)
_ESCAPABLE = re.compile(rf"^(?=\\*{_MARKED})", re.IGNORECASE | re.MULTILINE | re.ASCII)
_THOUGHTS = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"\A\s*```\w*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_PREAMBLE = ""
"""Stands for what comes before the first label."""
_TAKEN_TOGETHER = frozenset({"REASONING", "EVIDENCE"})
_SYNONYMS = {"FINAL ANSWER": "ANSWER", "SOURCES": "EVIDENCE", "RATIONALE": "REASONING"}


@lru_cache(maxsize=512)
def _name_of(label: str) -> str:
    """What a label as it was written stands for."""
    name = label.strip(_MARKUP).upper().replace("PEER ", "").replace("AGENT ", "")
    return _SYNONYMS.get(name, name)


def _split(text: str) -> list[str]:
    """What comes before the first label, then labels and sections in turn."""
    body = storable(text).replace("\r\n", "\n")
    if "<think" in body[:100].lower():
        body = _THOUGHTS.sub("", body)
    if "```" in body and (fenced := _FENCED.match(body)):
        body = fenced[1]
    return _LABEL.split(f"\n{body}")


def _joined(pieces: list[str], is_label: list[bool]) -> list[str]:
    """`pieces` with the labels that are none put back into the section before them."""
    kept = [pieces[0]]
    for label, section, stands in zip(pieces[1::2], pieces[2::2], is_label, strict=True):
        if stands:
            kept += (label, section)
        else:
            kept[-1] += f"\n{label}{section}"
    return kept


def _sections(pieces: list[str]) -> Sections:
    """An answer by its labels. Of several sections under one label the last counts; reasoning and
    evidence are taken together."""
    found = {_PREAMBLE: pieces[0].strip()}
    for label, text in zip(pieces[1::2], pieces[2::2], strict=True):
        section = text.strip()
        if "**" in label and section.endswith("**") and section.count("**") % 2:
            section = section[:-2].rstrip()  # **ANSWER: Paris**
        if "\\" in section:
            section = _ESCAPED.sub("", section)
        if section:
            name = _name_of(label)
            if name in _TAKEN_TOGETHER and name in found:
                section = f"{found[name]}\n{section}"
            found[name] = section
    return found


def _required(sections: Sections, label: str, hint: str) -> str:
    if found := sections.get(label):
        return found
    raise ReplyError(f'There is no "{label}:" section. Add one: {hint}.')


# --- Positions and revisions -------------------------------------------------------------------


def _position(call: Call, sections: Sections) -> Position:
    answer = _required(sections, "ANSWER", "the answer alone")
    if not normalise(answer):
        raise ReplyError("The answer is empty. Give one after ANSWER:.")
    return _argued(sections, answer)


def _argued(sections: Sections, answer: str) -> Position:
    rationale = sections.get("REASONING") or sections[_PREAMBLE]
    if not rationale:
        raise ReplyError('There is no "REASONING:" section. Add one: why the answer is right.')
    return Position(
        answer=answer,
        rationale=rationale,
        confidence=read_share(
            "CONFIDENCE", _required(sections, "CONFIDENCE", "a number from 0 to 1")
        ),
        evidence=_evidence(sections.get("EVIDENCE", "")),
    )


_CITED = re.compile(r"\[\d+\]")
_NOTHING = frozenset({"", "none", "no", "nothing", "n/a", "na", "not applicable", "-", "–", "—"})


def _is_nothing(text: str) -> bool:
    return text.strip(" .*_`()[]").casefold() in _NOTHING


def _evidence(section: str) -> tuple[str, ...]:
    if _is_nothing(section):
        return ()
    cited = _CITED.findall(section)
    items = cited or [line.strip(" \t-*•") for line in re.split(r"[\n;]", section)]
    return tuple(dict.fromkeys(item for item in items if item))


def _revision(call: Call, sections: Sections) -> Revision:
    own = call.brief.own
    if own is None:
        raise ReplyError("There is no position to revise.")
    said = _yes_or_no(sections.get("CHANGED", ""))
    if said is False:
        position, changed = _argued(sections, own.answer), False
    else:
        position = _position(call, sections)
        changed = candidate_id(position.answer) != candidate_id(own.answer)
    return Revision(
        position=position,
        changed=changed,
        faulty_step=_step(sections.get("FAULTY STEP", "")),
        critiques=_critiques(call, sections),
    )


_CONFORMING = re.compile(
    r"""(?:because[ ]|since[ ]|that[ ])*
        (?:(?:all|most|both|many|two)[ ](?:of[ ])?)?(?:the[ ]|my[ ])?
        (?:others?|other[ ]agents|agents|peers?|majority|panel|every(?:one|body)(?:[ ]else)?
           |consensus|[A-Z]|[A-Z][ ]and[ ][A-Z])
        [ ](?:all[ ]|both[ ]|mostly[ ])?
        (?:(?:dis)?agree[sd]?|thinks?|says?|said|believes?|prefers?|chose|differs?|answered|is|are)
        (?:[ ](?:with[ ](?:me|each[ ]other|this|that|it|[A-Z](?:[ ]and[ ][A-Z])?)
           |so|otherwise|differently|the[ ]same(?:[ ]thing)?|against[ ](?:me|it)))?
        \W*""",
    re.IGNORECASE | re.VERBOSE,
)


def _step(section: str) -> str:
    """The faulty step that was named. That the others agree is not one."""
    return "" if _is_nothing(section) or _CONFORMING.fullmatch(section) else section


_YES_OR_NO = re.compile(r"\W*(yes|true|no|false|unchanged)\b", re.IGNORECASE)


def _yes_or_no(section: str) -> bool | None:
    if not section:
        return None
    if match := _YES_OR_NO.match(section):
        return match[1].casefold() in ("yes", "true")
    raise ReplyError('CHANGED must be "yes" or "no".')


# --- Critiques ---------------------------------------------------------------------------------

_BULLET = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]+(.+)$", re.MULTILINE)
_SEVERITY_NOT_GIVEN = 0.5


def _critique_reply(call: Call, sections: Sections) -> CritiqueReply:
    critiques = _critiques(call, sections, severity_required=True)
    if not critiques:
        raise ReplyError(
            f'There is no "CRITIQUE OF {call.brief.peers[0].letter}:" section. Add one: what is '
            "wrong with the proposal."
        )
    return CritiqueReply(critiques[0])


def _critiques(
    call: Call, sections: Sections, *, severity_required: bool = False
) -> tuple[PeerCritique, ...]:
    """What was said of each peer that was shown; what is said of others is about nobody."""
    critiques = []
    for peer, name in zip(call.brief.peers, call.peer_names, strict=True):
        text = _about(sections, "CRITIQUE", peer.letter, len(call.brief.peers))
        if not text:
            continue
        stated = _about(sections, "SEVERITY", peer.letter, len(call.brief.peers))
        if severity_required and not stated:
            raise ReplyError('There is no "SEVERITY:" section. Add one: a number from 0 to 1.')
        critiques.append(
            PeerCritique(
                target=name,
                issues=tuple(map(str.strip, _BULLET.findall(text))) or (text,),
                severity=read_share("SEVERITY", stated) if stated else _SEVERITY_NOT_GIVEN,
                text=text,
            )
        )
    return tuple(critiques)


def _about(sections: Sections, label: str, letter: str, peers: int) -> str:
    return sections.get(f"{label} OF {letter}", "") or (
        sections.get(label, "") if peers == 1 else ""
    )


# --- Writing -----------------------------------------------------------------------------------


def _labelled(label: str, text: str) -> str:
    return f"{label}: {_ESCAPABLE.sub(_BACKSLASH, text)}"


_BACKSLASH = "\\\\"


def _written_position(position: Position) -> tuple[str, str, str, str]:
    return (
        _labelled("REASONING", position.rationale),
        _labelled("EVIDENCE", ", ".join(position.evidence) or "none"),
        _labelled("ANSWER", position.answer),
        f"CONFIDENCE: {position.confidence}",
    )


def _written_critique(call: Call, critique: PeerCritique) -> tuple[str, str]:
    letter = next(
        peer.letter
        for peer, name in zip(call.brief.peers, call.peer_names, strict=True)
        if name == critique.target
    )
    return (
        _labelled(f"CRITIQUE OF {letter}", critique.text),
        f"SEVERITY OF {letter}: {critique.severity}",
    )


_READERS: dict[Phase, Callable[[Call, Sections], Reply]] = {
    Phase.DRAFT: _position,
    Phase.PROPOSE: _position,
    Phase.EXCHANGE: _revision,
    Phase.REVISE: _revision,
    Phase.CRITIQUE: _critique_reply,
}
