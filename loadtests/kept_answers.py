"""What keeping answers saves: CPU time of the server for a request, kept and not kept.

The same server on the same rows, with `ARAGORA_CACHE_TTL=0` and with the default, in process and in
Redis, in turns. Requests come one at a time over one connection.

    python -m loadtests.kept_answers [--requests N] [--runs N]

The exit code is 1 when keeping an answer costs more than making it anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from aragora_site.tenancy.scopes import Purpose, across_tenants
from loadtests.support import (
    Figure,
    milliseconds_of_requests,
    report,
    scratch_directory,
)
from loadtests.support import scratch_environment as environment

AGENTS, DEBATES, TOPICS, ROUNDS = 30, 300, 40, 4
SLUG = "measured"
PATHS = {
    "leaderboard, API": "/api/v1/leaderboard",
    "leaderboard, page": "/leaderboard/",
    "leaderboard by domain": "/api/v1/leaderboard-view",
    "trending topics": "/api/v1/debates/trending",
    "agents": "/api/v1/agents",
    "a debate that is over, page": f"/debates/{SLUG}/",
}
LEAST_SAVING = 1.0


@across_tenants(Purpose.OPERATOR)
def fill() -> None:
    """Rated agents, debates with topics, and one debate with a long transcript."""
    import django

    django.setup()
    import numpy as np

    from debates.choices import EventType
    from debates.models import QuestionVector
    from tests.factories import make_debate, make_event, make_model_agent, make_rating

    for number in range(AGENTS):
        make_model_agent(f"model-{number}")
        for domain in ("", "general", "law", "art"):
            make_rating(f"model-{number}", 1500.0 + number, domain=domain, games=40, wins=20)
    centres = np.random.default_rng(1).normal(size=(TOPICS, 64)).astype(np.float32)
    for number in range(DEBATES):
        topic = number % TOPICS
        debate = make_debate(f"Should the town build tram {topic} of street {topic * 7}?")
        vector = centres[topic] / np.linalg.norm(centres[topic])
        QuestionVector.objects.create(debate=debate, embedder="test", vector=vector.tobytes())
    long = make_debate(slug=SLUG, status="completed")
    for number in range(ROUNDS):
        for agent in ("ada", "ben", "cleo"):
            make_event(
                long,
                EventType.PROPOSE,
                agent=agent,
                round_number=number,
                content="",
                answer="The town should build it, and say what it costs.",
                rationale="It carries *many* people, says [1], and [2] has **figures**. " * 12,
                confidence=0.7,
                evidence=["A tram of that length was built in four years [3]."] * 3,
                role="proposer",
                turn_id=f"{number}:draft:{agent}",
            )


def environments(directory: Path, redis_url: str) -> dict[str, dict[str, str]]:
    return {
        "made anew": environment(directory, ARAGORA_CACHE_TTL="0"),
        "kept in process": environment(directory),
        "kept in Redis": environment(directory, ARAGORA_REDIS_URL=redis_url),
        "made anew, with Redis": environment(
            directory, ARAGORA_CACHE_TTL="0", ARAGORA_REDIS_URL=redis_url
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fill:
        fill()
        return 0
    from tests.support.processes import redis_server

    with scratch_directory() as directory, redis_server() as redis_url:
        env = environment(directory, DJANGO_SETTINGS_MODULE="aragora_site.settings")
        subprocess.run(
            [sys.executable, "-m", "loadtests.kept_answers", "--fill"], env=env, check=True
        )
        spent: dict[str, list[dict[str, float]]] = {}
        for _ in range(arguments.runs):
            for how, env in environments(directory, redis_url).items():
                spent.setdefault(how, []).append(
                    milliseconds_of_requests(env, PATHS, arguments.requests)
                )
    figures = []
    for name in PATHS:
        of = {how: [run[name] for run in runs] for how, runs in spent.items()}
        figures += [Figure(f"{name}, {how}", values, "ms CPU") for how, values in of.items()]
        for anew, kept in (
            ("made anew", "kept in process"),
            ("made anew, with Redis", "kept in Redis"),
        ):
            ratios = [one / other for one, other in zip(of[anew], of[kept], strict=True)]
            figures.append(Figure(f"{name}, {kept}: saving", ratios, "x", at_least=LEAST_SAVING))
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
