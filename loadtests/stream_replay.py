"""How long it takes to catch up with a debate of a thousand events.

From the moment a connected client subscribes until it has the last one: cold (the first reader,
from the database) and warm (whoever comes while somebody follows the debate, from memory).

    python -m loadtests.stream_replay [--runs N]

The exit code is 1 when a figure misses its limit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from uuid import UUID

from websockets.sync.client import connect

from aragora_site.tenancy.scopes import Purpose, across_tenants
from loadtests.support import Figure, free_port, process, report, scratch_directory
from loadtests.support import scratch_environment as environment

EVENTS = 1000
LIMIT_MILLISECONDS = 100.0
DEBATE = UUID("00000000-0000-4000-8000-000000000002")


@across_tenants(Purpose.OPERATOR)
def fill() -> None:
    """A debate with a thousand events of half a kilobyte."""
    import django

    django.setup()
    from django.db import transaction
    from django.utils import timezone

    from debates.choices import EventType
    from debates.services.events import NewEvent, append_events
    from tests.factories import make_debate

    debate = make_debate(id=DEBATE)
    data = {"debate_id": str(DEBATE), "content": "word " * 60}
    with transaction.atomic():
        events = [NewEvent(EventType.AGENT_MESSAGE, data, round=1, agent="alice")] * EVENTS
        append_events(debate_id=debate.pk, events=events, now=timezone.now())


def catch_up(port: int) -> float:
    """Milliseconds from the subscription to the last event."""
    with connect(
        f"ws://127.0.0.1:{port}/ws", proxy=None, max_queue=None, compression=None
    ) as socket:
        socket.recv()
        began = time.perf_counter()
        socket.send(json.dumps({"type": "subscribe", "debate_id": str(DEBATE)}))
        ending = f'"seq":{EVENTS},'
        while ending not in str(socket.recv()):
            pass
        return (time.perf_counter() - began) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fill:
        fill()
        return 0
    cold, warm = [], []
    with scratch_directory() as directory:
        port = free_port()
        env = environment(
            directory, DJANGO_SETTINGS_MODULE="aragora_site.settings", ARAGORA_PORT=str(port)
        )
        subprocess.run([sys.executable, "-m", __spec__.name, "--fill"], env=env, check=True)
        with process("manage.py", "serve", env=env, port=port):
            for _ in range(arguments.runs):
                cold.append(catch_up(port))
                with connect(f"ws://127.0.0.1:{port}/ws?debate_id={DEBATE}", proxy=None):
                    catch_up(port)
                    warm.append(catch_up(port))
    return report(
        [
            Figure(f"replay of {EVENTS}, cold", cold, "ms", at_most=LIMIT_MILLISECONDS),
            Figure(f"replay of {EVENTS}, warm", warm, "ms", at_most=LIMIT_MILLISECONDS),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
