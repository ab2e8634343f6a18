"""The parts of a debate that may be asked for one by one."""

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from ninja import Router

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ONE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.requests import DecideIn
from debates.api.responses import (
    ConsensusDetailOut,
    ConvergenceOut,
    CostsOut,
    DecidedOut,
    EvidenceOut,
    MetadataOut,
    PanelOut,
    RoundsOut,
    SummaryOut,
    VotesOut,
)
from debates.api.words import decision_mode
from debates.choices import DebateStatus
from debates.engine.codec import encode_verdict
from debates.selectors.costs import debate_costs
from debates.selectors.deciding import decided_again
from debates.selectors.evidence import debate_evidence
from debates.selectors.objects import DebateObject
from debates.selectors.transcript import RoundState

router = Router(tags=["parts of a debate"])


@endpoint(router, "GET", "/v1/debates/{ref}/rounds", answer=RoundsOut, errors=READ_ONE_ERRORS)
def get_rounds(request: ApiRequest, ref: str) -> RoundsOut:
    """The rounds with what was said in each, the votes and the turns that failed."""
    debate = debate_of(request, ref)
    transcript = selectors.debate_snapshot(debate)["transcript"]
    said: dict[int | None, list[selectors.Message]] = defaultdict(list)
    for message in selectors.messages(debate=debate, limit=selectors.count_messages(debate)):
        said[message["round"]].append(message)
    rounds = [
        {
            **_figures(state),
            "messages": said[state["number"]],
            "votes": {
                vote["agent"]: vote["choice"] for turn in state["agents"] for vote in turn["votes"]
            },
            "errors": [error for turn in state["agents"] for error in turn["errors"]],
        }
        for state in transcript["rounds"]
    ]
    return RoundsOut.model_validate(
        {"debate_id": str(debate.pk), "rounds": rounds, "total": len(rounds)}
    )


@endpoint(router, "GET", "/v1/debates/{ref}/votes", answer=VotesOut, errors=READ_ONE_ERRORS)
def get_votes(request: ApiRequest, ref: str) -> VotesOut:
    """The ballots, in the order of rounds."""
    debate = debate_of(request, ref)
    votes = [
        {**vote, "round": vote["round_number"]}
        for state in selectors.debate_snapshot(debate)["transcript"]["rounds"]
        for turn in state["agents"]
        for vote in turn["votes"]
    ]
    return VotesOut.model_validate(
        {"debate_id": str(debate.pk), "votes": votes, "total": len(votes)}
    )


@endpoint(router, "GET", "/v1/debates/{ref}/agents", answer=PanelOut, errors=READ_ONE_ERRORS)
def get_panel(request: ApiRequest, ref: str) -> PanelOut:
    """The panel, and the judge if there is one, as they were when the debate was made."""
    debate = selectors.debate_object(debate_of(request, ref))
    members = [{**card, "role": "panelist"} for card in debate["panel"]]
    if debate["judge"]:
        members.append({**debate["judge"], "role": "judge"})
    return PanelOut.model_validate(
        {"debate_id": debate["id"], "agents": members, "total": len(members)}
    )


@endpoint(
    router, "GET", "/v1/debates/{ref}/convergence", answer=ConvergenceOut, errors=READ_ONE_ERRORS
)
def get_convergence(request: ApiRequest, ref: str) -> ConvergenceOut:
    """How far the agents agree, and how far each stays with its answer, round by round."""
    debate = selectors.debate_object(debate_of(request, ref))
    measured = [entry for entry in debate["rounds"] if entry["agreement"] is not None]
    last = measured[-1] if measured else {"agreement": None, "stability": None}
    return ConvergenceOut.model_validate(
        {
            "debate_id": debate["id"],
            "agreement": last["agreement"],
            "stability": last["stability"],
            "rounds": debate["rounds"],
        }
    )


@endpoint(
    router, "GET", "/v1/debates/{ref}/consensus", answer=ConsensusDetailOut, errors=READ_ONE_ERRORS
)
def get_consensus(request: ApiRequest, ref: str) -> ConsensusDetailOut:
    """The decision, with everything that speaks against it."""
    row = debate_of(request, ref)
    debate = selectors.debate_object(row)
    decided = selectors.debate_snapshot(row)["transcript"]["verdict"]
    return ConsensusDetailOut.model_validate(
        {
            **debate["consensus"],
            "debate_id": debate["id"],
            "status": debate["status"],
            "stop_reason": debate["stop_reason"],
            "winners": debate["winners"],
            "dissenting_views": debate["dissenting_views"],
            "verdict": decided["verdict"] if decided else None,
        }
    )


@endpoint(router, "GET", "/v1/debates/{ref}/summary", answer=SummaryOut, errors=READ_ONE_ERRORS)
def get_summary(request: ApiRequest, ref: str) -> SummaryOut:
    """The debate in a few sentences."""
    debate = selectors.debate_object(debate_of(request, ref))
    return SummaryOut.model_validate({**debate, "summary": in_words(debate)})


@endpoint(router, "GET", "/v1/debates/{ref}/costs", answer=CostsOut, errors=READ_ONE_ERRORS)
def get_costs(request: ApiRequest, ref: str) -> CostsOut:
    """What the model calls used, by agent, model and round."""
    debate = debate_of(request, ref)
    return CostsOut.model_validate({"debate_id": str(debate.pk), **asdict(debate_costs(debate))})


@endpoint(router, "GET", "/v1/debates/{ref}/evidence", answer=EvidenceOut, errors=READ_ONE_ERRORS)
def get_evidence(request: ApiRequest, ref: str) -> EvidenceOut:
    """The passages that the agents' positions quote and cite, in the order of turns.

    Fills while the debate runs."""
    debate = debate_of(request, ref)
    found = debate_evidence(debate)
    return EvidenceOut.model_validate(
        {"debate_id": str(debate.pk), "evidence": found, "total": len(found)}
    )


@endpoint(router, "GET", "/v1/debates/{ref}/metadata", answer=MetadataOut, errors=READ_ONE_ERRORS)
def get_metadata(request: ApiRequest, ref: str) -> MetadataOut:
    """What the owner noted about the debate."""
    return MetadataOut.model_validate(selectors.debate_object(debate_of(request, ref)))


@endpoint(router, "POST", "/v1/debates/{ref}/decide", answer=DecidedOut, errors=WRITE_ONE_ERRORS)
def decide_again(request: ApiRequest, ref: str, body: DecideIn) -> DecidedOut:
    """Decide the stored transcript under another rule, without a model call.

    The debate keeps its own decision."""
    debate = debate_of(request, ref)
    mode = decision_mode(body.mode, field="mode")
    verdict = decided_again(debate=debate, mode=mode)
    return DecidedOut.model_validate(
        {
            "debate_id": str(debate.pk),
            "mode": mode,
            "reached": verdict.reached,
            "agreement": verdict.agreement,
            "confidence": verdict.confidence,
            "final_answer": verdict.answer,
            "conclusion": verdict.answer or verdict.explanation,
            "explanation": verdict.explanation,
            "supporting_agents": verdict.supporting,
            "dissenting_agents": [view.agent for view in verdict.dissenting],
            "method": verdict.method,
            "hollow": verdict.hollow,
            "winners": verdict.winners,
            "dissenting_views": [asdict(view) for view in verdict.dissenting],
            "verdict": encode_verdict(verdict),
        }
    )


def in_words(debate: DebateObject) -> str:
    """The debate in a few sentences, from its own words and figures."""
    who = _listed(debate["agents"])
    if debate["in_progress"] or debate["status"] == DebateStatus.CREATED:
        return f"{who} have not decided yet; the debate is {debate['status']}."
    consensus = debate["consensus"]
    if debate["final_answer"] is None:
        said = consensus["explanation"] or consensus["conclusion"]
        return f"{who} reached no decision; the debate is {debate['status']}. {said}".strip()
    parts = [
        f"{who} decided by {consensus['method'].replace('_', ' ')}: {debate['final_answer']}",
        consensus["explanation"],
    ]
    if consensus["dissenting_agents"]:
        parts.append(f"Not behind it: {_listed(consensus['dissenting_agents'])}.")
    if consensus["hollow"]:
        parts.append("A majority made of unreasoned changes of mind was set aside.")
    return " ".join(_sentence(part) for part in parts if part)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _figures(state: RoundState) -> dict[str, Any]:
    return {
        "round_number": state["number"],
        "started_at": state["started_at"],
        "ended_at": state["ended_at"],
        "agreement": state["agreement"],
        "stability": state["stability"],
    }
