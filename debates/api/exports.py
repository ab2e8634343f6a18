"""A debate to take away: as a file, and as a receipt that can be checked."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, ConfigDict, Field

from debates import signing
from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ERRORS, READ_ONE_ERRORS, WRITE_ERRORS, endpoint
from debates.api.errors import JSON
from debates.api.finding import debate_of
from debates.api.responses import AgentCardOut, ConsensusOut, ProtocolOut
from debates.canonical import canonical_json
from debates.exports.csv_file import Table
from debates.exports.files import CONTENT_TYPES, ExportedFile, ExportFormat, export_debate
from debates.selectors.receipts import (
    Checked,
    DebateState,
    SignatureState,
    check_receipt,
    signed_receipt,
)

router = Router(tags=["exports"])

_CONFLICT = 409
_KEPT_NOWHERE = {
    # The address may hold a shared link, and the file what not everybody may read.
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept",
}


class TableIn(BaseModel):
    """Which rows."""

    table: Table = Field(default=Table.SUMMARY, description="What a CSV file holds.")


class ExportOut(BaseModel):
    """A file that is not JSON, for clients that take nothing else."""

    format: str
    content: str
    filename: str
    content_type: str = Field(description="Of the file itself.")


class DocumentDigestOut(BaseModel):
    number: int
    title: str
    source: str
    sha256: str = Field(description="Of its text in UTF-8.")


class TranscriptDigestOut(BaseModel):
    events: int
    sha256: str = Field(description="Of the canonical JSON of every event, a line each.")


class ReceiptBodyOut(BaseModel):
    """What is signed."""

    format: str
    debate_id: str
    question: str
    context_sha256: str | None = Field(description="null for a debate without a context.")
    documents: list[DocumentDigestOut]
    panel: list[AgentCardOut]
    judge: AgentCardOut | None
    protocol: ProtocolOut
    status: str
    stop_reason: str
    failure: str
    rounds_used: int
    verdict: ConsensusOut
    winners: list[str]
    tokens: int
    cost_usd: float | None = Field(description="null where somebody's price is not known.")
    created_at: str
    started_at: str | None
    completed_at: str | None
    duration_seconds: float
    transcript: TranscriptDigestOut


class SignatureOut(BaseModel):
    algorithm: str
    public_key: str = Field(description="32 bytes in hexadecimal digits.")
    value: str = Field(description="64 bytes in hexadecimal digits.")


class ReceiptOut(BaseModel):
    """A receipt: what a debate came to, with a digest of its transcript, signed by the server."""

    receipt: ReceiptBodyOut
    signature: SignatureOut = Field(description="Over the canonical JSON of `receipt`.")


class ReceiptIn(BaseModel):
    """A receipt as this or another server gave it out; nothing may be missing or added."""

    model_config = ConfigDict(extra="forbid")

    receipt: dict[str, Any]
    signature: dict[str, Any]


class CheckedOut(BaseModel):
    """What is to be said of a receipt."""

    valid: bool = Field(description="This server signed it, and nothing here speaks against it.")
    signature: SignatureState = Field(
        description="`good`; `other_key`: good, but made by another server or under an earlier "
        "secret key; `bad`: the receipt is not what was signed."
    )
    debate: DebateState = Field(
        description="Whether everything but tokens and cost is still what the receipt says, from "
        "the question to the digest of the transcript; `not_checked` where the caller can read no "
        "such debate, or this server did not sign the receipt."
    )
    message: str
    public_key: str = Field(description="With which this server signs now.")


class SigningKeyOut(BaseModel):
    algorithm: str
    public_key: str = Field(description="32 bytes in hexadecimal digits.")


@endpoint(
    router,
    "GET",
    "/v1/debates/{ref}/export/{format}",
    answer=ExportOut,
    errors=READ_ONE_ERRORS,
    extra={
        "responses": {
            200: {
                "content": {
                    content_type.partition(";")[0]: {"schema": {"type": "string"}}
                    for content_type in CONTENT_TYPES.values()
                    if content_type != JSON
                }
            }
        }
    },
)
def get_export(
    request: ApiRequest, ref: str, format: ExportFormat, asked: Query[TableIn]
) -> HttpResponse:
    """The debate as a file: JSON, CSV, Markdown, HTML or plain text.

    With `Accept: application/json` a file that is not JSON comes wrapped in an object. A debate
    that is not over is exported as far as it has come, and the file says so."""
    debate = debate_of(request, ref)
    page = reverse("web:debate", kwargs={"slug": debate.slug})
    file = export_debate(
        debate=debate,
        format=format,
        table=asked.table,
        address=request.build_absolute_uri(page),
        now=timezone.now(),
    )
    wanted = request.get_preferred_type([file.content_type.partition(";")[0], JSON])
    if format is not ExportFormat.JSON and wanted == JSON:
        wrapped = ExportOut(
            format=format,
            content=_encoded(file).decode(),
            filename=file.filename,
            content_type=file.content_type,
        )
        return HttpResponse(wrapped.model_dump_json(), content_type=JSON, headers=_KEPT_NOWHERE)
    return _download(file)


@endpoint(
    router,
    "GET",
    "/v1/debates/{ref}/receipt",
    answer=ReceiptOut,
    errors=(*READ_ONE_ERRORS, _CONFLICT),
)
def get_receipt(request: ApiRequest, ref: str) -> HttpResponse:
    """A signed receipt of a debate that is over: what was asked of whom, under which rules, what
    came of it, and a digest of everything that was said."""
    debate = debate_of(request, ref)
    content = canonical_json(signed_receipt(debate)).decode("utf-8", "surrogatepass")
    return _download(ExportedFile(f"{debate.slug}-receipt.json", JSON, content))


@endpoint(router, "POST", "/v1/receipts/verify", answer=CheckedOut, errors=WRITE_ERRORS)
def verify_receipt(request: ApiRequest, body: ReceiptIn) -> CheckedOut:
    """Whether this server signed a receipt, and the debate is still what it says. Nothing is
    stored."""
    checked = check_receipt(body.model_dump(), user=request.auth.user)
    return CheckedOut(
        valid=checked.valid,
        signature=checked.signature,
        debate=checked.debate,
        message=_said(checked),
        public_key=signing.public_key(),
    )


@endpoint(router, "GET", "/v1/receipts/key", answer=SigningKeyOut, errors=READ_ERRORS)
def get_signing_key(request: ApiRequest) -> SigningKeyOut:
    """The public key that receipts of this server are checked with, by anybody, anywhere."""
    return SigningKeyOut(algorithm=signing.ALGORITHM, public_key=signing.public_key())


def _download(file: ExportedFile) -> HttpResponse:
    response = HttpResponse(
        file.mark.encode() + _encoded(file),
        content_type=file.content_type,
        headers=_KEPT_NOWHERE,
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{file.filename}"'
    return response


def _encoded(file: ExportedFile) -> bytes:
    """UTF-8, which has nothing for half of a surrogate pair, as an old row may hold one: JSON can
    name it, so that a digest of it stays right; elsewhere there is a question mark."""
    instead = "backslashreplace" if file.content_type == JSON else "replace"
    return file.content.encode("utf-8", instead)


_SIGNATURES = {
    SignatureState.GOOD: "This server signed the receipt, and it is unchanged.",
    SignatureState.OTHER_KEY: "The receipt is unchanged, but signed with another key than this "
    "server's: ask whose key it is. It was compared with no debate here.",
    SignatureState.BAD: "The receipt is not what was signed.",
}
_DEBATES = {
    DebateState.SAME: " The debate here is still what it says: question, context, documents, "
    "panel, protocol, verdict, times and transcript.",
    DebateState.DIFFERS: " But the debate here is not what it says any more.",
    DebateState.NOT_CHECKED: " There is no such debate here that you can read, so it was compared "
    "with none.",
}


def _said(checked: Checked) -> str:
    if checked.signature is not SignatureState.GOOD:
        return _SIGNATURES[checked.signature]
    return _SIGNATURES[checked.signature] + _DEBATES[checked.debate]
