"""The ratings follow from the log of matches, bit for bit."""

import random
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from debates.engine.types import DecisionMode, DissentingView, Verdict
from debates.models import Match, MatchResult, Rating
from debates.ranking.services import recompute_ratings, record_match
from tests.factories import make_debate, make_model_spec, make_rating

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AGENTS = ("ada", "ben", "cleo", "dora", "emil", "fay")
FIGURES = ("agent", "domain", "elo", "games", "wins", "losses", "draws")
MATCHES = 40


@pytest.fixture
def history() -> None:
    """Matches of all sizes, in two domains, with every kind of outcome."""
    dice = random.Random(8)
    for _ in range(MATCHES):
        names = dice.sample(AGENTS, dice.randint(2, 6))
        winners = tuple(dice.sample(names, dice.randint(1, len(names))))
        debate = make_debate(
            panel=[make_model_spec(name) for name in names], domain=dice.choice(("law", "art"))
        )
        verdict = Verdict(
            reached=True,
            method=DecisionMode.BORDA,
            answer="Yes",
            winners=winners,
            confidence=0.5,
            agreement=0.5,
            supporting=winners,
            dissenting=tuple(DissentingView(n, "No", "") for n in names if n not in winners),
            candidates=(),
            tally={},
        )
        record_match(debate=debate, verdict=verdict, now=NOW)


def ratings() -> list[tuple[object, ...]]:
    return list(Rating.objects.order_by("domain", "agent").values_list(*FIGURES))


@pytest.mark.usefixtures("history")
class TestRecomputing:
    def test_a_replay_gives_the_same_bits(self) -> None:
        before = ratings()
        found = recompute_ratings(now=NOW)
        assert (found.matches, found.differences) == (MATCHES, ())
        Rating.objects.all().delete()
        recompute_ratings(now=NOW)
        assert ratings() == before

    def test_points_are_conserved(self) -> None:
        for domain in ("", "law", "art"):
            elos = Rating.objects.filter(domain=domain).values_list("elo", flat=True)
            assert sum(elos) == pytest.approx(1500.0 * len(elos), abs=1e-6)

    def test_what_somebody_changed_is_found_and_put_right(self) -> None:
        before = ratings()
        Rating.objects.filter(agent="ada", domain="law").update(elo=2000.0)
        Rating.objects.filter(agent="ben", domain="").update(wins=99)
        Rating.objects.filter(agent="cleo", domain="art").delete()
        make_rating("stranger")
        result = MatchResult.objects.order_by("pk")[3]
        MatchResult.objects.filter(pk=result.pk).update(elo_after=0.0)
        differences = recompute_ratings(now=NOW, write=False).differences
        assert differences == (
            f"result {result.pk} of {result.agent}: elo_after",
            "rating of ben in all domains: wins",
            "rating of stranger in all domains: no match for it",
            "rating of cleo in art: missing",
            "rating of ada in law: elo",
        )
        assert ratings() != before
        assert recompute_ratings(now=NOW).differences == differences
        assert ratings() == before
        assert recompute_ratings(now=NOW, write=False).differences == ()

    def test_the_command_puts_right_and_says_so(self) -> None:
        Rating.objects.filter(agent="ada", domain="").update(elo=1.0)
        with pytest.raises(CommandError, match="40 matches, 1 differences"):
            call_command("recompute_ratings", "--check", stdout=StringIO())
        assert Rating.objects.get(agent="ada", domain="").elo == 1.0
        out = StringIO()
        call_command("recompute_ratings", stdout=out)
        assert "rating of ada in all domains: elo" in out.getvalue()
        call_command("recompute_ratings", "--check", stdout=out)
        assert out.getvalue().endswith("40 matches, 0 differences.\n")

    def test_the_log_goes_by_id_whatever_the_dates_say(self) -> None:
        before = ratings()
        first = Match.objects.first()
        Match.objects.filter(pk=first.pk).update(created_at=datetime(2030, 1, 1, tzinfo=UTC))
        assert recompute_ratings(now=NOW).differences == ()
        assert ratings() == before


def test_without_matches_there_is_nothing_to_do() -> None:
    found = recompute_ratings(now=NOW)
    assert (found.matches, found.differences) == (0, ())
