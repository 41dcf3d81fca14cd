"""The deploy scripts: the commands they print, and how they run through or stop."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from servers.running import ROOT

IMAGE = "europe-west1-docker.pkg.dev/my-project/tandem/tandem:1"
SHA256 = hashlib.sha256((ROOT / "model.json").read_bytes()).hexdigest()
AT = "--region=europe-west1 --project=my-project"
RUN = f"""\
gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com iam.googleapis.com \
run.googleapis.com --project=my-project
gcloud artifacts repositories describe tandem --location=europe-west1 --project=my-project >/dev/null 2>&1 \
|| gcloud artifacts repositories create tandem --repository-format=docker --location=europe-west1 --project=my-project
gcloud iam service-accounts describe tandem-run@my-project.iam.gserviceaccount.com --project=my-project \
>/dev/null 2>&1 || gcloud iam service-accounts create tandem-run --display-name=Tandem --project=my-project
gcloud builds submit . --config=deploy/cloudbuild.yaml --substitutions=_IMAGE={IMAGE} {AT}
sed -e 's|${{IMAGE}}|{IMAGE}|' -e 's|${{PROJECT}}|my-project|' -e 's|${{CPU}}|1|' -e 's|${{MEMORY}}|1Gi|' \
-e 's|${{THREADS}}|4|' -e 's|${{CONCURRENCY}}|4|' -e 's|${{MIN_INSTANCES}}|0|' -e 's|${{MAX_INSTANCES}}|3|' \
-e 's|${{LOG_LEVEL}}|INFO|' -e 's|${{MODEL_SHA256}}|{SHA256}|' -e 's|${{TRUSTED_MODULES}}||' \
-e 's|${{INVOKER_IAM_DISABLED}}|false|' deploy/service.yaml \
| gcloud run services replace - {AT}
gcloud run services describe tandem --format='value(status.url)' {AT}
"""
FUNCTION = f"""\
gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com cloudfunctions.googleapis.com \
iam.googleapis.com run.googleapis.com --project=my-project
gcloud iam service-accounts describe tandem-function@my-project.iam.gserviceaccount.com --project=my-project \
>/dev/null 2>&1 || gcloud iam service-accounts create tandem-function --display-name=Tandem --project=my-project
gcloud functions deploy tandem-function --gen2 --runtime=python313 --entry-point=predict --trigger-http --source=. \
--ignore-file=deploy/function.gcloudignore --cpu=1 --memory=1Gi --concurrency=2 --timeout=60s --min-instances=0 \
--max-instances=3 --set-env-vars=^:^WORKERS=1:THREADS=2:LOG_LEVEL=INFO:GOOGLE_CLOUD_PROJECT=my-project:\
MODEL_SHA256={SHA256}:TRUSTED_MODULES= \
--service-account=tandem-function@my-project.iam.gserviceaccount.com --no-allow-unauthenticated {AT} --quiet
gcloud functions describe tandem-function --gen2 --format='value(serviceConfig.uri)' {AT}
"""
VERTEX = f"""\
gcloud services enable aiplatform.googleapis.com artifactregistry.googleapis.com cloudbuild.googleapis.com \
iam.googleapis.com --project=my-project
gcloud artifacts repositories describe tandem --location=europe-west1 --project=my-project >/dev/null 2>&1 \
|| gcloud artifacts repositories create tandem --repository-format=docker --location=europe-west1 --project=my-project
gcloud iam service-accounts describe tandem-vertex@my-project.iam.gserviceaccount.com --project=my-project \
>/dev/null 2>&1 || gcloud iam service-accounts create tandem-vertex --display-name=Tandem --project=my-project
gcloud builds submit . --config=deploy/cloudbuild.yaml --substitutions=_IMAGE={IMAGE} {AT}
if gcloud ai models describe tandem {AT} >/dev/null 2>&1; then gcloud ai models upload --display-name=tandem \
--container-image-uri={IMAGE} --container-ports=8080 --container-predict-route=/vertex \
--container-health-route=/ready \
--container-env-vars=^:^THREADS=4:LOG_LEVEL=INFO:GOOGLE_CLOUD_PROJECT=my-project:\
MODEL_SHA256={SHA256}:TRUSTED_MODULES= {AT} \
--parent-model=projects/my-project/locations/europe-west1/models/tandem; else gcloud ai models upload \
--display-name=tandem --container-image-uri={IMAGE} --container-ports=8080 --container-predict-route=/vertex \
--container-health-route=/ready \
--container-env-vars=^:^THREADS=4:LOG_LEVEL=INFO:GOOGLE_CLOUD_PROJECT=my-project:\
MODEL_SHA256={SHA256}:TRUSTED_MODULES= {AT} --model-id=tandem; fi
gcloud ai endpoints describe tandem {AT} >/dev/null 2>&1 || gcloud ai endpoints create --endpoint-id=tandem \
--display-name=tandem {AT}
gcloud ai endpoints deploy-model tandem --model=tandem --display-name=tandem-1 --traffic-split=0=100 \
--machine-type=n1-standard-2 --min-replica-count=1 --max-replica-count=3 \
--service-account=tandem-vertex@my-project.iam.gserviceaccount.com {AT}
gcloud ai endpoints describe tandem '--format=value(deployedModels.id,deployedModels.displayName)' {AT}
"""
PRINTED = {"deploy-run": RUN, "deploy-function": FUNCTION}
PRIVATE = "It is private: callers need the role roles/run.invoker and an identity token. PUBLIC=1 lets anyone in.\n"
SETTINGS = {"PROJECT": "my-project", "REGION": "europe-west1", "TAG": "1"}
BOTH = pytest.mark.parametrize("target", PRINTED)

# Records its arguments and, where it is given a service, that; fails where it is told to.
STAND_IN = """\
#!/usr/bin/env python3
import json, os, sys
with open(os.environ["RECORD"], "a") as record:
    record.write(json.dumps([sys.argv[1:], sys.stdin.read() if "-" in sys.argv else ""]) + "\\n")
if os.environ.get("FAIL_AT", "never") in " ".join(sys.argv):
    sys.exit("ERROR: (gcloud) no permission")
"""


def make(target: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | settings
    return subprocess.run(
        ["make", "--no-print-directory", target], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


@pytest.fixture
def stand_in(tmp_path: Path) -> dict[str, str]:
    """Return the settings of a deployment by a gcloud that only records."""
    gcloud = tmp_path / "bin" / "gcloud"
    gcloud.parent.mkdir()
    gcloud.write_text(STAND_IN)
    gcloud.chmod(0o755)
    return SETTINGS | {"PATH": f"{gcloud.parent}:{os.environ['PATH']}", "RECORD": str(tmp_path / "record")}


def recorded(stand_in: dict[str, str]) -> list[tuple[list[str], str]]:
    record = Path(stand_in["RECORD"])
    return [tuple(json.loads(line)) for line in record.read_text().splitlines()] if record.exists() else []


@BOTH
def test_a_dry_run_prints_the_commands_and_runs_none(target: str, stand_in: dict[str, str]) -> None:
    done = make(target, **stand_in, DRY_RUN="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED[target], PRIVATE)
    assert recorded(stand_in) == []


@BOTH
def test_public_means_public_and_says_so(target: str) -> None:
    done = make(target, **SETTINGS, DRY_RUN="1", PUBLIC="1")
    private, public = (
        ("DISABLED}|false", "DISABLED}|true") if target == "deploy-run" else (" --no-allow-un", " --allow-un")
    )
    assert done.stdout == PRINTED[target].replace(private, public)
    assert done.stderr == "PUBLIC=1: anyone on the internet can call it.\n"


@BOTH
def test_what_is_printed_is_what_runs(target: str, stand_in: dict[str, str], tmp_path: Path) -> None:
    done = make(target, **stand_in)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED[target], PRIVATE)
    by_script = recorded(stand_in)
    pasted = stand_in | {"RECORD": str(tmp_path / "pasted")}
    subprocess.run(["bash", "-euc", PRINTED[target]], cwd=ROOT, env=pasted, check=True)
    assert by_script == recorded(pasted)
    assert not any(words[2] == "create" for words, _ in by_script)


def test_vertex_ai_gets_the_image_as_a_new_version_of_its_model(stand_in: dict[str, str], tmp_path: Path) -> None:
    done = make("deploy-vertex", **stand_in, DRY_RUN="1")
    assert (done.returncode, done.stdout) == (0, VERTEX)
    assert "It is private: callers need the role roles/aiplatform.user." in done.stderr
    assert recorded(stand_in) == []
    assert make("deploy-vertex", **stand_in).returncode == 0
    by_script = recorded(stand_in)
    pasted = stand_in | {"RECORD": str(tmp_path / "pasted")}
    subprocess.run(["bash", "-euc", VERTEX], cwd=ROOT, env=pasted, check=True)
    assert by_script == recorded(pasted)
    uploads = [words for words, _ in by_script if words[:3] == ["ai", "models", "upload"]]
    assert [word for word in uploads[0] if "model=" in word or "model-id" in word] == [
        "--parent-model=projects/my-project/locations/europe-west1/models/tandem"
    ]
    first = stand_in | {"RECORD": str(tmp_path / "first"), "FAIL_AT": "ai models describe"}
    assert make("deploy-vertex", **first).returncode == 0
    assert any("--model-id=tandem" in words for words, _ in recorded(first))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"PUBLIC": "1"},
            "Vertex AI has no public endpoints; callers need the role roles/aiplatform.user. Leave PUBLIC out",
        ),
        ({"MACHINE": "a b"}, "MACHINE=a b cannot be used; it must look like [a-z0-9-]+"),
        ({"REGION": "$(x)"}, "REGION=$(x) cannot be used; it must look like [a-z][a-z0-9-]+"),
    ],
)
def test_a_setting_that_vertex_ai_cannot_use_is_one_line(
    settings: dict[str, str], message: str, stand_in: dict[str, str]
) -> None:
    done = make("deploy-vertex", **stand_in | settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"tandem: {message}"
    assert recorded(stand_in) == []


def test_the_service_that_is_deployed_has_every_setting_in_place(stand_in: dict[str, str]) -> None:
    settings = {"CPU": "2", "THREADS": "8", "MEMORY": "2Gi", "MIN_INSTANCES": "1", "LOG_LEVEL": "WARNING"}
    settings |= {"TRUSTED_MODULES": "lightgbm,mine.parts"}
    assert make("deploy-run", **stand_in, **settings).returncode == 0
    [service] = [service for _, service in recorded(stand_in) if service]
    assert "${" not in service.split("metadata:", 1)[1]
    for line in (
        "containerConcurrency: 16 #",
        'run.googleapis.com/invoker-iam-disabled: "false"',
        f"- image: {IMAGE}\n",
        'autoscaling.knative.dev/minScale: "1"\n',
        'autoscaling.knative.dev/maxScale: "3"\n',
        "serviceAccountName: tandem-run@my-project.iam.gserviceaccount.com\n",
        'cpu: "2"\n              memory: 2Gi\n',
        '- name: WEB_CONCURRENCY\n              value: "2"\n',
        '- name: THREADS\n              value: "8"\n',
        "- name: LOG_LEVEL\n              value: WARNING\n",
        "- name: GOOGLE_CLOUD_PROJECT\n              value: my-project\n",
        f'              value: "{SHA256}"\n',
        '- name: TRUSTED_MODULES\n              value: "lightgbm,mine.parts"\n',
    ):
        assert line in service


@pytest.mark.parametrize(
    ("target", "step", "last"),
    [
        ("deploy-run", "services enable", "services enable"),
        ("deploy-run", "repositories", "repositories create"),
        ("deploy-run", "builds submit", "builds submit"),
        ("deploy-run", "services replace", "services replace"),
        ("deploy-function", "service-accounts", "service-accounts create"),
        ("deploy-function", "functions deploy", "functions deploy"),
    ],
)
def test_the_first_failing_step_is_the_last(target: str, step: str, last: str, stand_in: dict[str, str]) -> None:
    done = make(target, **stand_in, FAIL_AT=step)
    assert done.returncode != 0
    failed = done.stdout.splitlines()[-1]
    assert last in failed
    assert done.stderr.startswith(
        f"ERROR: (gcloud) no permission\ntandem: stopped, since this step failed: {failed}\nmake: *** "
    )
    assert last in " ".join(recorded(stand_in)[-1][0])


def test_what_is_missing_is_created(stand_in: dict[str, str]) -> None:
    assert make("deploy-run", **stand_in, FAIL_AT="repositories describe").returncode == 0
    begun = [" ".join(words[:3]) for words, _ in recorded(stand_in)]
    assert begun[1:3] == ["artifacts repositories describe", "artifacts repositories create"]


@BOTH
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"PROJECT": ""}, "set PROJECT, as in: PROJECT=my-project REGION=europe-west1 make deploy-run"),
        ({"REGION": ""}, "set REGION, as in: PROJECT=my-project REGION=europe-west1 make deploy-run"),
        ({"PROJECT": "a; b"}, "PROJECT=a; b cannot be used; it must look like [a-z][a-z0-9-]+"),
        ({"REGION": "$(x)"}, "REGION=$(x) cannot be used; it must look like [a-z][a-z0-9-]+"),
        ({"THREADS": "many"}, "THREADS=many cannot be used; it must look like [1-9][0-9]*"),
        ({"PUBLIC": "yes"}, "PUBLIC=yes cannot be used; it must look like [01]"),
        ({"TRUSTED_MODULES": "a:B=c"}, "TRUSTED_MODULES=a:B=c cannot be used; it must look like [A-Za-z0-9_.,]*"),
        ({"MODEL_SHA256": "0" * 64}, f"MODEL_SHA256 asks for the model {'0' * 64}, but model.json is {SHA256}"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(
    target: str, settings: dict[str, str], message: str, stand_in: dict[str, str]
) -> None:
    done = make(target, **stand_in | settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"tandem: {message}"
    assert recorded(stand_in) == []


def test_without_a_model_nothing_is_deployed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    done = subprocess.run(
        [tmp_path / "deploy" / "run.sh"], env=os.environ | SETTINGS, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "tandem: cannot read model.json; make train writes it\n",
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is in no package index that CI reaches")
@pytest.mark.parametrize("command", [line for text in (*PRINTED.values(), VERTEX) for line in text.splitlines()])
def test_gcloud_itself_takes_every_command_until_it_asks_for_an_account(command: str, tmp_path: Path) -> None:
    # Names and values of options, and the names of the fields of service.yaml, are checked before that.
    nobody = {"CLOUDSDK_CONFIG": str(tmp_path), "CLOUDSDK_CORE_CHECK_GCE_METADATA": "False", "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=nobody, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "You do not currently have an active account selected." in done.stderr
