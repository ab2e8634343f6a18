"""How well and how fast memory finds what was remembered, and what writing and embedding cost.

- quality: recall@5 and MRR on forty fables of Aesop (data/fables.txt, in the public domain), each
  asked for by a question in other words and by one that names things; by meaning alone, by words
  alone, and by both, with wordllama and with hash vectors;
- sqlite: a full glacial tier (10 MB) searched on SQLite, exactly, and one entry written to it;
- postgres: 100,000 entries searched and written on PostgreSQL with pgvector, by the role of the
  program under row-level security. A server is started from the test requirements; `fsync` is off
  there, so a commit costs less than on a real disk;
- embedding: texts a second, and the bytes of a full cache.

    python -m loadtests.memory_search [quality] [sqlite] [postgres] [embedding] [--entries N]

The exit code is 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, quantiles
from typing import TYPE_CHECKING

from aragora_site.tenancy.scopes import Purpose, across_tenants, act_for
from loadtests.support import ROOT, Figure, report, scratch_directory, scratch_environment

if TYPE_CHECKING:
    from memory.models import Entry

FABLES = Path(__file__).parent / "data" / "fables.txt"
SEARCH_SQLITE_MS, SEARCH_POSTGRES_MS, WRITE_MS = 10.0, 20.0, 2.0
CACHE_MEGABYTES = 20.0
QUERIES = 200
ENTRY_BYTES = 500


def prepare_django(directory: Path, **variables: str) -> None:
    os.environ.update(scratch_environment(directory, **variables))
    os.environ["DJANGO_SETTINGS_MODULE"] = "aragora_site.settings"
    import django

    django.setup()


def fables() -> list[list[str]]:
    """[title, text, question in other words, question that names things] of each."""
    lines = FABLES.read_text().splitlines()
    return [line.split(" | ") for line in lines if line and not line.startswith("#")]


# --- Quality -----------------------------------------------------------------------------------


@across_tenants(Purpose.OPERATOR)
def measure_quality() -> list[Figure]:
    from django.conf import settings

    figures = []
    for embedder in ("wordllama", "hash"):
        settings.ARAGORA = replace(settings.ARAGORA, embedder=embedder)
        figures += _quality_of(embedder)
    return figures


def _quality_of(embedder: str) -> list[Figure]:
    from django.utils import timezone

    from memory.embeddings.service import reset_service
    from memory.models import Entry, Kind, Scope
    from memory.scopes import Reader, ScopeName
    from memory.selectors.search import Parts, search
    from memory.services.entries import NewEntry, store_many
    from memory.tiers import Tier

    reset_service()
    Scope.objects.all().delete()
    now, rows = timezone.now(), fables()
    entries = [NewEntry(row[1], Kind.NOTE, Tier.GLACIAL, 0.5, source=row[0]) for row in rows]
    store_many(scope=ScopeName.of_workspace(None), entries=entries, now=now)
    assert Entry.objects.count() == len(rows)
    ways = {"both": Parts(), "meaning": Parts(words=False), "words": Parts(meaning=False)}
    kinds = {
        "in other words": (rows, (2,)),
        "naming things": (rows, (3,)),
        "held out": (rows[1::2], (2, 3)),  # Weights were chosen by the other half.
        "all": (rows, (2, 3)),
    }
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for way, parts in ways.items():
        for kind, (asked, columns) in kinds.items():
            ranks = []
            for row in asked:
                for column in columns:
                    hits = search(
                        reader=Reader(is_shared=True),
                        query=row[column],
                        now=now,
                        limit=10,
                        parts=parts,
                    )
                    sources = [hit.entry.source for hit in hits]
                    ranks.append(sources.index(row[0]) + 1 if row[0] in sources else 0)
            recall = mean(0 < rank <= 5 for rank in ranks)
            found[way, kind] = recall, mean(1 / rank if rank else 0.0 for rank in ranks)
    figures = []
    for (way, kind), (recall, reciprocal) in found.items():
        name = f"{embedder}, by {way}, {kind}"
        # What both parts find together is at least what either finds alone.
        best = max(found[one, "all"][0] for one in ("meaning", "words"))
        limit = best if (way, kind) == ("both", "all") else None
        figures.append(Figure(f"recall@5 {name}", [recall], "", at_least=limit))
        figures.append(Figure(f"MRR {name}", [reciprocal], ""))
    return figures


# --- Speed -------------------------------------------------------------------------------------


def _texts(count: int, size: int = ENTRY_BYTES) -> Iterator[str]:
    """Texts of sentences of the fables, no two alike."""
    sentences = [part for row in fables() for part in row[1].split(". ")]
    draw = random.Random(7)
    for number in range(count):
        text = f"Number {number}."
        while len(text) < size:
            text += " " + draw.choice(sentences)
        yield text[:size]


@across_tenants(Purpose.OPERATOR)
def _fill(count: int, *, scopes: int, size: int) -> list[int]:
    """So many entries, past the services, which would take a while; the keys of the scopes."""
    from django.db import connection
    from django.utils import timezone

    from memory import indexes
    from memory.limits import tier_limits
    from memory.models import Entry, Kind, Scope
    from memory.scopes import ScopeName
    from memory.services.shelf import settle
    from memory.tiers import Tier
    from memory.versions import new_edition
    from ratelimit.models import Workspace

    now, limits = timezone.now(), tier_limits()[Tier.GLACIAL]
    made = []
    for number in range(scopes):
        workspace = Workspace.objects.create(name=f"Load {number}", slug=f"load-{number}")
        name = ScopeName.of_workspace(workspace.pk)
        made.append(Scope.objects.create(key=name.key, kind=name.kind, workspace=workspace))

    def entries() -> Iterator[Entry]:
        for number, (text, vector) in enumerate(_embedded_texts(count, size)):
            scope = made[number % scopes]
            used = now - timedelta(seconds=number % 3600)
            entry = Entry(
                scope=scope, workspace_id=scope.workspace_id, tier=Tier.GLACIAL, kind=Kind.NOTE,
                content=text, size=len(text.encode()), importance=(number % 100) / 100,
                last_used_at=used, created_at=used, embedder=_embedder(), vector=vector,
            )  # fmt: skip
            settle(entry, limits)
            yield entry

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # One build is faster than a hundred thousand inserts.
            cursor.execute(f"DROP INDEX IF EXISTS {indexes.NEAREST}")
        _copy(entries())
        with connection.cursor() as cursor:
            indexes.install_nearest(connection)
            cursor.execute("VACUUM ANALYZE memory_entry")
    else:
        Entry.objects.bulk_create(entries(), batch_size=2000)
    for scope in made:
        total = sum(Entry.objects.filter(scope=scope).values_list("size", flat=True))
        Scope.objects.filter(pk=scope.pk).update(glacial_bytes=total, version=new_edition())
    return [scope.pk for scope in made]


def _embedder() -> str:
    from memory.embeddings.service import get_service

    return get_service().name


def _embedded_texts(count: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Texts with their vectors. A thousand are embedded; the others have one of these vectors with
    noise: to embed all of them would take longer than everything else."""
    import numpy as np

    from memory.embeddings.service import get_service

    texts = list(_texts(count, size))
    known = get_service().embed(texts[:1000]).vectors
    draw = np.random.default_rng(7)
    for start in range(0, count, len(known)):
        base = known[: count - start]
        noisy = base + draw.normal(0, 0.03, base.shape) if start else base
        vectors = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
        for text, vector in zip(texts[start : start + len(base)], vectors, strict=True):
            yield text, vector.tobytes()


def _copy(entries: Iterable[Entry]) -> None:
    """Into PostgreSQL by COPY, with vectors as the extension has them."""
    import numpy as np
    from django.db import connection, transaction
    from pgvector import HalfVector
    from pgvector.psycopg import register_vector

    from memory.models import Entry

    fields = [field for field in Entry._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    connection.ensure_connection()
    register_vector(connection.connection)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT atttypid::int FROM pg_attribute WHERE attnum > 0 "
            "AND attrelid = 'memory_entry'::regclass AND attname = ANY (%s) "
            "ORDER BY array_position(%s, attname::text)",
            [[field.column for field in fields]] * 2,
        )
        types = [row[0] for row in cursor.fetchall()]
        statement = f"COPY memory_entry ({columns}) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.set_types(types)
            for entry in entries:
                row = [getattr(entry, field.attname) for field in fields]
                row[-1] = HalfVector(np.frombuffer(row[-1], dtype=np.float32))
                copy.write_row(row)


def _milliseconds(work: Callable[[int], object], count: int) -> list[float]:
    taken = []
    for number in range(count):
        begun = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]


def _measure_store(
    name: str, scope_ids: Sequence[int], entries: int, limit_ms: float
) -> list[Figure]:
    """Figures of scopes that have so many entries each."""
    from django.utils import timezone

    from memory.embeddings.service import get_service
    from memory.models import Kind, Scope
    from memory.scopes import Reader, ScopeName
    from memory.selectors.by_pgvector import LOADED_AT_ONCE
    from memory.selectors.search import search
    from memory.services.entries import NewEntry, store_many
    from memory.tiers import Tier

    questions = [question for row in fables() for question in row[2:4]]
    get_service().embed(questions)  # Loads the model; a question itself takes 0.2 ms.
    with across_tenants(Purpose.OPERATOR):
        scopes = Scope.objects.filter(pk__in=scope_ids)
        tenants = list(scopes.values_list("workspace_id", flat=True))
    readers = [Reader(None, frozenset({tenant})) for tenant in tenants if tenant]
    now: datetime = timezone.now()

    def look(number: int) -> None:
        query = questions[number % len(questions)]
        reader = readers[number % len(readers)]
        with act_for(*reader.workspace_ids):
            assert search(reader=reader, query=query, now=now, limit=10)

    def write(number: int) -> None:
        entry = NewEntry(written[number], Kind.NOTE, Tier.GLACIAL, 0.9)
        tenant = tenants[number % len(tenants)]
        store_many(scope=ScopeName.of_workspace(tenant), entries=[entry], now=now)

    written = [f"Written {text}" for text in _texts(QUERIES)]
    # Searches bring the vectors of a scope to hand, on PostgreSQL so many at a time.
    firsts = _milliseconds(look, (entries // LOADED_AT_ONCE + 2) * len(readers))
    looks = _milliseconds(look, QUERIES)
    _milliseconds(write, 5)
    writes = _milliseconds(write, QUERIES)
    after_write = []
    for number in range(20):
        write(number)
        after_write += _milliseconds(lambda _, place=number: look(place), 1)  # type: ignore[misc]
    return [
        Figure(f"{name}: search, p95", [_p95(looks)], "ms", at_most=limit_ms),
        Figure(f"{name}: search, median", looks, "ms"),
        Figure(f"{name}: search while vectors come to hand, median", firsts, "ms"),
        Figure(f"{name}: search after a write, p95", [_p95(after_write)], "ms"),
        Figure(f"{name}: write of one entry, median", writes, "ms", at_most=WRITE_MS),
        Figure(f"{name}: write of one entry, p95", [_p95(writes)], "ms"),
    ]


def measure_sqlite() -> list[Figure]:
    count = 10 * 1024 * 1024 // ENTRY_BYTES
    scopes = _fill(count, scopes=1, size=ENTRY_BYTES)
    figures = _measure_store(f"SQLite, 10 MB in {count} entries", scopes, count, SEARCH_SQLITE_MS)
    return [_short(figure) for figure in figures]


def measure_postgres(entries: int) -> list[Figure]:
    from django.db import connection

    from tests.support.roles import APP, become

    figures = []
    for scopes in (10, 1):
        become("aragora")  # Nobody whom the policies bind may use COPY.
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE ratelimit_workspace CASCADE")
        made = _fill(entries, scopes=scopes, size=ENTRY_BYTES if scopes > 1 else 100)
        become(APP)
        name = f"PostgreSQL, {entries} entries in {scopes} scope{'s' * (scopes > 1)}"
        figures += _measure_store(name, made, entries // scopes, SEARCH_POSTGRES_MS)
    return [_short(figure) for figure in figures]


def _short(figure: Figure) -> Figure:
    """The median alone: two hundred values say nothing more on a line."""
    return replace(figure, values=[figure.value])


def measure_embedding() -> list[Figure]:
    from memory.embeddings.cache import EmbeddingCache, key_of
    from memory.embeddings.hashed import HashEmbedder
    from memory.embeddings.wordllama import WordLlamaEmbedder

    texts = list(_texts(2000))
    figures = []
    for embedder in (WordLlamaEmbedder(), HashEmbedder()):
        embedder.embed(texts[:50])
        rates = []
        for _ in range(3):
            begun = time.perf_counter()
            vectors = embedder.embed(texts)
            rates.append(len(texts) / (time.perf_counter() - begun))
        figures.append(Figure(f"{embedder.name}: texts of 500 bytes", rates, "a second"))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    cache = EmbeddingCache(size=1000, ttl_seconds=86_400)
    for text, vector in zip(texts, vectors, strict=True):
        cache.put(key_of("wordllama-256", text), vector)
    used = (tracemalloc.get_traced_memory()[0] - before) / 2**20
    tracemalloc.stop()
    assert len(cache) == 1000
    name = "the cache of 1,000 embeddings, full"
    return [*figures, Figure(name, [used], "MB", at_most=CACHE_MEGABYTES)]


@contextmanager
def postgresql() -> Iterator[str]:
    """A server from the test requirements, migrated; its URL for the owner of the tables."""
    from tests.support.processes import postgres_server
    from tests.support.roles import OWNER, as_role, prepare_as_owner

    # Its tables fit into its memory, as they should; the default is 128 MB.
    with postgres_server(shared_buffers="512MB") as server, scratch_directory() as directory:
        prepare_as_owner(directory, server.url)
        yield as_role(server.url, OWNER)


def main() -> int:
    parser = argparse.ArgumentParser(description="How well and how fast memory finds things.")
    kinds = ("quality", "sqlite", "postgres", "embedding")
    parser.add_argument("kinds", nargs="*", default=list(kinds), metavar="|".join(kinds))
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--on-postgres", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.on_postgres:
        prepare_django(Path(os.environ["ARAGORA_DATA_DIR"]), DATABASE_URL=os.environ["LOAD_URL"])
        return report(measure_postgres(options.entries))
    failed = 0
    if "postgres" in options.kinds:  # In a process of its own: settings are read once.
        with postgresql() as url, scratch_directory() as directory:
            env = os.environ | {"LOAD_URL": url, "ARAGORA_DATA_DIR": str(directory)}
            command = [sys.executable, "-m", "loadtests.memory_search", "--on-postgres"]
            command += ["--entries", str(options.entries)]
            failed |= subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    with scratch_directory() as directory:
        prepare_django(directory)
        figures: list[Figure] = []
        if "quality" in options.kinds:
            figures += measure_quality()
        if "embedding" in options.kinds:
            figures += measure_embedding()
        if "sqlite" in options.kinds:
            figures += measure_sqlite()
        failed |= report(figures)
    return failed


if __name__ == "__main__":
    sys.exit(main())
