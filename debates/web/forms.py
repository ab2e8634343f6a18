"""The form that starts a debate.

The form only turns strings into types. What makes a debate valid is decided by
`debates.services.creation`, whose findings `add_findings` puts beside the fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import QueryDict

from aragora_site.errors import AragoraError
from debates.choices import Visibility
from debates.engine.types import DEFAULT_ROUNDS, DecisionMode, ProtocolName
from debates.exceptions import InvalidInput
from debates.models.debate import MAX_QUESTION_LENGTH, MAX_ROUNDS, MIN_ROUNDS
from debates.selectors.preferences import Preferred
from debates.services.creation import NewDebate, NewDocument
from debates.services.documents import read_upload
from debates.services.panels import LEAST_PANEL_SIZE
from debates.web.words import DECISIONS, PROTOCOLS, VISIBILITIES, Word
from ratelimit.models import Role
from ratelimit.workspaces import my_workspaces

COMMON_QUESTION = "Should a company of two hundred people move to a four-day week?"


@dataclass(frozen=True, slots=True)
class Pasted:
    """A document as it stands in the form. Uploads become texts too, so that an error elsewhere
    in the form does not lose them."""

    title: str = ""
    text: str = ""
    source: str = ""


def rounds_field() -> forms.IntegerField:
    """How many rounds at most."""
    return forms.IntegerField(
        required=False,
        initial=DEFAULT_ROUNDS,
        min_value=MIN_ROUNDS,
        max_value=MAX_ROUNDS,
        error_messages={
            "invalid": "Use a whole number.",
            "min_value": f"Use {MIN_ROUNDS} to {MAX_ROUNDS} rounds.",
            "max_value": f"Use {MIN_ROUNDS} to {MAX_ROUNDS} rounds.",
        },
    )


def budget_field() -> forms.DecimalField:
    """US dollars, or nothing for no limit."""
    return forms.DecimalField(
        required=False,
        error_messages={"invalid": "Use an amount in dollars, such as 0.50."},
    )


def plain_amount(amount: Decimal | None) -> str:
    """As a person would write it into the field."""
    return "" if amount is None else f"{amount.normalize():f}"


class AgentNames(forms.MultipleChoiceField):
    """Names that the service will look up: it can say why one of them cannot be asked."""

    def valid_value(self, value: Any) -> bool:
        return True


def unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n")


class SummedUpForm(forms.Form):
    """A form that can say in one place what is wrong."""

    @property
    def summary(self) -> list[tuple[str, str]]:
        """All that is wrong: (field or "", sentence), in the order of the page."""
        order = ["", *self.fields]
        found = [
            ("" if field == NON_FIELD_ERRORS else field, str(message))
            for field, messages in self.errors.items()
            for message in messages
        ]
        return sorted(found, key=lambda pair: order.index(pair[0]))


class DebateForm(SummedUpForm):
    """What a person may choose for a debate. Bound to POST data and files."""

    question = forms.CharField(error_messages={"required": "Ask a question."})
    documents = forms.CharField(required=False)
    """Carries errors; the texts themselves are in `DebateForm.pasted`."""
    agents = AgentNames(required=False)
    protocol = forms.CharField(required=False, initial=ProtocolName.ADAPTIVE.value)
    decision = forms.CharField(required=False, initial=DecisionMode.AUTO.value)
    rounds = rounds_field()
    budget_usd = budget_field()
    workspace = forms.CharField(required=False)
    visibility = forms.CharField(required=False)
    ignore_memory = forms.BooleanField(required=False)
    seed = forms.IntegerField(required=False, error_messages={"invalid": "Use a whole number."})

    def __init__(
        self,
        data: QueryDict | None = None,
        files: Any = None,
        *,
        user: AbstractBaseUser | AnonymousUser,
        agents: Sequence[str] = (),
        preferred: Preferred | None = None,
    ) -> None:
        """`agents` and `preferred` are what is chosen when nobody has chosen yet."""
        super().__init__(data, files)
        self.user = user
        self._begin_with(preferred or Preferred())
        self.fields["agents"].initial = list(agents)
        self.fields["visibility"].initial = Visibility.PRIVATE.value
        self.pasted: list[Pasted] = []
        self.unreadable: list[str] = []
        """What is wrong with uploads, a sentence each."""
        if data is not None:
            self._read_documents(data)

    def _begin_with(self, preferred: Preferred) -> None:
        self.preferred = preferred
        self.fields["protocol"].initial = preferred.protocol
        self.fields["decision"].initial = preferred.decision
        self.fields["rounds"].initial = preferred.rounds
        self.fields["budget_usd"].initial = plain_amount(preferred.budget_usd)
        self.fields["ignore_memory"].initial = not preferred.use_memory

    def build_on(self, *, question: str, earlier: Pasted) -> None:
        """Begin with a question that was debated before, and what came of it as a document."""
        self.fields["question"].initial = question
        self.pasted = [earlier]

    def _read_documents(self, data: QueryDict) -> None:
        """The pasted texts in their order, then the uploads that can be read."""
        titles, texts = data.getlist("document_title"), data.getlist("document_text")
        sources = data.getlist("document_source")
        for number, text in enumerate(texts):
            title = titles[number].strip() if number < len(titles) else ""
            source = sources[number].strip() if number < len(sources) else ""
            if title or text.strip():
                self.pasted.append(Pasted(title, unix_lines(text), source))
        for upload in self.files.getlist("uploads") if self.files else ():
            try:
                document = read_upload(name=upload.name or "", content=upload.read())
            except InvalidInput as error:
                self.unreadable.append(str(error))
            else:
                self.pasted.append(Pasted(document.title, document.text, document.source))

    def clean_question(self) -> str:
        question = unix_lines(cast(str, self.cleaned_data["question"]))
        if len(question) > MAX_QUESTION_LENGTH:
            raise forms.ValidationError(
                f"Use at most {MAX_QUESTION_LENGTH:,} characters; these are {len(question):,}."
            )
        return question

    def clean_agents(self) -> list[str]:
        names = cast(list[str], self.cleaned_data["agents"])
        if not names:
            # The default panel is what the form begins with; who unticks it wants another.
            raise forms.ValidationError(f"Choose at least {LEAST_PANEL_SIZE} agents.")
        return names

    def clean(self) -> dict[str, Any]:
        for message in self.unreadable:
            self.add_error("documents", message)
        return self.cleaned_data

    def request(self, question: str = "") -> NewDebate:
        """What the person asks for. Where a field is wrong, or `question` is given, that is what
        the form begins with: good for finding what else is wrong, not for a debate."""
        given = dict.fromkeys(self.fields) | self.cleaned_data
        return NewDebate(
            question=question or given["question"] or COMMON_QUESTION,
            documents=tuple(NewDocument(p.title, p.text, p.source) for p in self.pasted),
            agents=tuple(given["agents"] or ()),
            protocol=given["protocol"] or ProtocolName.ADAPTIVE.value,
            decision=given["decision"] or DecisionMode.AUTO.value,
            rounds=DEFAULT_ROUNDS if given["rounds"] is None else given["rounds"],
            budget_usd=given["budget_usd"],
            seed=given["seed"],
            workspace=(given["workspace"] or None) if self.user.is_authenticated else None,
            use_memory=not given["ignore_memory"],
            visibility=(given["visibility"] or None) if self.user.is_authenticated else None,
        )

    def request_for_estimate(self) -> NewDebate | None:
        """What to estimate: the request; before anybody wrote anything, the one that the form
        begins with. None when a field is wrong, other than for a question that is missing."""
        if not self.is_bound:
            return NewDebate(
                question=COMMON_QUESTION,
                agents=tuple(self.fields["agents"].initial),
                protocol=self.preferred.protocol,
                decision=self.preferred.decision,
                rounds=self.preferred.rounds,
                budget_usd=self.preferred.budget_usd,
                use_memory=self.preferred.use_memory,
            )
        if not self["question"].value() and set(self.errors) == {"question"}:
            return self.request(COMMON_QUESTION)
        return self.request() if self.is_valid() else None

    def add_findings(self, error: AragoraError) -> None:
        """Put what the service found beside the fields it is about, but for those that are known
        to be wrong: what stood in for them is nobody's fault."""
        known = set(self.errors)
        for field, message in error.fields or (("", str(error)),):
            if field in known:
                continue
            self.add_error(field if field in self.fields else None, message)

    @property
    def documents_shown(self) -> list[Pasted]:
        """What stands in the form; one empty text when there is nothing yet."""
        return self.pasted or [Pasted()]

    @property
    def chosen_agents(self) -> frozenset[str]:
        return frozenset(self["agents"].value() or ())


@dataclass(frozen=True, slots=True)
class Option:
    """A radio button."""

    value: str
    label: str
    line: str
    chosen: bool


def options(words: Iterable[tuple[str, Word]], chosen: str) -> tuple[Option, ...]:
    return tuple(Option(str(v), word.label, word.line, str(v) == chosen) for v, word in words)


def protocol_options(form: forms.Form) -> tuple[Option, ...]:
    return options(PROTOCOLS.items(), form["protocol"].value() or "")


def decision_options(form: forms.Form) -> tuple[Option, ...]:
    return options(DECISIONS.items(), form["decision"].value() or "")


def workspace_options(form: DebateForm) -> tuple[Option, ...]:
    """Where the person may start debates; nothing to choose from one."""
    chosen = form["workspace"].value() or ""
    found = [row for row in my_workspaces(form.user) if row.role != Role.VIEWER]
    if len(found) < 2:
        return ()
    return tuple(
        Option(row.workspace.slug, row.workspace.name, "", row.workspace.slug == chosen)
        for row in found
    )


def visibility_options(form: DebateForm) -> tuple[Option, ...]:
    return options(VISIBILITIES.items(), form["visibility"].value() or "")
