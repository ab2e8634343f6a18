"""Many processes write to one debate, and rate the same agents, at once: the numbers have no gap
and the ratings are those of the log."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, manage, server_environment

PREPARE = """
from tests.factories import make_debate, make_model_spec
panel = [make_model_spec(name) for name in ("ada", "ben", "cleo")]
print(make_debate(panel=panel).pk)
"""

WRITE = """
import sys
from django.db import transaction
from django.utils import timezone
from debates.choices import EventType
from debates.services.events import NewEvent, append_events
for number in range(40):
    with transaction.atomic():
        event = NewEvent(EventType.VOTE, {"writer": sys.argv[1]})
        append_events(debate_id=sys.argv[2], events=[event] * (number % 3 + 1), now=timezone.now())
"""

RATE = """
import sys
from django.db import transaction
from django.utils import timezone
from debates.engine.types import DecisionMode, Verdict
from debates.ranking.services import record_match
from tests.factories import make_debate, make_model_spec
names = ("ada", "ben", "cleo", "dora")
for number in range(12):
    here = names[number % 2:][:3] + (f"only-{sys.argv[1]}-{number}",)
    winner = here[int(sys.argv[1]) % 3]
    debate = make_debate(panel=[make_model_spec(name) for name in here])
    verdict = Verdict(
        reached=True, method=DecisionMode.PLURALITY, answer="Yes", winners=(winner,),
        confidence=0.5, agreement=1.0, supporting=here, dissenting=(), candidates=(), tally={},
    )
    with transaction.atomic():
        record_match(debate=debate, verdict=verdict, now=timezone.now())
"""

CHECK = """
import json
from django.utils import timezone
from debates.models import Debate, DebateEvent
from debates.ranking.services import recompute_ratings
numbered = Debate.objects.filter(last_seq__gt=0).get()
events = DebateEvent.objects.filter(debate=numbered).order_by("seq")
seqs = list(events.values_list("seq", flat=True))
replayed = recompute_ratings(now=timezone.now(), write=False)
print(json.dumps({
    "seqs": seqs, "last_seq": numbered.last_seq,
    "matches": replayed.matches, "differences": replayed.differences,
}))
"""

SETUP = """import django; django.setup()
from aragora_site.tenancy.scopes import Purpose, across_tenants
scope = across_tenants(Purpose.OPERATOR)
scope.__enter__()
"""
END = """
from django.db import connection
if hasattr(connection, "close_pool"):
    connection.close_pool()
"""
WRITERS = 2


def python(script: str, *arguments: str, env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SETUP + script + END, *arguments],
        cwd=ROOT,
        env=env | {"DJANGO_SETTINGS_MODULE": "aragora_site.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of processes that share a migrated database."""
    if request.param == "sqlite":
        variables = server_environment(tmp_path)
    else:
        url = request.getfixturevalue("postgres_url")
        variables = server_environment(tmp_path, DATABASE_URL=url)
    manage("migrate", "--verbosity", "0", env=variables).check_returncode()
    return variables


def test_numbers_have_no_gap_and_ratings_follow_the_log(env: dict[str, str]) -> None:
    debate_id = finish(python(PREPARE, env=env)).split()[-1]
    processes = [python(WRITE, str(number), debate_id, env=env) for number in range(WRITERS)]
    processes += [python(RATE, str(number), env=env) for number in range(WRITERS)]
    for process in processes:
        finish(process)
    found = json.loads(finish(python(CHECK, env=env)))
    written = WRITERS * sum(number % 3 + 1 for number in range(40))
    assert found["seqs"] == list(range(1, written + 1))
    assert found["last_seq"] == written
    assert found["matches"] == WRITERS * 12
    assert found["differences"] == []
