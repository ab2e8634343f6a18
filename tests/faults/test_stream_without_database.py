"""The database goes away under a server that streams."""

from __future__ import annotations

import contextlib
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.support import processes
from tests.support.streams import Reader

pytestmark = [pytest.mark.faults, pytest.mark.postgres]


def test_readers_stay_and_new_ones_are_told_to_come_back(tmp_path: Path) -> None:
    with contextlib.ExitStack() as database:
        try:
            url = database.enter_context(processes.postgres())
        except FileNotFoundError as missing:
            pytest.skip(f"needs {missing}")
        variables = {"DATABASE_URL": url, "ARAGORA_DB_POOL_TIMEOUT": "1"}
        with processes.aragora(tmp_path, **variables) as server:
            created = httpx.post(f"{server.url}/api/v1/debates", json={"task": "A tram?"})
            debate_id = created.json()["debate_id"]
            with connect(server.ws_url, proxy=None, max_queue=None) as socket:
                client = Reader(socket)
                client.send("subscribe", debate_id=debate_id)
                client.until("debate_end")
                client.until("replay_end") if "replay_end" not in client.types else None

                database.close()

                server.process.wait_for_line("stream_log_unreadable")
                client.send("ping", ts=1)
                client.until("pong")
                with connect(f"{server.ws_url}?debate_id={debate_id}", proxy=None) as late:
                    assert Reader(late).until_closed() == 1013
                client.send("ping", ts=2)
                client.until("pong")
            unreadable = [line for line in server.process.lines if "log_unreadable" in line]
            assert len(unreadable) == 1
