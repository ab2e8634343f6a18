"""What a verdict does to the ratings, and which verdicts count."""

from datetime import UTC, datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from debates.engine.types import DecisionMode, DissentingView, Verdict
from debates.models import Debate, Match, MatchResult, Rating
from debates.models.rating import OVERALL
from debates.ranking.services import record_match
from tests.factories import make_debate, make_model_spec, make_rating, make_spec

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ("ada", "ben", "cleo")


def debate_of(*names: str, domain: str = "law") -> Debate:
    return make_debate(panel=[make_model_spec(name) for name in names], domain=domain)


def verdict(
    *winners: str, supporting: tuple[str, ...] = (), against: tuple[str, ...] = NAMES
) -> Verdict:
    """`winners` wrote the winning answer; everybody in `against` stood for another one."""
    behind = {*winners, *supporting}
    return Verdict(
        reached=bool(winners),
        method=DecisionMode.PLURALITY,
        answer="Yes" if winners else None,
        winners=winners,
        confidence=0.5,
        agreement=0.5,
        supporting=tuple(sorted(behind)),
        dissenting=tuple(DissentingView(a, "No", "") for a in against if a not in behind),
        candidates=(),
        tally={},
    )


def figures(domain: str = OVERALL) -> dict[str, tuple[float, int, int, int, int]]:
    return {
        rating.agent: (rating.elo, rating.games, rating.wins, rating.losses, rating.draws)
        for rating in Rating.objects.filter(domain=domain)
    }


def test_the_winner_takes_points_overall_and_in_the_domain() -> None:
    record_match(debate=debate_of(*NAMES), verdict=verdict("ada"), now=NOW)
    expected = {
        "ada": (1516.0, 1, 1, 0, 0),
        "ben": (1492.0, 1, 0, 1, 0),
        "cleo": (1492.0, 1, 0, 1, 0),
    }
    assert figures() == figures("law") == expected


def test_domains_are_rated_apart() -> None:
    record_match(debate=debate_of("ada", "ben"), verdict=verdict("ada"), now=NOW)
    record_match(debate=debate_of("ada", "ben", domain="art"), verdict=verdict("ben"), now=NOW)
    assert figures("law")["ada"][0] == figures("art")["ben"][0] == 1516.0
    assert figures()["ben"][:4] == (pytest.approx(1501.470, abs=0.001), 2, 1, 1)


def test_supporters_who_wrote_another_answer_first_win_nothing() -> None:
    """Credit goes to the author, not to those who came over."""
    record_match(debate=debate_of(*NAMES), verdict=verdict("ada", supporting=("ben",)), now=NOW)
    assert figures()["ben"] == (1492.0, 1, 0, 1, 0)


def test_two_authors_draw_with_each_other_and_beat_the_third() -> None:
    record_match(debate=debate_of(*NAMES), verdict=verdict("ada", "ben"), now=NOW)
    assert figures() == {
        "ada": (1508.0, 1, 1, 0, 0),
        "ben": (1508.0, 1, 1, 0, 0),
        "cleo": (1484.0, 1, 0, 1, 0),
    }


def test_where_all_won_all_drew() -> None:
    make_rating("ada", 1600.0, games=0)
    record_match(debate=debate_of("ada", "ben"), verdict=verdict("ada", "ben"), now=NOW)
    found = figures()
    assert found["ada"][1:] == found["ben"][1:] == (1, 0, 0, 1)
    assert found["ada"][0] < 1600.0
    assert found["ada"][0] + found["ben"][0] == pytest.approx(3100.0)


def test_the_payload_tells_the_change() -> None:
    debate = debate_of("ada", "ben")
    assert record_match(debate=debate, verdict=verdict("ben"), now=NOW) == {
        "debate_id": str(debate.pk),
        "domain": "law",
        "results": [
            {"agent": "ada", "won": False, "elo_before": 1500.0, "elo_after": 1484.0},
            {"agent": "ben", "won": True, "elo_before": 1500.0, "elo_after": 1516.0},
        ],
    }


def test_the_log_holds_both_ratings_before_and_after() -> None:
    make_rating("ada", 1700.0, games=0)
    record_match(debate=debate_of("ada", "ben"), verdict=verdict("ada"), now=NOW)
    assert Match.objects.get().created_at == NOW
    result = MatchResult.objects.get(agent="ada")
    assert (result.won, result.elo_before, result.domain_elo_before) == (True, 1700.0, 1500.0)
    assert result.elo_after == Rating.objects.get(agent="ada", domain=OVERALL).elo
    assert result.domain_elo_after == Rating.objects.get(agent="ada", domain="law").elo


@pytest.mark.parametrize(
    ("debate_names", "result"),
    [
        (NAMES, verdict()),
        (("ada",), verdict("ada", against=())),
        (NAMES, verdict("ada", against=())),
    ],
    ids=["nothing reached", "one agent", "one agent answered"],
)
def test_what_does_not_count(debate_names: tuple[str, ...], result: Verdict) -> None:
    assert record_match(debate=debate_of(*debate_names), verdict=result, now=NOW) is None
    assert not Match.objects.exists()
    assert not Rating.objects.exists()


def test_extractive_and_unrated_agents_stand_outside() -> None:
    debate = make_debate(
        panel=[
            make_spec("ada"),
            make_model_spec("ben"),
            make_model_spec("cleo"),
            make_model_spec("dora", rated=False),
        ]
    )
    against = (*NAMES, "dora")
    match = record_match(debate=debate, verdict=verdict("ben", against=against), now=NOW)
    assert [result["agent"] for result in match["results"]] == ["ben", "cleo"]
    assert set(figures()) == {"ben", "cleo"}


def test_a_panel_of_extractive_agents_is_no_match() -> None:
    debate = make_debate(panel=[make_spec(name) for name in NAMES])
    assert record_match(debate=debate, verdict=verdict("ada"), now=NOW) is None


def test_an_agent_that_never_answered_does_not_lose() -> None:
    record_match(debate=debate_of(*NAMES), verdict=verdict("ada", against=("ben",)), now=NOW)
    assert set(figures()) == {"ada", "ben"}


def test_the_size_of_the_panel_does_not_change_the_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for size in (2, 10):
        names = [f"agent-{number}" for number in range(size)]
        result = verdict("agent-0", against=tuple(names))
        record_match(debate=debate_of(*names), verdict=result, now=NOW)  # Makes the ratings.
        debate = debate_of(*names)
        # The ratings with their locks; match; results; ratings.
        with django_assert_num_queries(4):
            record_match(debate=debate, verdict=result, now=NOW)


def test_a_deleted_debate_leaves_its_match() -> None:
    debate = debate_of("ada", "ben")
    record_match(debate=debate, verdict=verdict("ada"), now=NOW)
    debate.delete()
    assert Match.objects.get().debate is None
    assert MatchResult.objects.count() == 2
