"""The deployment manifests: against Kubernetes' published schemas, and what Tandem needs of them."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import requests
import yaml

from predictor import load
from servers.running import BIN, ROOT, running

KUBERNETES = kubernetes_validate.latest_version()


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "deploy" / name).read_text()))


def validate(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_the_kubernetes_manifests_are_valid_and_fit_together() -> None:
    deployment, service, autoscaler = documents("kubernetes.yaml")
    for document in (deployment, service, autoscaler):
        validate(document)
    template = deployment["spec"]["template"]
    [container] = template["spec"]["containers"]
    [port] = container["ports"]
    assert (
        template["metadata"]["labels"] == deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    )
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert autoscaler["spec"]["scaleTargetRef"] == {
        key: deployment[key] for key in ("apiVersion", "kind")
    } | {"name": deployment["metadata"]["name"]}  # fmt: skip
    # The autoscaler's percentages are of the request.
    assert container["resources"]["requests"]["cpu"]
    # Time to be forgotten by the nodes, then for gunicorn's graceful_timeout.
    assert template["spec"]["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"] + 8


@pytest.mark.parametrize(
    "slip", [{"replicaz": 1}, {"replicas": "two"}, {"template": {"spec": {"containers": [{"name": "a", "port": 1}]}}}]
)
def test_the_schemas_find_slips(slip: dict[str, Any]) -> None:
    deployment = documents("kubernetes.yaml")[0]
    deployment["spec"] |= slip
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(deployment)


@pytest.mark.parametrize("name", ["service.yaml", "knative.yaml"])
def test_a_knative_service_is_a_pod_with_two_more_settings(name: str) -> None:
    [service] = documents(name)
    assert set(service) == {"apiVersion", "kind", "metadata", "spec"}
    assert (service["apiVersion"], service["kind"], service["metadata"]["name"]) == (
        "serving.knative.dev/v1",
        "Service",
        "tandem",
    )
    assert set(service["spec"]) == {"template"}
    template = service["spec"]["template"]
    # Annotations are strings; Knative refuses others.
    for annotations in (service["metadata"].get("annotations", {}), template["metadata"]["annotations"]):
        assert {type(value) for value in annotations.values()} <= {str}
    pod = dict(template["spec"])
    concurrency, timeout = pod.pop("containerConcurrency"), pod.pop("timeoutSeconds")
    assert timeout == 60
    [container] = pod["containers"]
    threads = {variable["name"]: variable["value"] for variable in container["env"]}["THREADS"]
    assert (str(concurrency), threads) in {("4", "4"), ("${CONCURRENCY}", "${THREADS}")}
    # Knative fills in the container's name and the port of a probe.
    pod["containers"] = [{"name": "tandem"} | container]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container:
            container[probe]["httpGet"].setdefault("port", 8080)
    validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tandem"}, "spec": pod})
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    first = container.get("startupProbe") or container["readinessProbe"]
    assert first["httpGet"]["path"] == "/ready"


def manifest(**environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "-s", "manifest"], cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | environ
    )


@pytest.mark.parametrize("kind", ["kubernetes", "knative"])
@pytest.mark.parametrize("image", ["registry.example.com:5000/a/b:2.0-x", f"r.example/t@sha256:{'a' * 64}"])
def test_a_manifest_is_printed_for_an_image_and_this_model_only(kind: str, image: str) -> None:
    done = manifest(FOR=kind, IMAGE=image, TRUSTED_MODULES="lightgbm,mine.parts")
    assert (done.returncode, done.stderr) == (0, "")
    printed, committed = list(yaml.safe_load_all(done.stdout)), documents(f"{kind}.yaml")
    [container] = printed[0]["spec"]["template"]["spec"]["containers"]
    [usual] = committed[0]["spec"]["template"]["spec"]["containers"]
    digest = {variable["name"]: variable["value"] for variable in container["env"]}["MODEL_SHA256"]
    assert load(ROOT, sha256=digest).sha256 == digest
    usual |= {"image": image}
    usual["env"] = [
        {"name": "THREADS", "value": "4"},
        {"name": "MODEL_SHA256", "value": digest},
        {"name": "TRUSTED_MODULES", "value": "lightgbm,mine.parts"},
    ]
    assert printed == committed


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "tandem: IMAGE= cannot be used, it must look like"),
        ({"IMAGE": "a|b"}, "tandem: IMAGE=a|b cannot be used"),
        ({"IMAGE": "a\nprivileged: true"}, "cannot be used"),
        ({"IMAGE": '"; touch /tmp/x; "'}, "cannot be used"),
        ({"IMAGE": "a", "FOR": "../service"}, "tandem: FOR=../service cannot be used"),
        ({"IMAGE": "a", "TRUSTED_MODULES": 'a"b'}, "tandem: TRUSTED_MODULES"),
        (
            {"IMAGE": "a", "MODEL_SHA256": "0" * 64},
            f"tandem: MODEL_SHA256 asks for the model {'0' * 64}, but model.json is",
        ),
    ],
)
def test_a_manifest_that_would_be_another_is_not_printed(environ: dict[str, str], says: str) -> None:
    done = manifest(**environ)
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert says in done.stderr


def test_cloud_run_waits_for_the_model_and_has_time_to_load_it() -> None:
    [service] = documents("service.yaml")
    template = service["spec"]["template"]
    assert template["metadata"]["annotations"]["run.googleapis.com/startup-cpu-boost"] == "true"
    probe = template["spec"]["containers"][0]["startupProbe"]
    assert 30 <= probe["failureThreshold"] * probe["periodSeconds"] <= 240  # which is Cloud Run's limit
    assert probe["timeoutSeconds"] <= probe["periodSeconds"]


def test_cloud_build_builds_and_pushes_one_image() -> None:
    assert documents("cloudbuild.yaml") == [
        {
            "steps": [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "--tag", "$_IMAGE", "."]}],
            "images": ["$_IMAGE"],
            "timeout": "1200s",
            "options": {"logging": "CLOUD_LOGGING_ONLY"},
        }
    ]


def test_the_image_runs_as_a_user_by_number_and_installs_by_hash() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall("^USER (.*)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert re.findall("pip install (.*?) -r", dockerfile) == ["--no-cache-dir --compile --require-hashes"]


def test_serve_as_the_images_argument_starts_it(tmp_path: Path) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    [(target, word)] = re.findall(r"^RUN ln -s (\S+) /venv/bin/(\S+)$", dockerfile, re.MULTILINE)
    assert (target, word) == ("gunicorn", "serve")
    assert "ENTRYPOINT" not in dockerfile  # `docker run IMAGE serve` would hand it the word instead
    (tmp_path / word).symlink_to(BIN / target)
    with running([str(tmp_path / word)], tmp_path / "log") as server:
        assert requests.get(f"{server.url}/ping", timeout=5).status_code == 200
