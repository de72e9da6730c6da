"""The files of deploy/ fit the service. `make deploy-check` gives it to the programs that will read it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service import __version__
from service.settings import MIB, Settings
from tests.conftest import running
from tests.edge.wire import wait_until
from tests.readme import PROMETHEUS_RULE, prometheus_rule

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
BASE = KUBERNETES / "base"
COMPONENTS = ["monitoring", "tokens", "gateway", "queue-time"]
BUILT_IN = {"v1", "apps/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1"}
KUBECTL = DEPLOY.parent / ".venv-deploy/bin/kubectl"
AT_REST = 150 * MIB  # resident memory of a worker that has served every loss (tests/losses/WORK.md)
YAML = sorted([*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")])


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def rendered(directory: Path) -> dict[str, Any]:
    """Return the objects that `kubectl apply -k` sends, by kind."""
    kubectl = str(KUBECTL) if KUBECTL.exists() else shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    text = subprocess.run([kubectl, "kustomize", str(directory)], capture_output=True, text=True, check=True).stdout
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [rule["expr"] for group in read(DEPLOY / "prometheus" / "rules.yml")["groups"] for rule in group["rules"]]
    adapted = [f"{rule['seriesQuery']}" for rule in read(DEPLOY / "kubernetes" / "queue-time" / "adapter.yaml")]
    return shown + rules + adapted


@pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_yaml_parses(path: Path) -> None:
    assert all(yaml.safe_load_all(path.read_text()))


def test_every_metric_that_is_looked_at_exists(server: str) -> None:
    httpx.post(f"{server}/loss/huber", json={"predictions": [1.0], "labels": [0.0]}).raise_for_status()
    for rejected in ({}, {"predictions": [1e300], "labels": [-1e300]}):
        assert httpx.post(f"{server}/loss/mse", json=rejected).status_code == 422
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


def test_the_pod_holds_the_queue_and_two_requests_at_the_caps() -> None:
    container = read(BASE / "deployment.yaml")["spec"]["template"]["spec"]["containers"][0]
    settings = Settings()
    request = settings.max_work_bytes + settings.max_body_bytes + settings.max_response_bytes
    assert int(container["resources"]["limits"]["memory"].removesuffix("Mi")) * MIB > AT_REST + settings.max_queue_bytes + 2 * request


def test_probes_ask_paths_that_answer(server: str) -> None:
    container = read(BASE / "deployment.yaml")["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert httpx.get(server + container[probe]["httpGet"]["path"]).status_code == 200
    assert httpx.get(server + read(KUBERNETES / "monitoring" / "monitor.yaml")["spec"]["endpoints"][0]["path"]).status_code == 200


def test_the_base_needs_no_custom_resource() -> None:
    assert {document["apiVersion"] for document in rendered(BASE).values()} <= BUILT_IN


def test_production_has_every_component() -> None:
    assert read(KUBERNETES / "production" / "kustomization.yaml")["components"] == [f"../{name}" for name in COMPONENTS]
    assert rendered(KUBERNETES / "production").keys() >= {
        "Deployment",
        "ServiceMonitor",
        "PrometheusRule",
        "Gateway",
        "HTTPRoute",
        "BackendTrafficPolicy",
    }


def test_one_secret_has_the_tokens_of_the_callers_and_of_prometheus(tmp_path: Path) -> None:
    """The pod mounts the Secret, with links as the kubelet makes them; the ServiceMonitor sends the token of one of its keys."""
    documents = rendered(KUBERNETES / "production")
    pod = documents["Deployment"]["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    (mount,) = pod["containers"][0]["volumeMounts"]
    variables = {item["name"]: item["value"] for item in pod["containers"][0]["env"]}
    credentials = documents["ServiceMonitor"]["spec"]["endpoints"][0]["authorization"]["credentials"]
    assert (volume["secret"]["secretName"], variables["LOSS_SERVICE_TOKENS_FILE"]) == (credentials["name"], mount["mountPath"])
    assert (volume["secret"]["defaultMode"] & 0o004, pod["securityContext"]["fsGroup"]) == (0, pod["securityContext"]["runAsGroup"])

    secret = {credentials["key"]: "scraping-token", "trainer": "training-token"}
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    for name, token in secret.items():
        (tmp_path / "..2026" / name).write_text(token)
        (tmp_path / name).symlink_to(f"..data/{name}")
    with running(LOSS_SERVICE_TOKENS_FILE=str(tmp_path)) as url:
        assert httpx.get(f"{url}/metrics").status_code == 401
        for token in secret.values():
            assert httpx.get(f"{url}/metrics", headers={"authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
@pytest.mark.parametrize(("protected", "config", "up"), [(False, "prometheus.yml", "1"), (True, "tokens.yml", "1"), (True, "prometheus.yml", "0")])
def test_prometheus_scrapes_with_and_without_tokens(protected: bool, config: str, up: str, tmp_path: Path) -> None:
    """Prometheus runs with the configuration of compose, in which the addresses and paths of this test replace those of the containers."""
    (tmp_path / "prometheus").write_text("scraping-token\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with running(**({"LOSS_SERVICE_TOKENS_FILE": str(tmp_path)} if protected else {})) as url:
        text = (DEPLOY / "prometheus" / config).read_text().replace("service:8000", url.removeprefix("http://")).replace("15s", "1s")
        text = text.replace("/run/secrets", str(tmp_path)).replace("/etc/prometheus", f"{DEPLOY}/prometheus")
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "prometheus.yml").write_text(text)
        paths = [f"--config.file={tmp_path}/config/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        process = subprocess.Popen(["prometheus", *paths, f"--web.listen-address={address}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: _series(address, 'up{job="loss-service"}') == [up], 30)
            assert _series(address, "loss_build_info") == ["1"] * int(up)
        finally:
            process.terminate()
            process.wait(30)


def _series(address: str, query: str) -> list[str]:
    """The values of a query, none while Prometheus does not answer yet."""
    try:
        found = httpx.get(f"http://{address}/api/v1/query", params={"query": query}).raise_for_status().json()
    except httpx.HTTPError:
        return []
    return [item["value"][1] for item in found["data"]["result"]]


def test_alerts_of_the_operator_are_those_of_prometheus() -> None:
    assert PROMETHEUS_RULE.read_text() == prometheus_rule(), "make docs writes it"
    assert read(PROMETHEUS_RULE)["spec"] == read(DEPLOY / "prometheus" / "rules.yml")


def test_every_alert_says_what_to_do_and_has_a_test() -> None:
    alerts = {rule["alert"]: rule for group in read(DEPLOY / "prometheus" / "rules.yml")["groups"] for rule in group["rules"] if "alert" in rule}
    tested = {
        case["alertname"]
        for test in read(DEPLOY / "prometheus" / "tests.yml")["tests"]
        for case in test.get("alert_rule_test", ())
        if case["exp_alerts"]
    }
    assert tested == alerts.keys()
    for rule in alerts.values():
        assert rule["annotations"]["runbook"].endswith(".")
        for variable in re.findall(r"LOSS_SERVICE_\w+", str(rule["annotations"])):
            assert variable.removeprefix("LOSS_SERVICE_").lower() in Settings.model_fields


def test_the_memory_alert_knows_the_limit() -> None:
    limit = read(BASE / "deployment.yaml")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    (rule,) = [rule for rule in read(PROMETHEUS_RULE)["spec"]["groups"][1]["rules"] if rule["alert"] == "LossServiceMemory"]
    assert rule["expr"].endswith(f"> 0.9 * {limit.removesuffix('Mi')} * 1024 * 1024")


def test_the_gateway_waits_as_long_as_the_pod() -> None:
    documents = rendered(KUBERNETES / "production")
    (rule,) = documents["HTTPRoute"]["spec"]["rules"]
    seconds = documents["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert rule["timeouts"]["request"] == f"{seconds}s"
    (backend,) = rule["backendRefs"]
    service = documents["Service"]
    assert (backend["name"], backend["port"]) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    assert {listener["protocol"] for listener in documents["Gateway"]["spec"]["listeners"]} == {"HTTPS"}
    (target,) = documents["BackendTrafficPolicy"]["spec"]["targetRefs"]
    assert target["name"] == documents["HTTPRoute"]["metadata"]["name"]


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
    files = [read(DEPLOY / name)["services"].values() for name in ("compose.yaml", "compose.tokens.yaml")]
    mounted = [volume.split(":")[0] for services in files for service in services for volume in service.get("volumes", [])]
    assert len(mounted) > 5
    assert all((DEPLOY / path).is_file() for path in mounted)
