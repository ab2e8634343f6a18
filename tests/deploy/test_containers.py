"""The image and compose.yml fit the program. Neither is built or started here."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.core.management import get_commands

from aragora_site.environment import Environment, known_variables
from tests.support.processes import Process, free_port, running, server_environment
from tests.support.programs import ROOT, run_program

OURS = ("prepare", "web", "worker")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / "deploy" / "compose" / "example.env").read_text()
SECRETS = ("ARAGORA_SECRET_KEY", "POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD")
_PLACE = re.compile(r"\$\{(\w+)(:[?-])?([^}]*)\}")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yml").read_text())
    return found


def variables_of(service: str) -> dict[str, str]:
    found: dict[str, str] = compose()["services"][service]["environment"]
    return found


# --- The image ---------------------------------------------------------------------------------


def test_the_dockerfile_is_linted() -> None:
    run_program("hadolint", "Dockerfile")


def test_the_image_holds_all_that_the_program_imports_and_nothing_else() -> None:
    copied = set(re.findall(r"^COPY ([\w./]+(?: [\w./]+)*) \S+$", DOCKERFILE, re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "loadtests"}
    assert names == packages | {"manage.py", "requirements.txt", "static", "templates"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == names
    assert "*" in ignored, "nothing else, neither data nor secrets"


def test_what_the_image_holds_is_enough_to_serve(tmp_path: Path) -> None:
    for name in re.findall(r"^COPY ([\w./]+) ", DOCKERFILE, re.MULTILINE):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    port = free_port()
    env = server_environment(tmp_path / "data", ARAGORA_PORT=str(port))
    program = [sys.executable, "manage.py", "serve", "--prepare"]
    with running(Process(program, env=env, cwd=tmp_path)) as process:
        process.wait_for_line("Aragora is running")
        for page in ("/", "/api/docs", "/api/openapi.json", "/readyz", "/leaderboard/"):
            answer = httpx.get(f"http://127.0.0.1:{port}{page}", timeout=30, follow_redirects=True)
            assert answer.status_code == 200, page
        home = httpx.get(f"http://127.0.0.1:{port}/").text
        [style, *_] = re.findall(r'href="(/static/[^"]+\.css)', home)
        assert httpx.get(f"http://127.0.0.1:{port}{style}").status_code == 200


def test_the_image_runs_as_nobody_of_importance_and_checks_what_it_installs() -> None:
    assert "--require-hashes" in DOCKERFILE
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert set(re.findall(r"\b(ARAGORA_\w+)", DOCKERFILE)) <= set(known_variables())


# --- compose.yml -------------------------------------------------------------------------------


def test_every_variable_exists_and_can_be_read() -> None:
    example = dict(re.findall(r"^#?(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    given = {name: value or "0123456789abcdef" for name, value in example.items()}
    for service in OURS:
        variables = variables_of(service)
        assert variables.keys() <= set(known_variables()), service
        filled = {
            name: _PLACE.sub(lambda place: given.get(place[1], ""), str(value))
            for name, value in variables.items()
        }
        environment, problems = Environment.read(filled)
        assert not problems, service
        assert environment.enable_telemetry


def test_nothing_secret_has_a_default() -> None:
    text = (ROOT / "compose.yml").read_text()
    places = {name: (kind, default) for name, kind, default in _PLACE.findall(text)}
    for name in SECRETS:
        assert places[name][0] == ":?", f"{name} has to be set"
        assert re.search(rf"^{name}=$", EXAMPLE, re.MULTILINE), f"{name} has no example"
    assert set(places) <= set(re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE)) | {"OPENAI_BASE_URL"}


def test_commands_and_files_exist() -> None:
    for name, service in compose()["services"].items():
        if name in OURS:
            assert service["command"][0] in get_commands()
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (ROOT / source).is_file(), source


def test_migrations_come_first_and_once() -> None:
    services = compose()["services"]
    assert services["prepare"]["restart"] == "no"
    for name in ("web", "worker"):
        condition = services[name]["depends_on"]["prepare"]["condition"]
        assert condition == "service_completed_successfully"
    owner, app = (variables_of(name) for name in ("prepare", "web"))
    assert "aragora_owner" in owner["ARAGORA_DIRECT_DATABASE_URL"]
    assert "aragora_app" in app["DATABASE_URL"]


def test_there_is_time_to_drain() -> None:
    for name in ("web", "worker"):
        grace = int(compose()["services"][name]["stop_grace_period"].removesuffix("s"))
        assert grace >= float(variables_of(name)["ARAGORA_DRAIN_SECONDS"]) + 10


def test_only_nginx_is_reached_from_outside_and_its_word_is_believed() -> None:
    found = compose()
    published = {name for name, service in found["services"].items() if "ports" in service}
    assert published == {"nginx"}
    assert found["networks"]["inside"]["internal"]
    for name in ("postgres", "redis"):
        assert found["services"][name]["networks"] == ["inside"]
    trusted = ipaddress.ip_network(variables_of("web")["ARAGORA_TRUSTED_PROXIES"])
    for network in found["networks"].values():
        [config] = network["ipam"]["config"]
        assert ipaddress.IPv4Network(config["subnet"]).subnet_of(trusted)  # type: ignore[arg-type]


@pytest.fixture
def nginx_configuration(tmp_path: Path) -> str:
    """What the shipped script makes of the shipped configuration."""
    script = (ROOT / "deploy" / "compose" / "nginx.sh").read_text()
    out = tmp_path / "default.conf"
    script = script.replace(" /aragora.conf", f" {ROOT}/deploy/nginx/aragora.conf")
    script = script.replace("/etc/nginx/conf.d/default.conf", str(out))
    environment = {"SITE_DOMAIN": "debates.example.org", "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", script], check=True, env=environment)
    return out.read_text()


def test_nginx_accepts_what_is_made_for_it(nginx_configuration: str, tmp_path: Path) -> None:
    assert nginx_configuration.count("server web:8080") == 1
    assert "10.0.1." not in nginx_configuration
    assert "server_name debates.example.org;" in nginx_configuration
    assert "X-Forwarded-Proto $http_x_forwarded_proto;" in nginx_configuration
    # There is no such host here.
    (tmp_path / "site.conf").write_text(nginx_configuration.replace("web:8080", "127.0.0.1:8080"))
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    run_program(program, "-t", "-e", "stderr", "-p", str(tmp_path), "-c", str(main))
