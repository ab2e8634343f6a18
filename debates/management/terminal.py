"""A debate on a terminal: what was said scrolls by, what is being said stands below it.

Where the output is not a terminal there is no colour, and nothing that is not yet complete, but for
agents that have to wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import IO, Any

from django.urls import reverse
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from debates.choices import EventType
from debates.engine.types import Phase
from debates.models import Debate
from debates.running.voice import WAITS
from debates.streaming.envelope import Frame
from debates.streaming.events import EphemeralType
from debates.web.sources import CITATION, Source

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
"""Of the agents, in the order of their names."""
PLAIN_WIDTH = 100
INDENT = 2
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LABEL = re.compile(r"^[*_#\s]*REASONING:[*_]*\s*")
"""What an answer begins with on the way; whoever reads along needs no word for it."""

_PHASES = {
    Phase.DRAFT: "Blind drafts",
    Phase.EXCHANGE: "Exchange",
    Phase.PROPOSE: "Proposals",
    Phase.CRITIQUE: "Critiques",
    Phase.REVISE: "Revisions",
    Phase.VOTE: "Vote",
    Phase.JUDGE: "Judgement",
}


def make_console(file: IO[str]) -> Console:
    """A console that knows what it writes to, and honours NO_COLOR."""
    terminal = file.isatty()
    return Console(
        file=file,
        width=None if terminal else PLAIN_WIDTH,
        color_system="auto" if terminal else None,
        force_terminal=terminal,
        highlight=False,
        soft_wrap=False,
    )


class Screen:
    """Shows the frames of one debate. A context manager; belongs to one thread."""

    def __init__(self, console: Console, debate: Debate) -> None:
        self._console = console
        self._colours = {
            spec["name"]: COLOURS[index % len(COLOURS)] for index, spec in enumerate(debate.panel)
        }
        self._speaking: dict[str, _Speaker] = {}
        self._progress = ""
        self._phase = ""
        self._spinner = Spinner("dots")
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(
                console=console, auto_refresh=False, transient=True, vertical_overflow="crop"
            )

    def __enter__(self) -> Screen:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._speaking.clear()
        if self._live is not None:
            self._live.update(Text(""), refresh=True)
            self._live.stop()

    def refresh(self) -> None:
        """Draw what is being said; to be called some times a second."""
        if self._live is not None:
            self._live.update(self._below(), refresh=True)

    def show(self, frame: Frame) -> None:
        """Let one more frame of the debate be seen."""
        data = {name: _clean(value) for name, value in frame.data.items()}
        if frame.seq is None:
            self._show_ephemeral(frame.type, data)
            return
        self._speaking.pop(str(data.get("turn_id", "")), None)
        shown = _EVENTS.get(EventType(frame.type))
        if shown is not None:
            shown(self, data)

    # --- What is being said --------------------------------------------------------------------

    def _show_ephemeral(self, type: str, data: Mapping[str, Any]) -> None:
        if type in {EphemeralType.TOKEN_START, EphemeralType.AGENT_THINKING}:
            words, before = str(data.get("message", "")), self._speaking.get(data["turn_id"])
            self._speaking[data["turn_id"]] = _Speaker(data["agent"], words)
            is_new = before is None or before.words != words
            if self._live is None and is_new and words.startswith(WAITS):
                self._print(Text.assemble(self._name(data["agent"]), (f" {words}", "yellow")))
        elif type == EphemeralType.TOKEN_DELTA:
            speaker = self._speaking.get(data["turn_id"])
            if speaker is not None:
                speaker.hear(data["text"])
        elif type == EphemeralType.PHASE_PROGRESS:
            self._progress = f"{data['done']} of {data['total']}"

    def _below(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, ratio=1)
        room = max(20, self._console.width - 24)
        for turn_id in sorted(self._speaking):
            speaker = self._speaking[turn_id]
            table.add_row(self._name(speaker.agent), Text(speaker.tail(room), style="dim"))
        if not self._phase:
            return table
        self._spinner.update(text=Text(f"{self._phase}  {self._progress}", style="dim"))
        return Group(self._spinner, table)

    # --- What was said -------------------------------------------------------------------------

    def _print(self, *parts: RenderableType) -> None:
        for part in parts:
            self._console.print(part)

    def _block(self, head: Text, text: str, note: str = "") -> None:
        self._print(head)
        for part, style in ((text, ""), (note, "dim")):
            if part.strip():
                self._print(
                    Padding(Text(part.strip(), style=style), (0, 0, 0, INDENT), expand=False)
                )
        self._print("")

    def _name(self, agent: str) -> Text:
        return Text(agent, style=f"bold {self._colours.get(agent, 'white')}")

    def _start(self, data: Mapping[str, Any]) -> None:
        panel = Text(", ").join(self._name(agent) for agent in data["agents"])
        rounds = data["total_rounds"]
        limit = f"{rounds} round{'' if rounds == 1 else 's'}"
        self._print(
            Text(data["task"], style="bold"),
            Text.assemble(
                (f"{data['protocol']}, at most {limit}, by ", "dim"),
                (f"{data['decision']}: ", "dim"),
                panel,
            ),
        )
        if not any(card["is_language_model"] for card in data["panel"]):
            self._print(
                Text(
                    "These agents are not language models: they quote and weigh the documents.",
                    style="dim",
                )
            )
        self._print("")

    def _phase_change(self, data: Mapping[str, Any]) -> None:
        self._phase = _PHASES[Phase(data["to_phase"])]
        self._progress = ""
        self._print(Rule(f"Round {data['round_number']}: {self._phase}", align="left", style="dim"))

    def _propose(self, data: Mapping[str, Any]) -> None:
        head = Text.assemble(
            self._name(data["agent"]), "  ", (data["answer"], "bold"), _sure(data["confidence"])
        )
        # A bare citation says nothing that the text does not.
        evidence = [words for words in data["evidence"] if not CITATION.fullmatch(words.strip())]
        self._block(head, data["rationale"], "\n".join(f"Evidence: {one}" for one in evidence))

    def _critique(self, data: Mapping[str, Any]) -> None:
        head = Text.assemble(
            self._name(data["agent"]),
            " on ",
            self._name(data["target_agent"]),
            (f"  severity {data['severity']:.0%}", "dim"),
        )
        self._block(head, data["content"] or "\n".join(data["issues"]))

    def _revision(self, data: Mapping[str, Any]) -> None:
        if not data["changed"]:
            move, note = (" keeps ", "dim"), ""
        elif data["reasoned"]:
            move, note = (" changes to ", "yellow"), f"Because: {data['faulty_step']}"
        else:
            move, note = (" changes, without naming a reason, to ", "red"), ""
        head = Text.assemble(
            self._name(data["agent"]), move, (data["answer"], "bold"), _sure(data["confidence"])
        )
        self._block(head, data["rationale"] if data["changed"] else "", note)

    def _vote(self, data: Mapping[str, Any]) -> None:
        head = Text.assemble(
            self._name(data["agent"]), (" votes for ", "dim"), (data["choice"], "bold")
        )
        self._block(head, data["reasoning"])

    def _agent_error(self, data: Mapping[str, Any]) -> None:
        head = Text.assemble(self._name(data["agent"]), (" did not answer: ", "red"))
        head.append(f"{data['message']} ({data['code']})")
        self._print(head, "")

    def _convergence(self, data: Mapping[str, Any]) -> None:
        words = f"Agreement {data['agreement']:.0%}"
        if data["stability"] is not None:
            words += f", {data['stability']:.0%} kept their answer"
        self._print(Text(words, style="dim"))

    def _note(self, data: Mapping[str, Any]) -> None:
        words = data.get("message") or data.get("reason") or data.get("content") or ""
        self._print(Text(str(words), style="yellow"))

    def _end(self, data: Mapping[str, Any]) -> None:
        self._phase = ""
        self._speaking.clear()


class _Speaker:
    """An agent in the middle of a turn."""

    def __init__(self, agent: str, words: str) -> None:
        self.agent = agent
        self.words = words

    def hear(self, text: str) -> None:
        self.words += text

    def tail(self, room: int) -> str:
        """The end of what was said, on one line."""
        words = " ".join(_LABEL.sub("", self.words)[-4 * room :].split())
        return words if len(words) <= room else "…" + words[-room + 1 :]


_EVENTS = {
    EventType.DEBATE_START: Screen._start,
    EventType.PHASE_CHANGE: Screen._phase_change,
    EventType.PROPOSE: Screen._propose,
    EventType.CRITIQUE: Screen._critique,
    EventType.REVISION: Screen._revision,
    EventType.VOTE: Screen._vote,
    EventType.AGENT_ERROR: Screen._agent_error,
    EventType.CONVERGENCE: Screen._convergence,
    EventType.HOLLOW_CONSENSUS: Screen._note,
    EventType.INTERVENTION: Screen._note,
    EventType.AGENT_MESSAGE: Screen._note,
    EventType.DEBATE_PAUSED: Screen._note,
    EventType.DEBATE_CANCELLED: Screen._note,
    EventType.DEBATE_END: Screen._end,
}


def printable(text: str) -> str:
    """The text without control characters: agents do not steer terminals."""
    return _CONTROL.sub("", text)


def _clean(value: Any) -> Any:
    """The value with every text in it made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _clean(one) for name, one in value.items()}
    return value


def _sure(confidence: float) -> tuple[str, str]:
    return f"  {confidence:.0%} sure", "dim"


def print_outcome(
    console: Console,
    debate: Mapping[str, Any],
    verdict: Mapping[str, Any],
    cited: Sequence[Source] = (),
) -> None:
    """The verdict with what speaks against it, what it cost, and what the citations stand for.
    `debate` is a `selectors.DebateObject`, `verdict` the engine's verdict as JSON, empty where
    there is none."""
    console.print(Rule("Verdict", align="left"))
    consensus = debate["consensus"]
    if consensus["reached"]:
        console.print(Text(printable(str(consensus["final_answer"])), style="bold green"))
    else:
        console.print(Text(printable(_without_decision(debate)), style="bold yellow"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    sources = [("Source", f"[{source.number}] {source.title}") for source in cited]
    for label, words in (*_facts(debate, verdict), *sources):
        table.add_row(label, escape(printable(words)))
    console.print(Padding(table, (1, 0, 0, 0), expand=False))


def _without_decision(debate: Mapping[str, Any]) -> str:
    if debate["failure"]:
        return f"The debate failed: {debate['failure']}"
    if debate["status"] == "completed":
        return "No decision was reached."
    return f"The debate is {debate['status']}."


def _facts(debate: Mapping[str, Any], verdict: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    consensus, usage = debate["consensus"], debate["usage"]
    facts: list[tuple[str, str]] = []
    if verdict:
        facts.append(("Rule", f"{consensus['method'].replace('_', ' ')}. {verdict['explanation']}"))
        facts.append(
            (
                "Confidence",
                f"{consensus['confidence']:.0%}, agreement {consensus['agreement']:.0%}"
                + (", hollow majority set aside" if consensus["hollow"] else ""),
            )
        )
        for view in verdict["dissenting"]:
            facts.append(("Dissent", f"{view['agent']}: {view['answer']}"))
        if not verdict["dissenting"]:
            facts.append(("Dissent", "none"))
        for flip in verdict["flips"]:
            why = "with a reason" if flip["reasoned"] else "without a reason"
            facts.append(
                (
                    "Flip",
                    f"{flip['agent']}, round {flip['round']}, {why}: "
                    f"{flip['before']} → {flip['after']}",
                )
            )
        if not verdict["flips"]:
            facts.append(("Flips", "none"))
        if verdict["order_consistent"] is not None:
            same = "the same in both orders" if verdict["order_consistent"] else "depends on order"
            facts.append(("Judge", same))
    facts.append(("Stopped", debate["stop_reason"].replace("_", " ")))
    facts.append(
        (
            "Cost",
            f"{_cost(usage)}, {usage['tokens']:,} tokens, {debate['duration_seconds']:.1f} s",
        )
    )
    address = reverse("web:debate", kwargs={"slug": debate["slug"]})
    facts.append(("Stored", f"{address}, id {debate['debate_id']}"))
    return facts


def _cost(usage: Mapping[str, Any]) -> str:
    """Nothing counted is not the same as no cost."""
    if usage["cost_known"]:
        return f"${usage['cost_usd']:.4f}"
    return f"at least ${usage['cost_usd']:.4f}" if usage["cost_usd"] else "price unknown"
