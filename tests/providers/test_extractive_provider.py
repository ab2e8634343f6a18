"""Extractive agents as a provider: labelled, free of charge, paced, and never in the loop's way."""

import asyncio

import pytest
from django.conf import settings

from debates.engine import replies
from debates.engine.positions import candidate_id
from debates.engine.types import Brief, Call, CallKey, Choice, Document, Phase, Usage
from debates.providers.base import Completion, Delta
from debates.providers.extractive.composing import compose
from debates.providers.extractive.corpus import CORPUS
from debates.providers.extractive.personas import DEFAULT_PERSONAS
from debates.providers.extractive.provider import MODEL, ExtractiveProvider, pieces, reads_long
from debates.providers.gateway import Gateway
from debates.providers.registry import get_provider
from tests.factories import make_spec

SPEC = make_spec("extractive-advocate")


def call(phase: Phase = Phase.DRAFT, documents: tuple[Document, ...] = CORPUS) -> Call:
    brief = Brief(
        question="Should cities make public transport free?",
        context="",
        documents=documents,
        persona=DEFAULT_PERSONAS[0].description,
        choices=(
            Choice("A", candidate_id("Yes"), "Yes", "Nothing."),
            Choice("B", candidate_id("No"), "No", "Nothing either."),
        ),
    )
    return Call(CallKey(0, phase, SPEC.name), brief, 1024)


async def listen(provider: ExtractiveProvider, to: Call) -> tuple[list[str], Completion]:
    *deltas, completion = [item async for item in provider.stream(SPEC, to)]
    assert isinstance(completion, Completion)
    return [delta.text for delta in deltas if isinstance(delta, Delta)], completion


async def test_the_deltas_are_the_text() -> None:
    deltas, completion = await listen(ExtractiveProvider(words_per_second=10_000), call())
    assert "".join(deltas) == completion.text == replies.write(call(), compose(call()))
    assert completion.finish_reason == "stop"


async def test_at_no_pace_everything_is_said_at_once() -> None:
    deltas, _ = await listen(ExtractiveProvider(words_per_second=0), call())
    assert len(deltas) == 1


def test_the_pace_is_the_settings() -> None:
    assert ExtractiveProvider().words_per_second == settings.ARAGORA.extractive_words_per_second
    assert ExtractiveProvider(words_per_second=7).words_per_second == 7


async def test_words_come_in_small_pieces_at_the_pace_asked_for() -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    deltas, completion = await listen(ExtractiveProvider(90, sleep=wait), call())
    words = len(completion.text.split())
    assert all(len(delta.split()) <= 4 for delta in deltas)
    assert sum(waits) == pytest.approx(words / 90, abs=0.1)


def test_pieces_keep_every_character() -> None:
    text = "  One two\nthree\n\n- four five  "
    assert "".join(pieces(text, 2)) == text
    assert list(pieces("one two three", 2)) == ["one two ", "three"]


async def test_nothing_is_charged_and_the_label_is_honest() -> None:
    _, completion = await listen(ExtractiveProvider(words_per_second=0), call())
    assert completion.usage == Usage()
    assert completion.model == MODEL
    assert "not a language model" in MODEL
    assert all("not a language model" in p.description.lower() for p in DEFAULT_PERSONAS)
    reach = await ExtractiveProvider().check(SPEC)
    assert reach.reachable
    assert "not a language model" in reach.detail


@pytest.mark.parametrize("phase", [Phase.VOTE, Phase.JUDGE])
async def test_ballots_are_forms(phase: Phase) -> None:
    completion = await ExtractiveProvider().choose(SPEC, call(phase))
    assert completion.data is not None
    assert set(completion.data) == set(replies.form_for(phase).__dataclass_fields__)
    assert replies.parse(call(phase), completion.text) == replies.parse(
        call(phase), "", completion.data
    )


async def test_the_gateway_reads_its_answers() -> None:
    heard: list[str] = []
    gateway = Gateway(provider_of=lambda _: ExtractiveProvider(words_per_second=0))
    reply, completion = await gateway.ask(
        SPEC, call(), on_delta=lambda text, _: heard.append(text), deadline_seconds=30
    )
    assert reply == compose(call())
    assert "".join(heard) == completion.text
    assert completion.cost_usd == 0


def test_the_registry_knows_it() -> None:
    assert isinstance(get_provider("extractive"), ExtractiveProvider)


async def test_a_stream_can_be_left_in_the_middle() -> None:
    stream = ExtractiveProvider(words_per_second=1000).stream(SPEC, call())
    assert isinstance(await anext(stream), Delta)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@pytest.mark.parametrize(("characters", "long"), [(1000, False), (1_000_000, True)])
async def test_a_megabyte_is_read_in_a_thread(characters: int, long: bool) -> None:
    text = (CORPUS[5].text + "\n\n") * (characters // len(CORPUS[5].text) + 1)
    asked = call(documents=(Document(1, "Long", text[:characters]),))
    assert reads_long(asked) is long
    _, completion = await listen(ExtractiveProvider(words_per_second=0), asked)
    assert completion.text == replies.write(asked, compose(asked))


async def test_agents_that_start_together_share_one_reading() -> None:
    text = (CORPUS[5].text + "\n\n") * 20
    asked = call(documents=(Document(1, "Long", text),))
    provider = ExtractiveProvider(words_per_second=0)
    said = await asyncio.gather(*(listen(provider, asked) for _ in range(3)))
    assert len({completion.text for _, completion in said}) == 1
