"""What the models of the model server say: enough of a mind to carry a debate to its end.

Every model answers "Yes", but those of doubt, whose name has "small" in it or who are told to be
skeptics: they start with "No" and give way in the first exchange, naming the step that was wrong.
A model with "contrary" in its name says "No" to the last.
"""

from __future__ import annotations

import re

from debates.mock_llm.wire import Answer, ModelRequest

YES, NO = "Yes", "No"

_QUOTED = re.compile(
    r"<<<(?P<kind>[A-Z0-9 ]+) (?P<mark>\w+)>>>\n(?P<text>.*?)\n<<<END (?P=mark)>>>", re.S
)
_REASONS = {
    YES: "The question speaks of a plan whose costs are known and whose gains are seen by many. "
    "Where such plans were carried out, people kept them. Nothing in the documents says that it "
    "is different here [1].",
    NO: "The costs of the plan come first and are certain, its gains come later and are only "
    "hoped for. As long as nobody has paid for either, doing nothing is the better choice.",
}


def debate_answer(request: ModelRequest) -> Answer:
    """The answer in the form that the prompt asks for (`debates.engine.prompts`)."""
    prompt = next(text for role, text in request.messages if role == "user")
    quotes = {match["kind"]: match["text"] for match in _QUOTED.finditer(prompt)}
    task = prompt[max((match.end() for match in _QUOTED.finditer(prompt)), default=0) :]
    peers = re.findall(r"^CRITIQUE OF (\w+):", task, re.MULTILINE)
    own = _stance(quotes.get("YOUR POSITION", ""))
    if '"choice"' in task or '"ranking"' in task:
        return _form(request, quotes, single='"choice"' in task)
    if peers and "CHANGED:" not in task:
        return _critiques(peers)
    if own:
        wanted = NO if "contrary" in request.model else YES
        return _critiques(peers) + _position(wanted, changed=wanted != own)
    return _position(_first_thought(request), changed=None)


def _first_thought(request: ModelRequest) -> str:
    doubts = any(word in request.model for word in ("small", "contrary"))
    return NO if doubts or "skeptic" in request.system.lower() else YES


def _stance(position: str) -> str:
    """What a quoted position answers; empty for none."""
    found = re.search(r"^Answer: (\w+)", position, re.MULTILINE)
    return found[1] if found else ""


def _position(answer: str, *, changed: bool | None) -> str:
    lines = [f"REASONING: {_REASONS[answer]}"]
    if changed is not None:
        step = "I took for certain what is only feared." if changed else "none"
        lines += [f"CHANGED: {'yes' if changed else 'no'}", f"FAULTY STEP: {step}"]
    confidence = 0.8 if answer == YES else 0.6
    return "\n".join([*lines, "EVIDENCE: [1]", f"ANSWER: {answer}", f"CONFIDENCE: {confidence}"])


def _critiques(letters: list[str]) -> str:
    return "".join(
        f"CRITIQUE OF {letter}: The second step does not follow from the first.\n"
        f"- It takes a single case for the rule.\nSEVERITY OF {letter}: 0.4\n"
        for letter in letters
    )


def _form(request: ModelRequest, quotes: dict[str, str], *, single: bool) -> Answer:
    wanted = NO if "contrary" in request.model else YES
    candidates = {
        kind.removeprefix("CANDIDATE "): _stance(text)
        for kind, text in quotes.items()
        if kind.startswith("CANDIDATE ")
    }
    ranking = sorted(candidates, key=lambda letter: (candidates[letter] != wanted, letter))
    reason = "Its steps follow from the documents."
    if single:
        return {"reason": reason, "choice": ranking[0]}
    approved = [letter for letter in ranking if candidates[letter] == wanted]
    return {"reason": reason, "ranking": ranking, "approved": approved, "confidence": 0.75}
