"""Writes the ratings, in the transaction that stores a verdict, and recomputes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from aragora_site.bulk import insert_returning, insert_rows, select_rows, update_rows
from debates.caching import RATINGS
from debates.choices import Origin
from debates.engine.types import Verdict
from debates.models import Debate, Match, MatchResult, Rating
from debates.models.rating import OVERALL
from debates.ranking.elo import INITIAL_RATING, rate_debate
from debates.streaming.events import MatchRecorded, RatingChange

Standings = Mapping[tuple[str, str], Rating]
"""Ratings by (domain, agent)."""

_FIGURES = ("elo", "games", "wins", "losses", "draws")
_RATING = (*_FIGURES, "updated_at")
_MATCH = ("debate_id", "domain", "created_at")
_RESULT = (
    *("match_id", "agent", "won"),
    *("elo_before", "elo_after", "domain_elo_before", "domain_elo_after"),
)


def counts_as_match(*, debate: Debate, verdict: Verdict) -> bool:
    """Whether `record_match` would rate the debate's agents. No query.

    A fork is none: its proposals were rated with its parent, and whoever might fork a debate until
    the right agent wins could make the ranking say anything."""
    if debate.origin == Origin.FORK or not (verdict.reached and verdict.winners):
        return False
    return len(_rated_agents(debate, verdict)) >= 2


def record_match(*, debate: Debate, verdict: Verdict, now: datetime) -> MatchRecorded | None:
    """Rate the debate's agents, in the caller's transaction; the payload of `match_recorded`.

    None when the debate does not count: nothing was reached, it is a fork, or fewer than two rated
    language models stood for an answer. An agent that never came to an answer (its server was
    down) is left out: it did not lose an argument."""
    if not counts_as_match(debate=debate, verdict=verdict):
        return None
    agents = _rated_agents(debate, verdict)
    standings = _locked_standings((OVERALL, debate.domain), agents)
    # After the locks, so that the ids of matches that share an agent follow the arithmetic.
    match = Match(debate=debate, domain=debate.domain, created_at=now)
    [match.pk] = insert_returning(Match, _MATCH, [(debate.pk, debate.domain, now)])
    won = {agent: agent in verdict.winners for agent in agents}
    results = _apply(match, won, standings)
    insert_rows(
        MatchResult,
        _RESULT,
        [(match.pk, *(getattr(result, name) for name in _RESULT[1:])) for result in results],
    )
    for rating in standings.values():
        rating.updated_at = now
    update_rows(
        Rating,
        _RATING,
        ("id",),
        [
            (*(getattr(rating, name) for name in _RATING), rating.pk)
            for rating in standings.values()
        ],
    )
    RATINGS.changed()
    return MatchRecorded(
        debate_id=str(debate.pk),
        domain=debate.domain,
        results=[
            RatingChange(
                agent=result.agent,
                won=result.won,
                elo_before=result.elo_before,
                elo_after=result.elo_after,
            )
            for result in results
        ],
    )


def _rated_agents(debate: Debate, verdict: Verdict) -> list[str]:
    """Rated language models of the panel that stood for an answer, in the order of names."""
    answered = {
        *verdict.winners,
        *verdict.supporting,
        *(view.agent for view in verdict.dissenting),
        *(flip.agent for flip in verdict.flips),
    }
    return sorted(
        spec["name"]
        for spec in debate.panel
        if spec["is_language_model"] and spec["rated"] and spec["name"] in answered
    )


def _locked_standings(
    domains: Iterable[str], agents: Iterable[str]
) -> dict[tuple[str, str], Rating]:
    """The ratings, locked in the order of (domain, agent), the missing ones made first.

    Rows are made before any is locked: two transactions that each held a lock and waited for the
    other's new row would wait for ever. Which are there already, this process remembers."""
    domains, agents = tuple(sorted(set(domains))), tuple(sorted(agents))
    keys = {(domain, agent) for domain in domains for agent in agents}
    if not keys <= _known:
        _make_missing(keys)
    locked = _lock(domains, agents)
    if len(locked) < len(keys):  # Somebody has deleted what was known.
        _make_missing(keys)
        locked = _lock(domains, agents)
    _known.update(keys)
    return locked


_known: set[tuple[str, str]] = set()


def _make_missing(keys: set[tuple[str, str]]) -> None:
    rows = Rating.objects.filter(
        domain__in={domain for domain, _ in keys}, agent__in={agent for _, agent in keys}
    )
    missing = keys - set(rows.values_list("domain", "agent"))
    Rating.objects.bulk_create(
        (Rating(domain=domain, agent=agent) for domain, agent in sorted(missing)),
        ignore_conflicts=True,
    )


def _lock(domains: tuple[str, ...], agents: tuple[str, ...]) -> dict[tuple[str, str], Rating]:
    names = ("id", "domain", "agent", *_FIGURES)
    rows = select_rows(
        Rating,
        names,
        {"domain": domains, "agent": agents},
        order_by=("domain", "agent"),
        lock=True,
    )
    return {row[1:3]: Rating(**dict(zip(names, row, strict=True))) for row in rows}


def _apply(match: Match, won: Mapping[str, bool], standings: Standings) -> list[MatchResult]:
    """Move the standings by one match; what it did to each agent, in the order of names."""
    winners = frozenset(agent for agent, has_won in won.items() if has_won)
    before: dict[str, dict[str, float]] = {}
    after: dict[str, dict[str, float]] = {}
    for domain in (OVERALL, match.domain):
        before[domain] = {agent: standings[domain, agent].elo for agent in won}
        after[domain] = rate_debate(before[domain], winners)
        for agent, has_won in won.items():
            _count(standings[domain, agent], after[domain][agent], has_won, len(winners), len(won))
    return [
        MatchResult(
            match=match,
            agent=agent,
            won=won[agent],
            elo_before=before[OVERALL][agent],
            elo_after=after[OVERALL][agent],
            domain_elo_before=before[match.domain][agent],
            domain_elo_after=after[match.domain][agent],
        )
        for agent in sorted(won)
    ]


def _count(rating: Rating, elo: float, has_won: bool, winners: int, agents: int) -> None:
    """One match more. Where all did equally well, all drew."""
    rating.elo = elo
    rating.games += 1
    if winners in (0, agents):
        rating.draws += 1
    elif has_won:
        rating.wins += 1
    else:
        rating.losses += 1


# --- Recomputing -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recomputation:
    """What a replay of all matches found."""

    matches: int
    differences: tuple[str, ...]
    """One sentence for each rating or result that is not, bit for bit, what the log gives."""


def recompute_ratings(*, now: datetime, write: bool = True) -> Recomputation:
    """Replay every match from the first; `write` puts right what differs.

    The log is who took part and who won (`Match`, `MatchResult.won`); all figures follow."""
    with transaction.atomic():
        # No match can be recorded for these agents meanwhile.
        stored = {
            (rating.domain, rating.agent): rating
            for rating in Rating.objects.select_for_update().order_by("domain", "agent")
        }
        standings: dict[tuple[str, str], Rating] = _Fresh()
        wrong_results: list[MatchResult] = []
        differences: list[str] = []
        count = 0
        matches = Match.objects.order_by("id").prefetch_related("results")
        for match in matches.iterator(chunk_size=500):
            count += 1
            rows = {result.agent: result for result in match.results.all()}
            for result in _apply(match, {name: row.won for name, row in rows.items()}, standings):
                if fault := _result_difference(rows[result.agent], result):
                    differences.append(fault)
                    result.pk = rows[result.agent].pk
                    wrong_results.append(result)
        differences += _rating_differences(stored, standings)
        if write and differences:
            _write(stored, standings, wrong_results, now)
    return Recomputation(count, tuple(differences))


class _Fresh(dict[tuple[str, str], Rating]):
    """Standings before the first match."""

    def __missing__(self, key: tuple[str, str]) -> Rating:
        domain, agent = key
        self[key] = rating = Rating(domain=domain, agent=agent, elo=INITIAL_RATING)
        return rating


_RESULT_FIGURES = ("elo_before", "elo_after", "domain_elo_before", "domain_elo_after")


def _result_difference(stored: MatchResult, computed: MatchResult) -> str:
    names = [name for name in _RESULT_FIGURES if getattr(stored, name) != getattr(computed, name)]
    return f"result {stored.pk} of {stored.agent}: {', '.join(names)}" if names else ""


def _rating_differences(stored: Standings, computed: Standings) -> list[str]:
    differences = []
    for domain, agent in sorted(stored.keys() | computed.keys()):
        one, other = stored.get((domain, agent)), computed.get((domain, agent))
        where = f"rating of {agent} in {domain or 'all domains'}"
        if one is None:
            differences.append(f"{where}: missing")
        elif other is None:
            differences.append(f"{where}: no match for it")
        elif names := [name for name in _FIGURES if getattr(one, name) != getattr(other, name)]:
            differences.append(f"{where}: {', '.join(names)}")
    return differences


def _write(
    stored: Standings, computed: Standings, results: list[MatchResult], now: datetime
) -> None:
    for rating in computed.values():
        rating.updated_at = now
    Rating.objects.bulk_create(
        computed.values(),
        update_conflicts=True,
        unique_fields=("agent", "domain"),
        update_fields=(*_FIGURES, "updated_at"),
        batch_size=500,
    )
    gone = [rating.pk for key, rating in stored.items() if key not in computed]
    Rating.objects.filter(pk__in=gone).delete()
    RATINGS.changed()
    MatchResult.objects.bulk_update(results, _RESULT_FIGURES, batch_size=100)
