"""Load balancers, orchestrators and Prometheus come by an instance's address, without TLS."""

from __future__ import annotations

from pathlib import Path

import httpx

from ratelimit.policy import PROBES
from tests.support.processes import aragora


def test_probes_ask_for_no_name_and_no_tls_and_pages_do(tmp_path: Path) -> None:
    variables = {
        "ARAGORA_ALLOWED_HOSTS": "aragora.example.com",
        "ARAGORA_SECURE_COOKIES": "true",
        "ARAGORA_ENABLE_TELEMETRY": "true",
    }
    with aragora(tmp_path, **variables) as server:
        for probe in sorted(PROBES):
            answer = httpx.get(server.url + probe)
            assert answer.status_code == 200, probe
            assert answer.headers["content-length"] == str(len(answer.content)), probe
            assert httpx.head(server.url + probe).status_code == 200, probe
            assert httpx.post(server.url + probe).status_code == 405, probe
        assert httpx.get(f"{server.url}/").status_code == 400
        named = {"Host": "aragora.example.com"}
        assert httpx.get(f"{server.url}/", headers=named).status_code == 301
