"""Processes that vote and suggest for one person at once: one vote, one text, no gap in the log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, manage, server_environment

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

PREPARE = """
from tests.support.audience import make_standing
print(make_standing().pk)
"""

SPEAK = """
import sys
from uuid import UUID
from debates.services import audience
from tests.support.audience import PATIENT, START, visitor
debate_id, now = UUID(sys.argv[1]), START
sys.stdin.readline()
for number in range(25):
    now += PATIENT
    audience.cast_vote(
        debate_id=debate_id, person=visitor("one", source=""), now=now,
        choice=("Yes", "No")[number % 2], intensity=number % 10 + 1,
    )
    audience.suggest(
        debate_id=debate_id, person=visitor(sys.argv[2], source=""), now=now + PATIENT / 2,
        text=f"Idea {number % 4}",
    )
"""

CHECK = """
import json
from debates.models import AudienceVote, Debate, DebateEvent, Suggestion
from debates.selectors.audience import audience_tally
debate = Debate.objects.get()
events = DebateEvent.objects.filter(debate=debate).order_by("seq")
votes = list(events.filter(type="user_vote"))
vote = AudienceVote.objects.get()
print(json.dumps({
    "seqs": [event.seq for event in events], "last_seq": debate.last_seq,
    "suggestions": sorted(Suggestion.objects.values_list("number", "text")),
    "told": sorted([e.data["number"], e.data["content"]] for e in events.filter(
        type="audience_suggestion")),
    "voters": sorted({event.data["tally"]["voters"] for event in votes}),
    "last": [votes[-1].data["candidate"], votes[-1].data["intensity"]],
    "stored": [vote.candidate, vote.intensity],
    "same": votes[-1].data["tally"] == audience_tally(debate.pk),
}))
"""


def python(script: str, *arguments: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SETUP + script + END, *arguments],
        cwd=ROOT,
        env=env | {"DJANGO_SETTINGS_MODULE": "aragora_site.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate("\n", timeout=120)
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


def test_one_vote_is_left_and_it_is_the_last_that_was_told(env: dict[str, str]) -> None:
    debate_id = finish(python(PREPARE, env=env)).split()[-1]
    speakers = [python(SPEAK, debate_id, name, env=env) for name in ("a", "b")]
    for process in speakers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in speakers:
        finish(process)

    found = json.loads(finish(python(CHECK, env=env)))
    assert found["seqs"] == list(range(1, found["last_seq"] + 1))
    assert found["voters"] == [1]
    assert found["last"] == found["stored"]
    assert found["same"]
    assert [number for number, _ in found["suggestions"]] == [1, 2, 3, 4]
    assert {text for _, text in found["suggestions"]} == {f"Idea {number}" for number in range(4)}
    assert found["told"] == found["suggestions"]
