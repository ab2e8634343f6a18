"""Bodies that clients send, in all the forms that are accepted, and what they mean.

Unknown fields are ignored, and named in the answer, so that a client of another version can talk
to this one. What the values may be is checked by the services; here is only form. These are
Pydantic's own models: django-ninja's take any object for an empty one.
"""

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    Strict,
    WithJsonSchema,
)

from debates.api.words import CONSENSUS_WORDS, rule_for
from debates.engine.types import HeardAs
from debates.exceptions import InvalidInput
from debates.models.audience import MAX_INTERVENTION_LENGTH, MAX_SUGGESTION_LENGTH
from debates.services.audience import DEFAULT_INTENSITY
from debates.services.creation import NewDebate, NewDocument
from debates.services.faults import UNSTORABLE, is_storable
from debates.services.interventions import KINDS

Whole = Annotated[int, Strict()]
"""A JSON whole number: not `true`, not `"3"`."""
YesNo = Annotated[bool, Strict()]

MAX_WARNINGS = 20

_INTERVENTIONS = ", ".join(f"`{kind}`" for kind in KINDS)

_NAME_KEYS = ("name", "agent", "agent_name", "id")
_TITLE_KEYS, _TEXT_KEYS, _SOURCE_KEYS = ("title", "name"), ("text", "content"), ("source", "url")


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError(UNSTORABLE)
    return text


def _agent_names(value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError("Use a list of agents' names")
    return [_agent_name(item) for item in value]


def _agent_name(item: Any) -> str:
    if isinstance(item, Mapping):
        item = next((item[key] for key in _NAME_KEYS if key in item), None)
    if not isinstance(item, str):
        raise ValueError('Give each agent as a name, or as an object like {"name": "…"}')
    return item


def _protocol(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _documents(value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError("Use a list of documents")
    return [_document(item) for item in value]


def _document(item: Any) -> dict[str, str]:
    parts = {"text": item} if isinstance(item, str) else item
    if not isinstance(parts, Mapping):
        raise ValueError('Give each document as a text, or as an object like {"title", "text"}')
    found = {
        "title": _first(parts, _TITLE_KEYS),
        "text": _first(parts, _TEXT_KEYS),
        "source": _first(parts, _SOURCE_KEYS),
    }
    if not all(isinstance(part, str) for part in found.values()):
        raise ValueError("The title, text and source of a document are texts")
    return found


def _first(parts: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((parts[key] for key in keys if parts.get(key) is not None), "")


class DocumentIn(BaseModel):
    """A text to argue from."""

    title: str = ""
    text: str
    source: str = ""


class ProtocolIn(BaseModel):
    """How the panel talks and decides."""

    name: str | None = Field(
        default=None,
        validation_alias=AliasChoices("name", "type", "protocol"),
        description="`adaptive` or `classic`.",
    )
    rounds: Whole | None = Field(default=None, description="1 to 12 exchanges.")
    consensus: str | None = Field(
        default=None,
        validation_alias=AliasChoices("consensus", "decision", "decision_mode"),
        description="The decision rule: " + ", ".join(f"`{word}`" for word in CONSENSUS_WORDS),
    )
    deadline_seconds: Whole | None = None


AgentNames = Annotated[
    list[str] | None,
    BeforeValidator(lambda value: None if value is None else _agent_names(value)),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            {"type": "string"},
                            {
                                "type": "object",
                                "properties": {"name": {"type": "string"}},
                                "required": ["name"],
                            },
                        ]
                    },
                },
                {"type": "null"},
            ]
        }
    ),
]


class CreateDebateIn(BaseModel):
    """A debate to start. Only the question is needed."""

    task: str | None = Field(
        default=None,
        description="The question, at most 10,000 characters.",
        examples=["Should we adopt microservices?"],
    )
    question: str | None = Field(default=None, description="Another name for `task`.")
    agents: AgentNames = Field(
        default=None, description="Names of agents. Left out: the default panel."
    )
    judge: str | None = Field(default=None, description="An agent from outside the panel.")
    protocol: Annotated[ProtocolIn | None, BeforeValidator(_protocol)] = Field(
        default=None, description="An object, or just the protocol's name."
    )
    rounds: Whole | None = Field(default=None, description="The same as `protocol.rounds`.")
    consensus: str | None = Field(
        default=None,
        validation_alias=AliasChoices("consensus", "decision", "decision_mode"),
        description="The same as `protocol.consensus`.",
    )
    context: str | None = None
    documents: Annotated[
        list[DocumentIn] | None,
        BeforeValidator(lambda value: None if value is None else _documents(value)),
    ] = Field(
        default=None, description="Texts to argue from: strings, or objects with title and text."
    )
    title: str | None = None
    tags: list[str] | None = None
    domain: str | None = None
    metadata: dict[str, Any] | None = None
    visibility: str | None = Field(default=None, description="`public`, `workspace` or `private`.")
    workspace: str | None = Field(
        default=None,
        description="The slug or id of the workspace that it belongs to. Left out: your own, or "
        "that of the API key.",
    )
    budget_limit_usd: Decimal | None = Field(
        default=None,
        validation_alias=AliasChoices("budget_limit_usd", "budget_usd"),
        description="US dollars at which the debate decides with what it has.",
    )
    budget_tokens: Whole | None = None
    deadline_seconds: Whole | None = Field(
        default=None, description="Seconds of running at which the debate decides with what it has."
    )
    seed: Whole | None = Field(default=None, description="Of everything random in the debate.")
    use_memory: YesNo | None = Field(
        default=None,
        description="false: show the panel nothing of what is remembered from earlier debates.",
    )
    autostart: YesNo | None = Field(
        default=None, description="false: store the debate, and start it later with /start."
    )


class UpdateDebateIn(BaseModel):
    """Whatever is given is changed."""

    title: str | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    visibility: str | None = Field(default=None, description="`public`, `workspace` or `private`.")


class DecideIn(BaseModel):
    """The rule to decide a stored transcript under."""

    mode: str = Field(
        validation_alias=AliasChoices("mode", "decision", "consensus"),
        description="A decision rule.",
        examples=["borda"],
    )


class ReasonIn(BaseModel):
    """An optional word on why; it is shown with the debate."""

    reason: Annotated[str, AfterValidator(_storable)] | None = Field(default=None, max_length=500)


class VoteIn(BaseModel):
    """A vote of the audience."""

    choice: str = Field(description="An answer that stands, or its candidate id.", examples=["Yes"])
    intensity: Whole = Field(default=DEFAULT_INTENSITY, description="How much, from 1 to 10.")


class SuggestionIn(BaseModel):
    """Something that the panel should consider."""

    suggestion: str = Field(
        validation_alias=AliasChoices("suggestion", "content"),
        description=f"At most {MAX_SUGGESTION_LENGTH} characters.",
    )


class InjectIn(BaseModel):
    """What somebody who steers a debate says to its panel."""

    type: str = Field(default=HeardAs.MESSAGE.value, description=f"One of {_INTERVENTIONS}.")
    content: str = Field(description=f"At most {MAX_INTERVENTION_LENGTH:,} characters.")
    apply_at_round: Whole | None = Field(
        default=None, description="The round whose exchange is shown it. 0 or left out: the next."
    )


class InterventionIn(InjectIn):
    """The same, saying what it is."""

    type: str = Field(description=f"One of {_INTERVENTIONS}.", examples=["constraint"])


class MessageIn(BaseModel):
    """A person's turn."""

    content: str = Field(description=f"At most {MAX_INTERVENTION_LENGTH:,} characters.")
    role: str = Field(default="user", description="`user`.")


class UserInputIn(BaseModel):
    """Something for the panel."""

    input: str = Field(validation_alias=AliasChoices("input", "content"))
    type: str = Field(
        default=HeardAs.SUGGESTION.value, description=f"`suggestion`, or one of {_INTERVENTIONS}."
    )


def new_debate(body: CreateDebateIn) -> NewDebate:
    """What the body asks for, in the project's own words.

    Raises `InvalidInput` where two names of one thing disagree, or a word is unknown."""
    protocol = body.protocol or ProtocolIn()
    if body.agents == []:
        message = "Name at least two agents, or leave the field out for the default panel."
        raise InvalidInput(message, fields=(("agents", message),))
    consensus = _one_of("consensus", body.consensus, protocol.consensus)
    asked: dict[str, Any] = {
        "question": _one_of("task", body.task, body.question, other="question") or "",
        "agents": tuple(body.agents or ()),
        "documents": tuple(
            NewDocument(document.title, document.text, document.source)
            for document in body.documents or ()
        ),
        "judge": body.judge,
        "protocol": protocol.name and protocol.name.strip().lower(),
        "decision": consensus and rule_for(consensus),
        "rounds": _one_of("rounds", body.rounds, protocol.rounds),
        "deadline_seconds": _one_of(
            "deadline_seconds", body.deadline_seconds, protocol.deadline_seconds
        ),
        "context": body.context,
        "title": body.title,
        "tags": tuple(body.tags or ()),
        "domain": body.domain,
        "metadata": body.metadata,
        "visibility": body.visibility,
        "workspace": body.workspace,
        "budget_usd": body.budget_limit_usd,
        "budget_tokens": body.budget_tokens,
        "seed": body.seed,
        "autostart": body.autostart,
        "use_memory": body.use_memory,
    }
    return NewDebate(**{name: value for name, value in asked.items() if value is not None})


def ignored_fields(
    given: Mapping[str, Any], body: type[CreateDebateIn] = CreateDebateIn
) -> list[str]:
    """A sentence for each field of a body to start a debate that means nothing here."""
    sentences = ignored(given, names_of(body), kind="field")
    protocol = given.get("protocol")
    if isinstance(protocol, Mapping):
        sentences += ignored(protocol, names_of(ProtocolIn), kind="field", within="protocol.")
    return sentences


def ignored(
    given: Iterable[str], known: Mapping[str, str], *, kind: str, within: str = ""
) -> list[str]:
    """A sentence for each name that is none of the keys of `known`, at most `MAX_WARNINGS`. Where
    it is close to one, the sentence asks whether the value of that was meant."""
    sentences = []
    for name in islice((name for name in given if name not in known), MAX_WARNINGS):
        shown = name[:64].encode(errors="replace").decode()
        sentence = f"unknown {kind} '{within}{shown}' was ignored"
        if close := difflib.get_close_matches(shown.lower(), known, n=1):
            sentence += f"; did you mean '{within}{known[close[0]]}'?"
        sentences.append(sentence)
    return sentences


def names_of(model: type[BaseModel]) -> dict[str, str]:
    """Every name that the fields of a body go by, each standing for itself."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [name]
        names += [choice for choice in choices if isinstance(choice, str)]
    return {name: name for name in names}


def in_the_clients_words(error: InvalidInput, given: Mapping[str, Any]) -> InvalidInput:
    """The error of a service, with its fields named as they are in the body that was given."""
    protocol = given.get("protocol")
    inner = protocol if isinstance(protocol, Mapping) else {}

    def word(*names: str) -> str:
        return next((name for name in names if name in given or name in inner), names[0])

    task_is_meant = given.get("task") is not None or "question" not in given
    names = {
        "question": "task" if "task" in given and task_is_meant else "question",
        "decision": word("consensus", "decision", "decision_mode"),
        "budget_usd": word("budget_limit_usd", "budget_usd"),
    }
    # The words of the two names of one thing that differ are the API's own already.
    names["task"], names["consensus"] = names["question"], names["decision"]
    messages = {"decision": f"Use one of {', '.join(CONSENSUS_WORDS)}."}
    fields = tuple(
        (names.get(field, field), messages.get(field, message)) for field, message in error.fields
    )
    distinct = dict.fromkeys(field for field, _ in fields)
    if len(distinct) == 1:
        return InvalidInput(f"{fields[0][0]}: {fields[0][1]}", fields=fields)
    if distinct:
        message = f"Correct these fields and try again: {', '.join(distinct)}."
        return InvalidInput(message, fields=fields)
    return error


def _one_of(field: str, first: Any, second: Any, *, other: str = "") -> Any:
    """The value that was given under either of two names."""
    if first is not None and second is not None and first != second:
        other = other or f"protocol.{field}"
        message = f"{field} and {other} differ. Send one of them."
        raise InvalidInput(message, fields=((field, message),))
    return second if first is None else first
