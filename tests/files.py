"""Copies of the project, to change or to run without the rest."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from predictor.artifact import installed_packages
from servers.running import ROOT


def project_files() -> list[str]:
    """Return what git tracks or would track, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return sorted(name for name in listed.stdout.split() if (ROOT / name).is_file())


def copy_files(names: Iterable[str], folder: Path) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def copy_model(folder: Path) -> Path:
    """Copy the committed model, as if this very Python had trained it: another one's is worth a warning in the log."""
    folder.mkdir(parents=True, exist_ok=True)
    copy_files(["model.pkl", "model.json"], folder)
    manifest = json.loads((folder / "model.json").read_text())
    manifest["packages"] = installed_packages()
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder
