"""The locks can be installed on any day, by any pip and Python that people have; what is installed then predicts."""

import itertools
import os
import subprocess
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from servers.running import ROOT, environment
from tests.files import copy_files, project_files

HERE = Path(sysconfig.get_paths()["purelib"])
PYTHONS = [f"3.{minor}" for minor in range(11, 15)]
# Where a lock, which is one for all of them, may be installed.
PLACES = [
    {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system, "platform_system": name}
    for python, (system, name) in itertools.product(PYTHONS, [("linux", "Linux"), ("darwin", "Darwin")])
]


def locked(lock: Path) -> dict[str, set[str]]:
    """Return what a lock installs: each package with the extras that its lines name."""
    found: dict[str, set[str]] = {}
    for line in lock.read_text().splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.removesuffix("\\"))
            found.setdefault(canonicalize_name(requirement.name), set()).update(
                map(canonicalize_name, requirement.extras)
            )
    return found


def applies(marker: Marker | None, extras: set[str]) -> bool:
    """Whether a requirement of a package with these extras holds on some Python and system."""
    wanted = itertools.product(PLACES, ["", *extras])
    return marker is None or any(marker.evaluate({**place, "extra": extra}) for place, extra in wanted)


def unmet_extras(lock: Path, packages: Path) -> list[str]:
    """Return what locked packages ask each other for with an extra that the lock lacks, by their metadata.

    pip before 23.3 refuses such a lock from the day on which a newer release of the package appears.
    """
    lines, found = locked(lock), []
    for one in distributions(path=[str(packages)]):
        name = canonicalize_name(one.name)
        for requirement in map(Requirement, (one.requires or []) if name in lines else []):
            if applies(requirement.marker, lines[name]):
                asked = {canonicalize_name(extra) for extra in requirement.extras}
                missing = asked - lines.get(canonicalize_name(requirement.name), set())
                found += [f"{name} asks for {requirement.name}[{extra}]" for extra in sorted(missing)]
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_has_every_extra_that_its_packages_ask_for(name: str) -> None:
    lock = ROOT / name
    assert unmet_extras(lock, HERE) == []
    # Not because nothing was looked at; some packages are for other systems.
    here = {canonicalize_name(one.name) for one in distributions(path=[str(HERE)])}
    assert len(here & set(locked(lock))) > 0.8 * len(locked(lock))


@pytest.mark.parametrize(
    ("line", "unmet"),
    [
        ("coverage==7.17.3", ["pytest-cov asks for coverage[toml]"]),
        ("coverage[other]==7.17.3", ["pytest-cov asks for coverage[toml]"]),
        ("coverage[other,toml]==7.17.3", []),
        ("coverage[TOML]==7.17.3 ; python_full_version >= '3.11' \\", []),
        ("other==1", ["pytest-cov asks for coverage[toml]"]),
    ],
)
def test_an_extra_that_a_lock_lacks_is_found(tmp_path: Path, line: str, unmet: list[str]) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"{line}\n    --hash=sha256:0\n    # via pytest-cov\nPytest_Cov==7.1.0 \\\n")
    assert unmet_extras(lock, HERE) == unmet


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "name"), [("peers", "requirements"), ("peers-pandas", "requirements-pandas")])
def test_the_peers_locks_have_every_extra_that_their_packages_ask_for(folder: str, name: str) -> None:
    subprocess.run(["make", "-s", f".bench/{folder}"], cwd=ROOT, check=True)
    [packages] = (ROOT / ".bench" / folder / "lib").glob("python*/site-packages")
    lock = ROOT / f"benchmarks/peers/{name}.txt"
    assert unmet_extras(lock, packages) == []
    assert "standard" in locked(lock)["uvicorn"]


def candidates(version: str) -> list[Path]:
    """Return where a Python of this version may be: on PATH, or one of pyenv's."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    return [folder / f"python{version}" for folder in [*sorted(pyenv.glob(f"{version}.*/bin")), *folders]]


def runs(python: Path, version: str) -> bool:
    """Whether it is that Python; pyenv's stand-ins on PATH are for versions that are not chosen, too."""
    code = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return False
    return done.stdout.strip() == version


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_make_install_and_a_prediction_work_with_every_python_that_is_here(tmp_path: Path, version: str) -> None:
    python = next((one for one in candidates(version) if runs(one, version)), None)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    copy_files(project_files(), tmp_path)
    environ = environment(PYTHONWARNINGS="")
    subprocess.run(["make", "-s", "install", f"PYTHON={python}"], cwd=tmp_path, env=environ, check=True)
    predict = [tmp_path / ".venv/bin/flask", "--app", "webapp", "model", "predict", "1", "2", "3"]
    done = subprocess.run(predict, cwd=tmp_path, env=environ, capture_output=True, check=True)
    assert done.stdout == b'{"prediction":10.0,"model_version":"1.0"}\n'


def test_make_refuses_a_python_that_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10)\n$2"\n')
    old.chmod(0o755)
    copy_files(["Makefile"], tmp_path)
    done = subprocess.run(
        ["make", ".venv/bin/python", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("Tandem needs Python 3.11 or later; name one, as in: make PYTHON=")
    assert not (tmp_path / ".venv").exists()
