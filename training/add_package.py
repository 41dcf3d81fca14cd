"""`train.py add PACKAGE`: put a package that pickles need into what is deployed."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

FILES = [Path(name) for name in ("requirements.in", "requirements.txt", "requirements-dev.txt")]
MODULES = "import sys; from training.add_package import modules_of; print(','.join(modules_of(sys.argv[1])))"


def main(arguments: Sequence[str]) -> None:
    """Add the package to requirements.in, lock and install it, and say which setting trusts its modules."""
    requirement = requirement_of(" ".join(arguments))
    before = {path: path.read_text() for path in FILES}
    FILES[0].write_text(with_line(before[FILES[0]], requirement))
    for step in ("lock", "dev"):
        if subprocess.run(["make", "--no-print-directory", step], check=False).returncode:  # noqa: S603, S607
            for path, text in before.items():
                path.write_text(text)
            sys.exit(f"make add: {requirement} cannot be installed beside the rest; nothing was changed")
    # In a process of its own, which finds what was installed meanwhile.
    ask = [sys.executable, "-c", MODULES, requirement.name]
    modules = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    print(  # noqa: T201
        f"{requirement} is in requirements.in and both locks; commit them. If you trust what its code does with any "
        f"pickle, serve and deploy with TRUSTED_MODULES={modules}"
    )


def requirement_of(text: str) -> Requirement:
    """Return the package that was asked for; ends with one line when it is none."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        sys.exit(f"make add: PACKAGE={text!r:.80} must be a package, as in PACKAGE=lightgbm or PACKAGE=lightgbm==4.7.0")
    if requirement.url:
        sys.exit("make add: PACKAGE must be the name of a package: an address has no hash in the lock")
    return requirement


def with_line(text: str, requirement: Requirement) -> str:
    """Return requirements.in with the package in its place, instead of another line for it."""
    name = canonicalize_name(requirement.name)
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    others = [line for line in lines if line not in comments and canonicalize_name(Requirement(line).name) != name]
    return "\n".join([*comments, *sorted([*others, str(requirement)], key=str.lower)]) + "\n"


def modules_of(distribution: str) -> list[str]:
    """Return the top-level modules of an installed distribution."""
    name = canonicalize_name(distribution)
    providers = packages_distributions().items()
    modules = [module for module, names in providers if name in map(canonicalize_name, names)]
    return sorted(module for module in modules if module.isidentifier())
