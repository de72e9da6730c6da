"""What stands in deploy/ fits the service that stands in service/. `make deploy-check` gives it to the programs that will read it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service import __version__
from service.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
YAML = sorted([*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")])


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [rule["expr"] for group in read(DEPLOY / "prometheus" / "rules.yml")["groups"] for rule in group["rules"]]
    adapted = [f"{rule['seriesQuery']}" for rule in read(DEPLOY / "kubernetes" / "queue-time" / "adapter.yaml")]
    return shown + rules + adapted


@pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_yaml_parses(path: Path) -> None:
    assert read(path)


def test_every_metric_that_is_looked_at_exists(server: str) -> None:
    httpx.post(f"{server}/loss/huber", json={"predictions": [1.0], "labels": [0.0]}).raise_for_status()
    for refused in ({}, {"predictions": [1e300], "labels": [-1e300]}):
        assert httpx.post(f"{server}/loss/mse", json=refused).status_code == 422
    told = set(re.findall(r"^(loss_\w+)[{ ]", httpx.get(f"{server}/metrics").text, re.MULTILINE))
    asked = {name for text in expressions() for name in re.findall(r"(?<![\w:])loss_[a-z_]+", text)}
    assert len(asked) > 8
    assert asked <= told


def test_recorded_series_that_alerts_use_are_recorded() -> None:
    rules = [rule for group in read(DEPLOY / "prometheus" / "rules.yml")["groups"] for rule in group["rules"]]
    used = {name for rule in rules for name in re.findall(r"\bloss:[a-z_0-9:]+", rule["expr"])}
    assert used
    assert used <= {rule.get("record") for rule in rules}


def test_the_pod_outlives_its_drain() -> None:
    pod = read(BASE / "deployment.yaml")["spec"]["template"]["spec"]
    variables = {item["name"].removeprefix("LOSS_SERVICE_").lower(): item["value"] for item in pod["containers"][0]["env"]}
    assert variables.keys() <= Settings.model_fields.keys()
    settings = Settings(**variables)
    longest = settings.grace_seconds + settings.body_seconds + settings.compute_seconds + settings.send_seconds
    assert pod["terminationGracePeriodSeconds"] > longest
    assert settings.grace_seconds > 3 * pod["containers"][0]["readinessProbe"]["periodSeconds"], "the balancer must notice before the listener closes"


def test_probes_ask_paths_that_answer(server: str) -> None:
    container = read(BASE / "deployment.yaml")["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert httpx.get(server + container[probe]["httpGet"]["path"]).status_code == 200
    assert httpx.get(server + read(BASE / "monitor.yaml")["spec"]["endpoints"][0]["path"]).status_code == 200


def test_the_predictor_of_kserve_is_the_pod_with_the_probes_of_its_protocol(server: str) -> None:
    pod = read(BASE / "deployment.yaml")["spec"]["template"]["spec"]
    predictor = read(DEPLOY / "kubernetes" / "kserve" / "inferenceservice.yaml")["spec"]["predictor"]
    one, other = pod["containers"][0], predictor["containers"][0]
    for member in ("securityContext", "terminationGracePeriodSeconds", "automountServiceAccountToken", "enableServiceLinks"):
        assert predictor[member] == pod[member]
    for member in ("image", "resources", "securityContext"):
        assert other[member] == one[member]
    assert other["env"] == [{"name": "PROTOCOL", "value": "v2"}, *one["env"]]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert other[probe]["httpGet"]["path"] == f"/v2{one[probe]['httpGet']['path']}"
        assert httpx.get(server + other[probe]["httpGet"]["path"]).status_code == 200


def test_the_pod_may_do_nothing_that_it_need_not() -> None:
    pod = read(BASE / "deployment.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert read(BASE / "network.yaml")["spec"]["egress"] == []


def test_the_image_is_of_this_version() -> None:
    labels = (DEPLOY.parent / "Dockerfile").read_text()
    assert f'image.version="{__version__}"' in labels
    for overlay in ("base", "kserve"):
        assert read(DEPLOY / "kubernetes" / overlay / "kustomization.yaml")["images"][0]["newTag"] == __version__


def test_compose_mounts_files_that_are_there() -> None:
    services = read(DEPLOY / "compose.yaml")["services"].values()
    mounted = [volume.split(":")[0] for service in services for volume in service.get("volumes", [])]
    assert mounted
    assert all((DEPLOY / path).is_file() for path in mounted)
