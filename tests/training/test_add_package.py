"""`make add PACKAGE=…`: one line of requirements.in, the locks, and the setting; or nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from servers.running import ROOT, environment
from training.add_package import modules_of, with_line

IN = "# What is deployed.\nflask\nnumpy\n"
# In the place of make: it "locks" by appending to requirements.txt, and fails where it is told to.
MAKE = '#!/bin/sh\necho "$2" >> requirements.txt\nif [ "$2" = "$FAIL_AT" ]; then exit 2; fi\n'


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("lightgbm", "# What is deployed.\nflask\nlightgbm\nnumpy\n"),
        ("lightgbm==4.7.0", "# What is deployed.\nflask\nlightgbm==4.7.0\nnumpy\n"),
        ("NumPy<3", "# What is deployed.\nflask\nNumPy<3\n"),
        ("flask", IN),
    ],
)
def test_a_package_has_one_line_in_its_place(asked: str, text: str) -> None:
    assert with_line(IN, Requirement(asked)) == text


def test_the_modules_of_a_distribution_are_found_by_its_name() -> None:
    assert modules_of("Scikit_Learn") == ["sklearn"]
    assert modules_of("prometheus-client") == ["prometheus_client"]
    assert modules_of("no-such-package") == []


def add(folder: Path, package: str, fail_at: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "make").write_text(MAKE)
    (folder / "make").chmod(0o755)
    (folder / "requirements.in").write_text(IN)
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (folder / lock).write_text("locked\n")
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "add", package],
        cwd=folder,
        env=environment(PATH=f"{folder}:/usr/bin:/bin", PYTHONPATH=str(ROOT), FAIL_AT=fail_at),
        capture_output=True,
        text=True,
        check=False,
    )


def contents(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in ("requirements.in", "requirements.txt", "requirements-dev.txt")]


def test_a_package_is_added_locked_and_installed_and_its_setting_told(tmp_path: Path) -> None:
    done = add(tmp_path, "scikit-learn")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("serve and deploy with TRUSTED_MODULES=sklearn\n")
    assert contents(tmp_path) == [f"{IN}scikit-learn\n", "locked\nlock\ndev\n", "locked\n"]


@pytest.mark.parametrize("step", ["lock", "dev"])
def test_what_cannot_be_locked_or_installed_changes_nothing(step: str, tmp_path: Path) -> None:
    done = add(tmp_path, "lightgbm==0.0.1", fail_at=step)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "make add: lightgbm==0.0.1 cannot be installed beside the rest; nothing was changed\n"
    assert contents(tmp_path) == [IN, "locked\n", "locked\n"]


@pytest.mark.parametrize(
    ("package", "says"),
    [
        ("", "PACKAGE='' must be a package, as in PACKAGE=lightgbm"),
        ("--upgrade", "PACKAGE='--upgrade' must be a package"),
        ("-r other.txt", "PACKAGE='-r other.txt' must be a package"),
        ("lightgbm\n-e .", "must be a package"),
        ("mine @ https://example.org/mine.whl", "an address has no hash in the lock"),
    ],
)
def test_what_is_no_package_is_one_line(package: str, says: str, tmp_path: Path) -> None:
    done = add(tmp_path, package)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert says in done.stderr
    assert contents(tmp_path) == [IN, "locked\n", "locked\n"]
