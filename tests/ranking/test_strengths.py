"""Bradley-Terry strengths: what they are, how sure they are, and that they are fitted again when it
is due."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from debates.caching import RATINGS
from debates.models import Match, MatchResult, Rating
from debates.ranking import refit as refitting
from debates.ranking.bradley_terry import MIN_GAMES, PRIOR, Outcome, Strength, fit
from debates.ranking.places import places
from debates.ranking.refit import refit_ratings
from debates.ranking.services import recompute_ratings
from tests.factories import make_rating

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = [f"agent-{number:02}" for number in range(12)]


def duel(winner: str, loser: str) -> Outcome:
    return Outcome((winner, loser), frozenset({winner}))


def season(debates: int, *, seed: int = 1) -> tuple[list[Outcome], dict[str, float]]:
    """Debates of three, each won by one with the chances of Luce's model, and the true strengths,
    which are 30 points apart."""
    dice = random.Random(seed)
    middle = (len(NAMES) - 1) / 2
    true = {name: 1500 + 30 * (place - middle) for place, name in enumerate(NAMES)}
    played = []
    for _ in range(debates):
        panel = tuple(sorted(dice.sample(NAMES, 3)))
        (winner,) = dice.choices(panel, [10 ** (true[name] / 400) for name in panel])
        played.append(Outcome(panel, frozenset({winner})))
    return played, true


@given(won=st.integers(0, 30), lost=st.integers(0, 30))
def test_two_agents_stand_where_the_likelihood_is_greatest(won: int, lost: int) -> None:
    found = fit([duel("ada", "ben")] * won + [duel("ben", "ada")] * lost, resamples=2)
    if not won + lost:
        assert found == {}
        return
    # By symmetry the strengths are p and 1/p.
    p = 10 ** ((found["ada"].value - found["ben"].value) / 800)
    expected = (won + lost) * p * p / (p * p + 1) + PRIOR * p / (p + 1)
    assert expected == pytest.approx(won + PRIOR / 2, abs=1e-3)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = [
        found[name].low <= true[name] <= found[name].high
        for seed in range(3)
        for played, true in [season(600, seed=seed)]
        for found in [fit(played)]
        for name in NAMES
    ]
    assert fmean(held) > 0.85


def test_the_same_debates_give_the_same_bits() -> None:
    played, _ = season(300)
    assert fit(played) == fit(list(played))
    assert fit(played, seed=1) != fit(played, seed=2)


@given(
    st.lists(
        st.sets(st.sampled_from(NAMES[:5]), min_size=2).flatmap(
            lambda panel: st.builds(
                Outcome,
                st.just(tuple(sorted(panel))),
                st.frozensets(st.sampled_from(sorted(panel))),
            )
        ),
        min_size=1,
        max_size=30,
    )
)
def test_whatever_is_played_every_strength_is_a_number_within_its_interval(
    played: list[Outcome],
) -> None:
    found = fit(played, resamples=10)
    assert list(found) == sorted({name for debate in played for name in debate.agents})
    assert fmean(strength.value for strength in found.values()) == pytest.approx(1500, abs=1e-3)
    for strength in found.values():
        assert strength.low <= strength.value <= strength.high
        assert abs(strength.value) < 10_000


def test_who_both_won_were_not_compared() -> None:
    together = Outcome(("ada", "ben", "cleo"), frozenset({"ada", "ben"}))
    found = fit([together] * 20, resamples=2)
    assert found["ada"].value == found["ben"].value > found["cleo"].value
    assert fit([Outcome(("ada", "ben"), frozenset())], resamples=2)["ada"] == Strength(
        1500.0, 1500.0, 1500.0, 1
    )


def test_overlapping_intervals_are_ties() -> None:
    assert places([(1600, 1700), (1500, 1650), (1400, 1450)]) == [(1, 2), (1, 2), (3, 3)]
    assert places([(1500, 1600), (1600, 1700)]) == [(1, 2), (1, 2)]
    assert places([]) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=12))
def test_a_place_leaves_room_for_everybody(raw: list[tuple[int, int]]) -> None:
    intervals = [(float(low), float(low + width)) for low, width in raw]
    found = places(intervals)
    for (low, high), (best, worst) in zip(intervals, found, strict=True):
        assert 1 <= best <= worst <= len(intervals)
        surely_better = sum(other > high for other, _ in intervals)
        surely_worse = sum(other < low for _, other in intervals)
        assert best - 1 == surely_better
        assert len(intervals) - worst == surely_worse


# --- Refits ------------------------------------------------------------------------------------


def play(winner: str, loser: str, *, domain: str = "law", times: int = 1) -> None:
    """Matches in the log. The ratings follow with the next recomputation."""
    for _ in range(times):
        match = Match.objects.create(domain=domain, created_at=NOW)
        for agent in (winner, loser):
            MatchResult.objects.create(
                match=match,
                agent=agent,
                won=agent == winner,
                **dict.fromkeys(
                    ("elo_before", "elo_after", "domain_elo_before", "domain_elo_after"), 0.0
                ),
            )


@pytest.fixture
def played(transactional_db: None) -> None:
    play("ada", "ben", times=MIN_GAMES)
    play("ben", "cleo", domain="art", times=MIN_GAMES - 1)
    recompute_ratings(now=NOW)


@pytest.mark.usefixtures("played")
class TestRefits:
    def test_strengths_are_told_from_ten_debates_on(self) -> None:
        assert refit_ratings(now=NOW).domains == ("", "art", "law")
        told = Rating.objects.filter(bt__isnull=False).values_list("domain", "agent")
        assert set(told) == {("", "ada"), ("", "ben"), ("law", "ada"), ("law", "ben")}
        ada = Rating.objects.get(domain="law", agent="ada")
        assert ada.bt_low <= ada.bt <= ada.bt_high

    def test_only_what_has_grown_is_fitted_again(self) -> None:
        refit_ratings(now=NOW)
        assert refit_ratings(now=NOW).domains == ()
        play("cleo", "ben", domain="art")
        recompute_ratings(now=NOW)
        assert refit_ratings(now=NOW).domains == ("", "art")
        assert Rating.objects.get(domain="art", agent="cleo").bt is not None

    def test_a_match_that_comes_meanwhile_makes_it_due_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outcomes = refitting._outcomes

        def and_one_more(domain: str) -> Any:
            found = outcomes(domain)
            play("ada", "ben")
            recompute_ratings(now=NOW)
            return found

        monkeypatch.setattr(refitting, "_outcomes", and_one_more)
        refit_ratings(now=NOW)
        monkeypatch.undo()
        assert "law" in refit_ratings(now=NOW).domains

    def test_a_rating_that_drifted_is_put_right(self) -> None:
        assert refit_ratings(now=NOW).differences == 0
        right = list(Rating.objects.order_by("pk").values("pk", "elo", "games"))
        Rating.objects.filter(domain="law", agent="ada").update(elo=1999.0)
        Rating.objects.filter(domain="", agent="ben").update(games=1)
        assert refit_ratings(now=NOW).differences == 2
        assert list(Rating.objects.order_by("pk").values("pk", "elo", "games")) == right

    def test_they_are_in_the_api_and_on_the_page(self, client: Client) -> None:
        page = client.get("/leaderboard/").content.decode()
        assert "Strength" not in page
        refit_ratings(now=NOW)
        make_rating("dora", games=1)
        RATINGS.forget()
        rows = {row["name"]: row for row in client.get("/api/v1/leaderboard").json()["rankings"]}
        ada, ben, dora = rows["ada"], rows["ben"], rows["dora"]
        assert ada["bt_low"] <= ada["bt"] <= ada["bt_high"]
        assert ada["bt_low"] > ben["bt_high"]
        assert [(row["place_best"], row["place_worst"]) for row in (ada, ben, dora)] == [
            (1, 1),
            (2, 2),
            (None, None),
        ]
        page = client.get("/leaderboard/").content.decode()
        assert f"{ada['bt']:.0f} <span" in page
        assert "Strength" in page
