"""Receipts: what a debate came to, signed, with a digest of everything that was said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict

from debates import signing
from debates.canonical import canonical_json
from debates.exceptions import NotFound, StateForbids
from debates.models import Debate, DebateEvent
from debates.selectors.finding import Viewer, get_debate
from debates.selectors.objects import (
    ConsensusObject,
    DebateObject,
    ProtocolObject,
    debate_object,
)
from debates.selectors.snapshot import logged
from debates.selectors.transcript import LoggedEvent
from debates.streaming.events import AgentCard

FORMAT = "aragora-receipt/1"
"""Another one is due when anything is added to a receipt or left out: older ones would differ from
their debates."""
_COUNTED_LATER = ("tokens", "cost_usd")
"""What a call that was cut off may still change after the end."""


class EventRecord(TypedDict):
    """An event of the log, as it is exported and digested."""

    seq: int
    type: str
    timestamp: str
    round: int | None
    agent: str | None
    data: Mapping[str, Any]


class DocumentRecord(TypedDict):
    """A document of a debate, as it is exported and digested."""

    number: int
    title: str
    source: str
    text: str


class DocumentDigest(TypedDict):
    number: int
    title: str
    source: str
    sha256: str
    """Of its text in UTF-8, in hexadecimal digits."""


class TranscriptDigest(TypedDict):
    events: int
    sha256: str
    """Of the canonical JSON of each `EventRecord`, a line each."""


class Receipt(TypedDict):
    """What is signed. Once the debate is over nothing in it changes, but for the tokens and the
    cost of a call that was cut off, which may be counted a moment later."""

    format: str
    debate_id: str
    question: str
    context_sha256: str | None
    documents: list[DocumentDigest]
    panel: list[AgentCard]
    judge: AgentCard | None
    protocol: ProtocolObject
    """As it was asked for; `verdict.method` is the rule that was applied."""
    status: str
    stop_reason: str
    failure: str
    rounds_used: int
    verdict: ConsensusObject
    winners: list[str]
    tokens: int
    cost_usd: float | None
    """None where somebody who was asked has no price."""
    created_at: str
    started_at: str | None
    completed_at: str | None
    duration_seconds: float
    transcript: TranscriptDigest


class Signature(TypedDict):
    algorithm: str
    public_key: str
    value: str


class SignedReceipt(TypedDict):
    receipt: Receipt
    signature: Signature
    """Over the canonical JSON of `receipt`."""


class SignatureState(StrEnum):
    """What is to be said of a signature."""

    GOOD = "good"
    OTHER_KEY = "other_key"
    """It is good, but the key is not the one that was expected."""
    BAD = "bad"
    """It is not, or what was signed is no receipt."""


class DebateState(StrEnum):
    """How a debate compares with a receipt: everything but the tokens and the cost."""

    SAME = "same"
    DIFFERS = "differs"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Checked:
    """What is to be said of a receipt."""

    signature: SignatureState
    debate: DebateState

    @property
    def valid(self) -> bool:
        return self.signature is SignatureState.GOOD and self.debate is not DebateState.DIFFERS


def signed_receipt(debate: Debate) -> SignedReceipt:
    """The receipt of a debate; for the same debate and key the same.

    Raises `StateForbids` while the debate goes on."""
    if not debate.is_over:
        raise StateForbids(
            f"The debate is {debate.status}; there is a receipt of it as soon as it is over."
        )
    receipt = _receipt(debate)
    return SignedReceipt(
        receipt=receipt,
        signature=Signature(
            algorithm=signing.ALGORITHM,
            public_key=signing.public_key(),
            value=signing.sign(canonical_json(receipt)),
        ),
    )


def check_receipt(signed: Mapping[str, Any], *, user: Viewer) -> Checked:
    """Whether this server signed it, and whether the debate, where `user` may read it, is still
    what it was. What this server did not sign is compared with nothing."""
    state = check_signature(signed, key=signing.public_key())
    if state is not SignatureState.GOOD:
        return Checked(state, DebateState.NOT_CHECKED)
    try:
        debate = get_debate(user=user, id_or_slug=str(signed["receipt"].get("debate_id")))
    except NotFound:
        return Checked(state, DebateState.NOT_CHECKED)
    return Checked(state, compare(signed, debate))


def check_signature(signed: Mapping[str, Any], *, key: str) -> SignatureState:
    """Whether the receipt was signed with the private half of `key`, or of another one."""
    match signed:
        case {
            "receipt": dict() as receipt,
            "signature": {
                "algorithm": signing.ALGORITHM,
                "public_key": str() as used,
                "value": str() as value,
            } as signature,
        } if len(signed) == 2 and len(signature) == 3 and receipt.get("format") == FORMAT:
            pass
        case _:
            return SignatureState.BAD
    try:
        content = canonical_json(receipt)
    except ValueError:  # Infinity, out of a number that is too large.
        return SignatureState.BAD
    if not signing.is_signed(content, signature=value, key=used):
        return SignatureState.BAD
    return SignatureState.GOOD if used == key else SignatureState.OTHER_KEY


def compare(signed: Mapping[str, Any], debate: Debate) -> DebateState:
    """Whether a receipt whose signature is good is the one that would be made of the debate now."""
    return _compared(signed, _receipt(debate))


def compare_export(signed: Mapping[str, Any], exported: Mapping[str, Any]) -> DebateState:
    """Whether a receipt whose signature is good is the one that would be made of what a JSON export
    holds. Raises `LookupError`, `TypeError` or `AttributeError` for what is no export."""
    try:
        made = _made_of(
            exported["debate"],
            context=exported["context"],
            documents=exported["documents"],
            events=exported["events"],
        )
        return _compared(signed, made)
    except ValueError:  # Infinity, which no debate holds.
        return DebateState.DIFFERS


def _compared(signed: Mapping[str, Any], made: Receipt) -> DebateState:
    is_same = _lasting(signed["receipt"]) == _lasting(made)
    return DebateState.SAME if is_same else DebateState.DIFFERS


def _lasting(receipt: Mapping[str, Any]) -> bytes:
    return canonical_json({name: receipt[name] for name in receipt if name not in _COUNTED_LATER})


def digest_of(events: Iterable[EventRecord]) -> TranscriptDigest:
    """The digest of a log. Raises `ValueError` for a number that is none."""
    count, digest = 0, hashlib.sha256()
    for event in events:
        digest.update(canonical_json(event) + b"\n")
        count += 1
    return TranscriptDigest(events=count, sha256=digest.hexdigest())


def event_records(debate: Debate) -> Iterator[EventRecord]:
    """The log up to the debate's `last_seq`, in order."""
    rows = DebateEvent.objects.filter(debate=debate, seq__lte=debate.last_seq).order_by("seq")
    return map(_record, logged(rows.iterator()))


def document_records(debate: Debate) -> list[DocumentRecord]:
    """The debate's own documents, in order. One query."""
    rows = debate.documents.order_by("number").values_list("number", "title", "source", "text")
    return [
        DocumentRecord(number=number, title=title, source=source, text=text)
        for number, title, source, text in rows
    ]


def _record(event: LoggedEvent) -> EventRecord:
    return EventRecord(
        seq=event.seq,
        type=event.type,
        timestamp=event.timestamp,
        round=event.round,
        agent=event.agent,
        data=event.data,
    )


def _receipt(debate: Debate) -> Receipt:
    return _made_of(
        debate_object(debate),
        context=debate.context,
        documents=document_records(debate),
        events=event_records(debate),
    )


def _made_of(
    told: DebateObject,
    *,
    context: str,
    documents: Iterable[DocumentRecord],
    events: Iterable[EventRecord],
) -> Receipt:
    usage = told["usage"]
    return Receipt(
        format=FORMAT,
        debate_id=told["id"],
        question=told["task"],
        context_sha256=_sha256(context) if context else None,
        documents=[
            DocumentDigest(
                number=document["number"],
                title=document["title"],
                source=document["source"],
                sha256=_sha256(document["text"]),
            )
            for document in documents
        ],
        panel=told["panel"],
        judge=told["judge"],
        protocol=told["protocol"],
        status=told["status"],
        stop_reason=told["stop_reason"],
        failure=told["failure"],
        rounds_used=told["rounds_used"],
        verdict=told["consensus"],
        winners=told["winners"],
        tokens=usage["tokens"],
        cost_usd=usage["cost_usd"] if usage["cost_known"] else None,
        created_at=told["created_at"],
        started_at=told["started_at"],
        completed_at=told["completed_at"],
        duration_seconds=told["duration_seconds"],
        transcript=digest_of(events),
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
