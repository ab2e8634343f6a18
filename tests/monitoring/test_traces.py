"""A debate is one trace, from the request over the queue and the worker to the model, and nothing
of what is said in it is in the trace."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from debates.mock_llm.server import Behaviour
from monitoring import tracing
from tests.support.collector import Collector, Taken
from tests.support.processes import Server, aragora, free_port, manage
from tests.support.sites import MODELS, TURNS, Site, site_on_sqlite, wait_until
from tests.support.workers import workshop_on

QUESTION = "Should the town build the tram?"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50", "ARAGORA_ENABLE_TELEMETRY": "true"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as found:
        yield found


def settings(collector: Collector) -> dict[str, str]:
    return {**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.process.lines if line.startswith("{")]


def check_whole(collector: Collector) -> list[Taken]:
    """The spans of the trace of the one debate, which is over."""
    [debate] = wait_until(lambda: collector.named("debate"))
    found = [span for span in collector.spans if span.trace_id == debate.trace_id]
    by_id = {span.span_id: span for span in found}
    [request] = [span for span in found if span.kind == "SERVER"]
    assert (request.name, request.parent_id) == ("POST /api/v1/debates", "")
    assert request.attributes["http.response.status_code"] == 201
    assert debate.kind == "CONSUMER"
    assert debate.parent_id == request.span_id
    assert debate.attributes["aragora.ending"] == "completed"
    [queue] = [span for span in found if span.name == "queue"]
    assert queue.parent_id == debate.span_id
    turns = [span for span in found if span.name == "turn"]
    assert len(turns) == TURNS
    assert {turn.parent_id for turn in turns} == {debate.span_id}
    assert {turn.attributes["aragora.turn.phase"] for turn in turns} == {
        *("draft", "exchange", "vote")
    }
    calls = [span for span in found if span.kind == "CLIENT"]
    assert {call.name for call in calls} == {f"chat {model}" for model in MODELS}
    assert all(by_id[call.parent_id].name == "turn" for call in calls)
    for call in calls:
        assert call.attributes["gen_ai.operation.name"] == "chat"
        assert call.attributes["gen_ai.request.model"] in MODELS
        assert int(call.attributes["gen_ai.usage.input_tokens"]) > 0
        assert call.seconds > 0
    return found


def check_silence(collector: Collector, *secrets: str) -> None:
    """Nothing that was said or may not be known stands in any span."""
    told = repr([(span.name, span.attributes, span.resource) for span in collector.spans])
    for secret in ("tram", "because", "alice", *secrets):
        assert secret not in told.lower()


@pytest.mark.postgres
def test_a_trace_goes_through_the_queue_to_a_worker(
    tmp_path: Path, postgres_url: str, collector: Collector
) -> None:
    with workshop_on(tmp_path, postgres_url, **settings(collector)) as workshop:
        with workshop.worker() as worker:
            workshop.site.wait_for_end(workshop.site.start_debate(task=QUESTION))
            found = check_whole(collector)
            check_silence(collector)
        instances = {span.resource["service.name"] for span in found}
        assert instances == {"aragora"}
        ended = [json.loads(line) for line in worker.lines if '"debate_ended"' in line]
        assert [line["trace_id"] for line in ended] == [found[0].trace_id]


@pytest.fixture
def site(tmp_path: Path, collector: Collector) -> Iterator[Site]:
    with site_on_sqlite(
        tmp_path, **settings(collector), ARAGORA_LOG_REQUESTS="all", ARAGORA_LOG_LEVEL="info"
    ) as found:
        yield found


def test_one_process_traces_requests_and_debates_and_tells_the_log(
    site: Site, collector: Collector
) -> None:
    debate_id = site.start_debate(task=QUESTION)
    site.wait_for_end(debate_id)
    found = check_whole(collector)
    url = site.server.url
    answers = [
        httpx.get(f"{url}/api/v1/debates/gone?share=s3cret&token=s3cret"),
        httpx.get(f"{url}/nowhere/at-all?token=s3cret"),
        httpx.request("PROPFIND", f"{url}/livez"),
        httpx.get(f"{url}/livez", headers={"traceparent": PARENT}),
        httpx.get(f"{url}/livez", headers={"X-Request-Id": "from-the-proxy"}),
    ]
    stream = f"{url}/api/v1/debates/{debate_id}/events"
    with httpx.stream("GET", stream, headers={"Accept": "text/event-stream"}) as events:
        next(events.iter_lines())
    check_socket(url, debate_id, collector)
    wait_until(lambda: len(collector.named("GET /livez")) == 2)
    by_id = {line["request_id"]: line for line in lines(site.server) if line["event"] == "request"}
    gone, nowhere, odd, foreign, proxied = (by_id[one.headers["X-Request-Id"]] for one in answers)
    assert (gone["method"], gone["route"], gone["status"]) == ("GET", "/api/v1/debates/<ref>", 404)
    assert gone["milliseconds"] >= 0
    assert (nowhere["route"], odd["method"]) == ("no route", "_OTHER")
    assert gone["request_id"] == gone["trace_id"] == answers[0].headers["X-Request-Id"]
    assert (proxied["request_id"], len(proxied["trace_id"])) == ("from-the-proxy", 32)
    # This machine is not a proxy that is trusted: its trace is its own affair.
    assert foreign["trace_id"] not in PARENT
    assert not any("detach" in line for line in site.server.process.lines)
    assert "s3cret" not in site.server.process.output
    check_silence(collector, "s3cret")
    assert len({span.trace_id for span in collector.spans}) > len({found[0].trace_id})


def check_socket(url: str, debate_id: str, collector: Collector) -> None:
    """The way in is a span, and so is each message that asks for something."""
    address = url.replace("http", "ws")
    with connect(f"{address}/ws/debates/{debate_id}?share=s3cret") as socket:
        for type in ("ping", "get_loops", "s3cret", "unsubscribe"):
            socket.send(json.dumps({"type": type, "debate_id": "s3cret"}))
        while json.loads(socket.recv(10))["data"].get("code") != "not_subscribed":
            pass
    with connect(f"{address}/ws?token=s3cret") as refused, pytest.raises(ConnectionClosed):
        refused.recv()
    [entered] = wait_until(lambda: collector.named("GET /ws/debates/<ref>"))
    assert (entered.kind, entered.failed) == ("SERVER", False)
    [turned_away] = wait_until(lambda: collector.named("GET /ws"))
    assert turned_away.attributes["error.type"] == "4401"
    [lost] = wait_until(lambda: collector.named("socket unsubscribe"))
    assert lost.attributes["error.type"] == "not_subscribed"
    names = {span.name for span in collector.spans if span.name.startswith("socket ")}
    assert names == {"socket get_loops", "socket _OTHER", "socket unsubscribe"}


def test_a_debate_on_the_terminal_is_one_trace(site: Site, collector: Collector) -> None:
    done = manage("debate", QUESTION, "--json", "--agents", ",".join(MODELS), env=site.server.env)
    assert done.returncode == 0, done.stderr
    [debate] = wait_until(lambda: collector.named("debate"))
    [command] = collector.named("manage.py debate")
    assert (debate.trace_id, debate.parent_id) == (command.trace_id, command.span_id)
    assert command.attributes["process.exit.code"] in {0, "0"}
    turns = collector.named("turn")
    assert {turn.trace_id for turn in turns} == {command.trace_id}
    assert len(turns) == TURNS
    check_silence(collector)


def test_a_trusted_proxy_s_trace_goes_on_and_the_last_spans_are_sent(
    tmp_path: Path, collector: Collector
) -> None:
    with aragora(
        tmp_path,
        **settings(collector) | {"OTEL_BSP_SCHEDULE_DELAY": "60000"},
        ARAGORA_TRUSTED_PROXIES="127.0.0.1",
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=ours",
        OTEL_SERVICE_NAME="debates",
    ) as server:
        httpx.get(f"{server.url}/livez", headers={"traceparent": PARENT}).raise_for_status()
        httpx.get(f"{server.url}/livez", headers={"traceparent": "00-nonsense"})
        httpx.get(f"{server.url}/livez", headers={"traceparent": PARENT[:-2] + "00"})
    spans = collector.named("GET /livez")
    # The third one was not to be sampled.
    assert [span.trace_id in PARENT for span in spans] == [True, False]
    assert spans[0].parent_id == PARENT.split("-")[2]
    assert spans[0].resource["service.name"] == "debates"
    assert collector.headers[0]["x-tenant"] == "ours"


def test_a_failed_call_is_told_by_its_code(tmp_path: Path, collector: Collector) -> None:
    with site_on_sqlite(tmp_path, **settings(collector)) as site:
        site.models.script(Behaviour(status=401, message=f"Not for {QUESTION}"))
        site.wait_for_end(site.start_debate(task=QUESTION))
        [failed] = wait_until(
            lambda: [s for s in collector.spans if s.failed and s.kind == "CLIENT"]
        )
        assert re.fullmatch("[a-z_]+", failed.attributes["error.type"])
        check_silence(collector)


def test_a_collector_that_is_away_holds_nobody_up(tmp_path: Path) -> None:
    away = {**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    with aragora(tmp_path, **away) as server:
        for _ in range(20):
            assert httpx.get(f"{server.url}/livez").status_code == 200
        began = time.monotonic()
        assert server.process.stop() == 0
        assert time.monotonic() - began < tracing.FLUSH_SECONDS + 7


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_it_is_wanted(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*tracing.ENDPOINTS, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tracing.start(enabled=True, version="0")
    with tracing.span("it", {"a": 1}) as trace:
        trace.tell({"b": 2})
        assert (tracing.traceparent(), tracing.trace_id()) == ("", "")
