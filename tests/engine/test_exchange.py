"""adaptive, rounds 1 and up: who sees whom, and when the talk is over."""

from debates.engine.types import Ask, Call, Phase, StopReason
from tests.engine.panel import FAILURE, Move, Script, drafted, hold, next_of, setup_of

SPLIT = {"ada": "Nile", "ben": "Amazon", "cem": "Nile", "dora": "Amazon", "eli": "Yangtze"}


def exchange_of(seed: int = 0) -> tuple[Call, ...]:
    step = next_of(setup_of(5, seed=seed), drafted(**SPLIT))
    assert isinstance(step, Ask)
    assert (step.round, step.phase) == (1, Phase.EXCHANGE)
    return step.calls


def test_each_reader_sees_at_most_two_peers_that_disagree() -> None:
    for call in exchange_of():
        own = SPLIT[call.key.agent]
        assert 1 <= len(call.brief.peers) <= 2
        assert all(peer.answer != own for peer in call.brief.peers)


def test_the_two_peers_disagree_with_each_other_where_they_can() -> None:
    for seed in range(20):
        for call in exchange_of(seed):
            answers = {peer.answer for peer in call.brief.peers}
            others = set(SPLIT.values()) - {SPLIT[call.key.agent]}
            assert len(answers) == min(2, len(others))


def test_peers_are_letters_without_names() -> None:
    for call in exchange_of():
        assert [peer.letter for peer in call.brief.peers] == ["A", "B"][: len(call.peer_names)]
        for peer, name in zip(call.brief.peers, call.peer_names, strict=True):
            assert peer.answer == SPLIT[name]
            assert name not in (peer.letter, peer.answer)


def test_peers_are_drawn_anew_for_each_reader_round_and_seed() -> None:
    seen = {(call.key.agent, call.peer_names) for seed in range(30) for call in exchange_of(seed)}
    for name in SPLIT:
        assert len({peers for reader, peers in seen if reader == name}) > 2


def test_the_same_seed_draws_the_same() -> None:
    assert exchange_of(7) == exchange_of(7)


def test_each_reader_is_shown_its_own_standing_position() -> None:
    for call in exchange_of():
        assert call.brief.own is not None
        assert call.brief.own.answer == SPLIT[call.key.agent]


def test_it_stops_when_nobody_changed_an_answer() -> None:
    held = hold(setup_of(3), Script({"ada": "Nile", "ben": "Amazon", "cem": "Nile"}))
    assert held.phases() == [(0, Phase.DRAFT), (1, Phase.EXCHANGE), (1, Phase.VOTE)]
    assert held.verdict.stop_reason is StopReason.STABLE


def test_it_stops_without_a_vote_when_all_agree() -> None:
    script = Script(
        {"ada": "Nile", "ben": "Amazon", "cem": "Nile"},
        moves={("ben", 1): Move("Nile", "I took length for volume.")},
    )
    held = hold(setup_of(3), script)
    assert held.phases() == [(0, Phase.DRAFT), (1, Phase.EXCHANGE)]
    assert held.verdict.stop_reason is StopReason.UNANIMOUS
    assert held.verdict.supporting == ("ada", "ben", "cem")
    assert held.verdict.winners == ("ada", "cem")


def test_it_stops_after_the_last_round() -> None:
    moves = {("ada", number): Move(f"River {number}", "A step.") for number in (1, 2, 3)}
    held = hold(setup_of(3, rounds=3), Script({"ada": "Nile", "ben": "Amazon", "cem": "Po"}, moves))
    assert held.phases() == [
        (0, Phase.DRAFT),
        (1, Phase.EXCHANGE),
        (2, Phase.EXCHANGE),
        (3, Phase.EXCHANGE),
        (3, Phase.VOTE),
    ]
    assert held.verdict.stop_reason is StopReason.ROUNDS
    assert [flip.round for flip in held.verdict.flips] == [1, 2, 3]


def test_who_fails_in_an_exchange_keeps_its_position_and_is_asked_again() -> None:
    script = Script(
        {"ada": "Nile", "ben": "Amazon", "cem": "Po"},
        moves={("ben", 1): FAILURE, ("ada", 1): Move("Rhine", "A step.")},
    )
    held = hold(setup_of(3), script)
    second = [ask for ask in held.asks if ask.round == 2]
    (call,) = [call for call in second[0].calls if call.key.agent == "ben"]
    assert call.brief.own is not None
    assert call.brief.own.answer == "Amazon"


def test_what_the_audience_suggests_is_passed_on_to_the_exchange_alone() -> None:
    from debates.engine.planner import next_step
    from debates.engine.types import Heard, Spent

    setup = setup_of(3)
    draft = next_step(setup, [], Spent(), heard=(Heard("Think of tributaries."),))
    exchange = next_step(
        setup,
        drafted(ada="Nile", ben="Amazon", cem="Po"),
        Spent(),
        heard=(Heard("Think of tributaries."),),
    )
    assert isinstance(draft, Ask)
    assert isinstance(exchange, Ask)
    assert {call.brief.heard for call in draft.calls} == {()}
    assert {call.brief.heard for call in exchange.calls} == {(Heard("Think of tributaries."),)}


def test_long_rationales_are_shortened_for_others() -> None:
    from dataclasses import replace

    turns = drafted(ada="Nile", ben="Amazon", cem="Po")
    long = "A sentence of some length. " * 200
    turns[0] = replace(turns[0], outcome=replace(turns[0].outcome, rationale=long))
    step = next_of(setup_of(3), turns)
    assert isinstance(step, Ask)
    shown = [peer.rationale for call in step.calls for peer in call.brief.peers]
    assert max(map(len, shown)) <= 1200
    assert any(text.endswith("length. …") for text in shown)
