"""What one instance can carry and what it costs: the simulation's constants, in one place.

Each names the command that measured it, on one machine of 2 cores that had other work to do as
well (PostgreSQL, Redis and the models were on the same machine); measure again on yours. Where a
benchmark has a limit that it fails at, the limit stands here, because it is kept. Constants of the
guide or of the settings say so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    value: float
    unit: str
    source: str
    """The command that measured it, or where it is laid down."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of the guide's size: 2 cores, 4 GB."""

    cores: Constant = Constant(2, "cores", "the guide's machine, t3.medium")
    memory: Constant = Constant(4096, "MB", "the guide's machine, t3.medium")
    debates: Constant = Constant(10, "debates", "ARAGORA_MAX_CONCURRENT_DEBATES")
    sockets: Constant = Constant(1000, "sockets", "ARAGORA_MAX_WEBSOCKET_CONNECTIONS")
    start_seconds: Constant = Constant(60, "s", "a planning figure: a machine or a pod that starts")
    drain_seconds: Constant = Constant(30, "s", "the guide's connection draining")
    debate_seconds: Constant = Constant(45, "s", "the guide: 30 to 60 s for three rounds")
    cpu_idle: Constant = Constant(0.03, "cores", "python -m loadtests.instances_behind_nginx")
    cpu_of_debate: Constant = Constant(
        0.19, "core seconds", "python -m loadtests.instances_behind_nginx"
    )
    cpu_of_delivery: Constant = Constant(11e-6, "core seconds", "python -m loadtests.stream_fanout")
    deliveries_of_socket: Constant = Constant(
        10, "frames/s", "tokens in frames of 50 to 100 ms (docs/STREAM.md)"
    )
    calibration: Constant = Constant(
        0.0075, "core seconds", "monitoring.capacity.machine.calibrate, where these were measured"
    )
    commits_of_debate: Constant = Constant(
        23, "transactions", "python -m loadtests.one_instance --database postgresql"
    )
    queries_of_request: Constant = Constant(
        10, "queries", "the page of a debate; calls of the API take one to six"
    )
    memory_idle: Constant = Constant(
        260, "MB", "python -m loadtests.one_instance, with model clients and embedder loaded"
    )
    memory_of_debate: Constant = Constant(
        0.5, "MB", "python -m loadtests.one_instance, of fifty and of a hundred at once"
    )
    memory_of_socket: Constant = Constant(
        0.04, "MB", "python -m loadtests.stream_fanout: its limit for an idle socket"
    )
    memory_of_worker: Constant = Constant(
        150, "MB", "python -m loadtests.one_instance --database postgresql, after its first debate"
    )
    open_files: Constant = Constant(
        64, "files", "python -m loadtests.one_instance: 22 idle, and room for more"
    )
    redis_connections: Constant = Constant(
        3, "connections", "python -m loadtests.one_instance, for serve and a worker"
    )


INSTANCE = Instance()
