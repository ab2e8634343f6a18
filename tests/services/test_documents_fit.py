"""Documents that do not fit the smallest context are refused before anything is asked."""

import re
from dataclasses import replace

import pytest
from django.utils import timezone

from debates.engine.budget import estimate_tokens
from debates.engine.types import Document, Setup
from debates.exceptions import InvalidInput
from debates.models import Debate
from debates.providers.base import AgentSpec
from debates.services.creation import NewDebate, NewDocument, create_debate
from debates.services.fit import fit_documents, fit_setup
from debates.services.panels import panelist_of
from tests.factories import make_model_agent, make_model_spec, make_spec, make_user

WORDS = "The tram cut traffic by a tenth. "


def setup_of(specs: tuple[AgentSpec, ...], text: str) -> Setup:
    return Setup(
        question="Should the town build the tram?",
        panel=tuple(map(panelist_of, specs)),
        documents=(Document(1, "Tram", text),) if text else (),
    )


def test_what_fits_passes_in_silence() -> None:
    documents = [Document(1, "Tram", WORDS * 10)]
    fit_documents(documents=documents, context_tokens=estimate_tokens("Tram\n" + WORDS * 10))


def test_one_token_too_many_is_refused_and_named() -> None:
    documents = [Document(1, "Tram", WORDS * 10)]
    needed = estimate_tokens("Tram\n" + WORDS * 10)
    with pytest.raises(InvalidInput, match=r"about 1 tokens too long") as refused:
        fit_documents(documents=documents, context_tokens=needed - 1)
    assert refused.value.fields[0][0] == "documents"


def test_the_smallest_context_decides() -> None:
    large, small = make_model_spec("ada", context_tokens=100_000), make_model_spec("ben")
    setup = setup_of((large, small), WORDS * 2000)
    fit_setup(setup=setup, specs=(large,))
    with pytest.raises(InvalidInput, match="Give fewer or shorter documents"):
        fit_setup(setup=setup, specs=(large, small))


def test_the_judge_reads_them_too() -> None:
    panel, judge = make_model_spec("ada", context_tokens=100_000), make_model_spec("judge")
    with pytest.raises(InvalidInput):
        fit_setup(setup=setup_of((panel,), WORDS * 2000), specs=(panel, judge))


def test_the_question_and_the_answers_need_room_as_well() -> None:
    spec = make_model_spec("ada", context_tokens=4096)
    text = WORDS * (4096 * 4 // len(WORDS) // 2)
    assert estimate_tokens(text) < spec.context_tokens
    with pytest.raises(InvalidInput):
        fit_setup(setup=setup_of((spec,), text), specs=(spec,))


def test_agents_that_are_no_language_models_read_any_length() -> None:
    spec = make_spec("ada", context_tokens=1024)
    fit_setup(setup=setup_of((spec,), WORDS * 20_000), specs=(spec,))


def test_a_debate_without_documents_fits_any_common_context() -> None:
    spec = make_model_spec("ada", context_tokens=4096, max_output_tokens=4096)
    fit_setup(setup=setup_of((spec,), ""), specs=(spec,))


@pytest.mark.parametrize("field", ["question", "context"])
def test_a_question_or_a_context_that_does_not_fit_is_named(field: str) -> None:
    spec = make_model_spec("ada", context_tokens=4096)
    setup = replace(setup_of((spec,), ""), **{field: WORDS * 500})
    with pytest.raises(InvalidInput, match=f"The {field} is about") as refused:
        fit_setup(setup=setup, specs=(spec,))
    assert refused.value.fields[0][0] == field


@pytest.mark.django_db
def test_nothing_is_created_when_they_do_not_fit() -> None:
    for name in ("ada", "ben"):
        make_model_agent(name, context_tokens=4096)
    request = NewDebate(
        question="Should the town build the tram?",
        documents=(NewDocument("Tram", WORDS * 2000),),
    )
    with pytest.raises(InvalidInput) as refused:
        create_debate(request=request, owner=make_user("alice"), now=timezone.now())
    assert refused.value.fields[0][0] == "documents"
    assert re.search(r"about [\d,]+ tokens too long", str(refused.value))
    assert not Debate.objects.exists()
