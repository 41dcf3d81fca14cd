"""The script of bulk prediction on Dataflow, and the image of its workers."""

import hashlib
import os
import re
import subprocess

import pytest

from servers.running import ROOT
from tests.files import project_files

SHA256 = hashlib.sha256((ROOT / "model.json").read_bytes()).hexdigest()
AT = "--region=europe-west1 --project=my-project"
REPOSITORY = "europe-west1-docker.pkg.dev/my-project/tandem"
ACCOUNT = "tandem-bulk@my-project.iam.gserviceaccount.com"
COMMANDS = f"""\
gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com dataflow.googleapis.com \
iam.googleapis.com --project=my-project
gcloud artifacts repositories describe tandem --location=europe-west1 --project=my-project >/dev/null 2>&1 \
|| gcloud artifacts repositories create tandem --repository-format=docker --location=europe-west1 --project=my-project
gcloud iam service-accounts describe {ACCOUNT} --project=my-project \
>/dev/null 2>&1 || gcloud iam service-accounts create tandem-bulk --display-name=Tandem --project=my-project
gcloud projects add-iam-policy-binding my-project --role=roles/dataflow.worker --member=serviceAccount:{ACCOUNT} \
--condition=None --format=none
gcloud artifacts repositories add-iam-policy-binding tandem --role=roles/artifactregistry.reader \
--member=serviceAccount:{ACCOUNT} --location=europe-west1 --project=my-project --format=none
gcloud storage buckets add-iam-policy-binding gs://my-bucket --role=roles/storage.objectAdmin \
--member=serviceAccount:{ACCOUNT} --format=none
gcloud builds submit . --config=deploy/bulk.cloudbuild.yaml --ignore-file=deploy/bulk.gcloudignore \
--substitutions=_IMAGE={REPOSITORY}/tandem:1,_BULK={REPOSITORY}/bulk:1 {AT}
RUNNER=dataflow MODEL_SHA256={SHA256} TRUSTED_MODULES= make bulk ARGS='gs://my-bucket/in/\\*.parquet --out \
gs://my-bucket/out -- --project=my-project --region=europe-west1 --temp_location=gs://my-bucket/tandem-tmp \
--sdk_container_image={REPOSITORY}/bulk:1 --sdk_location=container --service_account_email={ACCOUNT} \
--machine_type=n2-standard-2 --max_num_workers=20'
"""
SETTINGS = {
    "PROJECT": "my-project", "REGION": "europe-west1", "BUCKET": "my-bucket", "TAG": "1", "DRY_RUN": "1",
    "ARGS": "gs://my-bucket/in/*.parquet --out gs://my-bucket/out",
}  # fmt: skip


def deploy_bulk(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "deploy-bulk"],
        cwd=ROOT, env={"PATH": os.environ["PATH"]} | SETTINGS | settings, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_dry_run_prints_the_commands() -> None:
    done = deploy_bulk()
    assert (done.returncode, done.stdout, done.stderr) == (0, COMMANDS, "")


def test_a_pattern_reaches_the_program_as_it_is() -> None:
    command = COMMANDS.splitlines()[-1]
    done = subprocess.run(
        ["bash", "-euc", command.replace("make bulk", "make -n --no-print-directory -o .bench/bulk bulk")],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    words = subprocess.run(
        ["bash", "-euc", done.stdout.splitlines()[-1].replace("exec .bench/bulk/bin/python", "printf '%s\\n'")],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert words[words.index("bulk") + 1 :][:3] == ["gs://my-bucket/in/*.parquet", "--out", "gs://my-bucket/out"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"BUCKET": ""}, "BUCKET= cannot be used; it must look like [a-z0-9][a-z0-9._-]+, as in: PROJECT=my-project"),
        ({"BUCKET": "gs://mine"}, "BUCKET=gs://mine cannot be used; it must look like"),
        ({"ARGS": ""}, "ARGS= cannot be used; it must look like"),
        ({"ARGS": "a --out b; rm -r c"}, "ARGS=a --out b; rm -r c cannot be used; it must look like"),
        ({"ARGS": "$(touch x) --out b"}, "ARGS=$(touch x) --out b cannot be used; it must look like"),
        ({"MACHINE": "a b"}, "MACHINE=a b cannot be used; it must look like [a-z0-9-]+"),
        ({"PROJECT": "a; b"}, "PROJECT=a; b cannot be used; it must look like"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(settings: dict[str, str], message: str) -> None:
    done = deploy_bulk(**settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].startswith(f"tandem: {message}")


def test_the_image_has_the_beam_and_the_python_of_the_lock_and_of_the_servers() -> None:
    image = (ROOT / "bulk" / "Dockerfile").read_text()
    python, beam = re.search(r"^FROM apache/beam_python(.+)_sdk:(.+) AS beam$", image, re.MULTILINE).groups()  # type: ignore[union-attr]
    assert f"\napache-beam[gcp]=={beam} " in (ROOT / "bulk" / "requirements.txt").read_text()
    assert f"FROM python:{python}-slim" in (ROOT / "Dockerfile").read_text()


def test_what_the_images_copy_is_uploaded_and_is_in_the_builders_context() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "bulk" / "Dockerfile").read_text(), re.MULTILINE))
    context = {
        line[1:] for line in (ROOT / "bulk" / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"
    }
    assert {name.split("/")[0] for name in copied} == context == {"bulk", "tables"}
    ours, servers = (
        {line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")}
        for name in ("deploy/bulk.gcloudignore", ".gcloudignore")
    )
    assert ours - servers == {"!/bulk/", "!/bulk/**", "!/tables/", "!/tables/**"}
    assert servers - ours == {"!/main.py"}
    # And the servers' deployments have nothing of it.
    for name in (".gcloudignore", ".dockerignore", "deploy/function.gcloudignore"):
        assert not re.search("^!/?(bulk|tables)", (ROOT / name).read_text(), re.MULTILINE)
    assert {"bulk/requirements.txt", "bulk/Dockerfile", "deploy/bulk.gcloudignore"} <= set(project_files())


def test_beam_is_locked_beside_exactly_the_packages_that_are_deployed() -> None:
    def pins(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for package, version in re.findall(
            r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE
        ):
            found.setdefault(package, set()).add(version)
        return found

    ours, deployed = pins("bulk/requirements.txt"), pins("requirements.txt")
    different = {name for name, versions in deployed.items() if ours[name] != versions}
    assert different <= {"numpy", "protobuf", "python-dateutil"}
    # A model takes another numpy of the same major version only.
    assert {version.split(".")[0] for version in ours["numpy"] | deployed["numpy"]} == {"2"}
