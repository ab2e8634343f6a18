"""The manifests are what Kubernetes takes, and fit the program. No cluster is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands
from django.urls import resolve

from aragora_site.environment import Environment, known_variables
from debates.management.commands.serve import REQUEST_GRACE_SECONDS
from tests.deploy.figures import names_in
from tests.deploy.test_prometheus import rules
from tests.support.programs import ROOT

FOLDER = ROOT / "deploy" / "k8s"
VERSION = "1.31"
NOT_KUBERNETES = {"Kustomization", "PodMonitor", "ScaledObject"}
"""Kinds of other programs."""


def manifests(*folders: Path) -> Iterator[dict[str, Any]]:
    for folder in folders or (FOLDER, ROOT / "deploy" / "keda"):
        for file in sorted(folder.glob("*.yaml")):
            yield from yaml.safe_load_all(file.read_text())


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [found for found in manifests() if found["kind"] in kinds]


def configuration() -> dict[str, str]:
    [found] = of_kind("ConfigMap")
    data: dict[str, str] = found["data"]
    return data


def pods() -> list[dict[str, Any]]:
    return [found["spec"]["template"]["spec"] for found in of_kind("Deployment", "Job")]


def only_container(pod: dict[str, Any]) -> dict[str, Any]:
    [container] = pod["containers"]
    return dict(container)


def deployed(name: str) -> dict[str, Any]:
    [found] = [one for one in of_kind("Deployment") if one["metadata"]["name"] == name]
    return dict(found["spec"]["template"]["spec"])


def test_kubernetes_would_take_them() -> None:
    for manifest in manifests():
        if manifest["kind"] not in NOT_KUBERNETES:
            kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_kustomize_names_every_file() -> None:
    [found] = of_kind("Kustomization")
    files = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(found["resources"]) == files


def test_the_configuration_can_be_read_and_the_secret_is_explained() -> None:
    assert configuration().keys() <= set(known_variables())
    environment, problems = Environment.read(configuration())
    assert not problems
    assert environment.secure_cookies
    assert environment.enable_telemetry
    needed = {"ARAGORA_SECRET_KEY", "DATABASE_URL", "ARAGORA_REDIS_URL"}
    explained = set(re.findall(r"--from-literal=(\w+)=", (FOLDER / "README.md").read_text()))
    assert needed <= explained <= set(known_variables())
    most = environment.instances * (environment.db_pool_size + environment.db_pool_overflow)
    assert most <= 200, "max_connections of deploy/postgres"


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: only_container(pod)["name"])
def test_pods_may_do_no_more_than_they_need(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    container = only_container(pod)
    assert container["args"][0] in get_commands()
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {configuration()["ARAGORA_DATA_DIR"], "/tmp"}  # noqa: S108
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert f"USER {pod['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()


def test_there_is_time_to_drain() -> None:
    drain = float(configuration()["ARAGORA_DRAIN_SECONDS"])
    server, worker = deployed("aragora-server"), deployed("aragora-worker")
    _, waits = only_container(server)["lifecycle"]["preStop"]["exec"]["command"]
    needs = float(waits) + drain + REQUEST_GRACE_SECONDS
    assert server["terminationGracePeriodSeconds"] > needs
    assert worker["terminationGracePeriodSeconds"] >= drain + 15
    readiness = only_container(server)["readinessProbe"]
    noticed = readiness["periodSeconds"] * readiness["failureThreshold"]
    assert noticed < drain, "traffic ends before the sockets do"


def test_probes_and_ports_are_those_of_the_program() -> None:
    container = only_container(deployed("aragora-server"))
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert resolve(container[probe]["httpGet"]["path"]).url_name in {"livez", "readyz"}
    worker = only_container(deployed("aragora-worker"))
    for one in (container, worker):
        assert one["livenessProbe"]["httpGet"]["path"] == "/livez", "not for its database"
    ports = {
        port["name"]: port["containerPort"]
        for pod in pods()
        for port in only_container(pod).get("ports", ())
    }
    environment, _ = Environment.read(configuration())
    assert ports == {"http": environment.port, "metrics": environment.worker_metrics_port}
    [monitor] = of_kind("PodMonitor")
    assert {one["port"] for one in monitor["spec"]["podMetricsEndpoints"]} == ports.keys()


def test_the_jobs_are_those_that_the_rules_go_by() -> None:
    [monitor] = of_kind("PodMonitor")
    jobs = {
        change["replacement"]
        for one in monitor["spec"]["podMetricsEndpoints"]
        for change in one["relabelings"]
        if change["targetLabel"] == "job"
    }
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    assert jobs == {one["job_name"] for one in scraped["scrape_configs"]}


def test_autoscalers_go_by_figures_that_there_are_and_the_guides_limits(
    shown_figures: frozenset[str],
) -> None:
    limits: dict[str, set[str]] = {}
    for scaler in of_kind("HorizontalPodAutoscaler"):
        for metric in scaler["spec"]["metrics"]:
            if "resource" in metric:
                target = metric["resource"]["target"]["averageUtilization"]
                limits.setdefault(metric["resource"]["name"], set()).add(str(target))
                continue
            found = metric[metric["type"].lower()]
            assert found["metric"]["name"] in shown_figures
            limits.setdefault(found["metric"]["name"], set()).add(found["target"]["averageValue"])
    assert limits == {
        "cpu": {"70"},
        "aragora_memory_usage_ratio": {"800m"},
        "aragora_websocket_connections": {"800"},
        "aragora_capacity_ratio": {"800m"},
        "aragora_queue_depth": {"8"},
    }


def test_keda_goes_by_the_rule_for_each_job() -> None:
    made = {rule["record"] for rule in rules() if "record" in rule}
    objects = of_kind("ScaledObject")
    deployments = {found["metadata"]["name"] for found in of_kind("Deployment")}
    assert {found["spec"]["scaleTargetRef"]["name"] for found in objects} == deployments
    for found in objects:
        [trigger] = found["spec"]["triggers"]
        query = trigger["metadata"]["query"]
        assert names_in(query) == {"aragora:instances:wanted"} <= made
        assert f'job="{found["metadata"]["name"]}"' in query
        assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("AverageValue", "1")
        assert found["spec"]["minReplicaCount"] >= 1


def test_every_autoscaler_waits_ten_minutes_before_it_takes_away() -> None:
    behaviours = [found["spec"]["behavior"] for found in of_kind("HorizontalPodAutoscaler")] + [
        found["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        for found in of_kind("ScaledObject")
    ]
    assert len(behaviours) == 4
    assert {one["scaleDown"]["stabilizationWindowSeconds"] for one in behaviours} == {600}
