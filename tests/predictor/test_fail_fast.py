"""A model that cannot be trusted ends both hosts at once: one line on stderr, a failing status, nothing run."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest

from servers.running import FUNCTION, GUNICORN, ROOT, environment, free_port
from tests.predictor.test_loading import Gadget

pytestmark = pytest.mark.slow


def flip_a_bit(artifact: Path) -> None:
    data = bytearray((artifact / "model.pkl").read_bytes())
    data[300] ^= 1
    (artifact / "model.pkl").write_bytes(data)


def plant_a_payload(artifact: Path) -> None:
    joblib.dump(Gadget(Path.touch, artifact / "proof"), artifact / "model.pkl")
    data = (artifact / "model.pkl").read_bytes()
    manifest: dict[str, Any] = json.loads((artifact / "model.json").read_text())
    manifest["artifact"] |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (artifact / "model.json").write_text(json.dumps(manifest))


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing pickle": (lambda a: (a / "model.pkl").unlink(), "cannot read "),
    "empty pickle": (lambda a: (a / "model.pkl").write_bytes(b""), "is not the file that model.json describes"),
    "flipped bit": (flip_a_bit, "is not the file that model.json describes"),
    "payload": (plant_a_payload, "which its manifest does not list; do not trust it"),
    "malformed manifest": (lambda a: (a / "model.json").write_text("{}"), "model.json is not a manifest"),
}


@pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])
@pytest.mark.parametrize("name", BROKEN)
def test_both_hosts_refuse_to_start(command: list[str], name: str, tmp_path: Path) -> None:
    for file in ("model.pkl", "model.json"):
        shutil.copy(ROOT / file, tmp_path)
    spoil, says = BROKEN[name]
    spoil(tmp_path)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(MODEL_DIR=str(tmp_path), PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("tandem: ")
    assert says in line
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MODEL_SHA256", "0" * 64, "tandem: MODEL_SHA256 asks for the model 000"),
        ("ALLOW_VERSION_MISMATCH", "yes", "tandem: ALLOW_VERSION_MISMATCH='yes' must be 0 or 1; unset, it is 0"),
    ],
)
def test_the_environment_is_heard(name: str, value: str, says: str) -> None:
    done = subprocess.run(
        GUNICORN, cwd=ROOT, env=environment(**{name: value}), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr.startswith(says), done.stderr.count("\n")) == (1, True, 1)
