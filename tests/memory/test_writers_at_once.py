"""Threads of two processes write to the same tier at once: it never holds more than it may."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, manage, server_environment

WRITE = """
import sys, threading, random
from collections import Counter
from django.db import connection
from django.utils import timezone
from aragora_site.tenancy.scopes import act_for
from memory.exceptions import TierFull
from memory.models import Entry, Kind
from memory.scopes import Reader, ScopeName
from memory.services.entries import NewEntry, store, use, forget
from memory.services.upkeep import expire_memory
from memory.tiers import Tier
scope, seen, most = ScopeName.of_workspace(None), Reader(is_shared=True), []

def write(number):
    random.seed(number)
    for turn in range(12):
        now = timezone.now()
        tier = random.choice([Tier.SLOW, Tier.MEDIUM])
        content = f"{number} {turn} " + "x" * random.randrange(400)
        try:
            store(scope=scope, entry=NewEntry(content, Kind.NOTE, tier, random.random()), now=now)
        except TierFull:
            pass
        ids = list(Entry.objects.values_list("pk", flat=True))
        use(uses=Counter(random.sample(ids, min(3, len(ids)))), now=now)
        if ids and turn % 7 == 0:
            try:
                forget(entry_ids=random.sample(ids, 1), reader=seen, now=now)
            except Exception as error:
                assert type(error).__name__ == "EntryNotFound", error
        expire_memory(now=now)
    connection.close()

failed = []
def guarded(number):
    try:
        with act_for(None):
            write(number)
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=guarded, args=(int(sys.argv[1]) * 10 + n,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failed, failed
"""

CHECK = """
import json
from django.db.models import Sum
from aragora_site.tenancy.scopes import Purpose, across_tenants
from memory.models import Entry, Scope
from memory.tiers import Tier
everything = across_tenants(Purpose.OPERATOR)
everything.__enter__()
row = Scope.objects.get()
print(json.dumps({
    "said": [row.bytes_of(tier) for tier in Tier],
    "held": [
        Entry.objects.filter(tier=tier).aggregate(n=Sum("size"))["n"] or 0 for tier in Tier
    ],
}))
"""

SETUP = "import django; django.setup()\n"
END = """
from django.db import connection
if hasattr(connection, "close_pool"):
    connection.close_pool()
"""
LIMIT = 3000


def start(script: str, *arguments: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SETUP + script + END, *arguments],
        cwd=ROOT,
        env=env | {"DJANGO_SETTINGS_MODULE": "aragora_site.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    variables = {"ARAGORA_EMBEDDER": "hash"}
    variables |= {
        f"ARAGORA_MEMORY_{tier}_BYTES": str(LIMIT) for tier in ("FAST", "MEDIUM", "SLOW", "GLACIAL")
    }
    if request.param == "postgres":
        variables["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    prepared = server_environment(tmp_path, **variables)
    manage("migrate", "--verbosity", "0", env=prepared).check_returncode()
    return prepared


def test_a_tier_never_holds_more_than_it_may(env: dict[str, str]) -> None:
    for writer in [start(WRITE, str(number), env=env) for number in range(2)]:
        finish(writer)
    found = json.loads(finish(start(CHECK, env=env)))
    assert found["said"] == found["held"]
    assert max(found["held"]) <= LIMIT
    assert sum(found["held"]) > LIMIT
