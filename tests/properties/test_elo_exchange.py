"""What holds of every rated debate, whatever the ratings and whoever won."""

from math import fsum, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debates.ranking.elo import INITIAL_RATING, K_FACTOR, expected_score, rate_debate

rating = st.floats(0.0, 4000.0, allow_nan=False)
agents = st.text("abcdefghij-0123456789", min_size=1, max_size=8)
panels = st.dictionaries(agents, rating, min_size=2, max_size=10)


@st.composite
def debates(draw: st.DrawFn) -> tuple[dict[str, float], frozenset[str]]:
    ratings = draw(panels)
    return ratings, frozenset(draw(st.sets(st.sampled_from(sorted(ratings)))))


@given(debates())
def test_points_are_exchanged_never_made(debate: tuple[dict[str, float], frozenset[str]]) -> None:
    ratings, winners = debate
    after = rate_debate(ratings, winners)
    assert isclose(fsum(after.values()), fsum(ratings.values()), rel_tol=1e-12, abs_tol=1e-9)


@given(debates(), st.randoms(use_true_random=False))
def test_the_order_of_the_panel_changes_no_bit(debate, random) -> None:  # type: ignore[no-untyped-def]
    ratings, winners = debate
    shuffled = list(ratings.items())
    random.shuffle(shuffled)
    assert rate_debate(dict(shuffled), winners) == rate_debate(ratings, winners)


@given(debates())
def test_one_debate_moves_a_rating_by_k_at_most(
    debate: tuple[dict[str, float], frozenset[str]],
) -> None:
    ratings, winners = debate
    after = rate_debate(ratings, winners)
    assert all(abs(after[agent] - ratings[agent]) <= K_FACTOR * (1 + 1e-9) for agent in ratings)


@given(debates())
def test_winning_is_never_worse_than_losing(
    debate: tuple[dict[str, float], frozenset[str]],
) -> None:
    ratings, winners = debate
    after = rate_debate(ratings, winners)
    for loser in ratings.keys() - winners:
        assert rate_debate(ratings, winners | {loser})[loser] >= after[loser]


@given(debates())
def test_a_sole_winner_gains_and_those_beaten_alone_lose(
    debate: tuple[dict[str, float], frozenset[str]],
) -> None:
    ratings, _ = debate
    champion = min(ratings)
    after = rate_debate(ratings, frozenset({champion}))
    assert after[champion] >= ratings[champion]


@given(st.sets(agents, min_size=2, max_size=10), st.data())
def test_among_equals_winners_never_lose_and_others_never_gain(
    names: set[str], data: st.DataObject
) -> None:
    winners = frozenset(data.draw(st.sets(st.sampled_from(sorted(names)))))
    after = rate_debate(dict.fromkeys(names, INITIAL_RATING), winners)
    for name in names:
        if name in winners:
            assert after[name] >= INITIAL_RATING
        else:
            assert after[name] <= INITIAL_RATING


@given(rating, rating)
def test_expectations_of_two_add_up_to_one_game(one: float, other: float) -> None:
    total = expected_score(one, other) + expected_score(other, one)
    assert isclose(total, 1.0, rel_tol=1e-12)


@given(panels)
def test_a_debate_that_nobody_or_everybody_won_is_all_draws(ratings: dict[str, float]) -> None:
    assert rate_debate(ratings, frozenset()) == rate_debate(ratings, frozenset(ratings))


def test_two_equals_exchange_half_of_k() -> None:
    assert rate_debate({"ada": 1500.0, "ben": 1500.0}, frozenset({"ada"})) == {
        "ada": 1516.0,
        "ben": 1484.0,
    }


@pytest.mark.parametrize(
    ("ratings", "winners"),
    [({"ada": 1500.0}, frozenset()), ({"ada": 1500.0, "ben": 1500.0}, frozenset({"cleo"}))],
)
def test_what_is_no_debate_is_refused(ratings: dict[str, float], winners: frozenset[str]) -> None:
    with pytest.raises(ValueError, match="debate"):
        rate_debate(ratings, winners)
