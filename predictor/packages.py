"""The packages that a pickle was written with, beside those that are installed."""

import importlib.metadata
import re

from predictor.artifact import PACKAGES, ArtifactError, installed_packages
from predictor.manifest import Manifest


def check_packages(manifest: Manifest, any_version: bool) -> list[str]:
    """Return what is worth a warning; ArtifactError where another version may predict otherwise."""
    tolerated = []
    for name, version in _here(manifest).items():
        then = manifest.packages.get(name, "unknown")
        if then == version or (name != "scikit-learn" and _major(name, then) == _major(name, version)):
            continue
        if name == "python":
            tolerated.append(f"the model was trained with Python {then}, this is {version}")
            continue
        made, again = ("adopted", "adopt") if manifest.training is None else ("trained", "train")
        message = (
            f"the model was {made} with {name} {then}, installed is {version}, which may predict other numbers; "
            f"make add PACKAGE={name}=={then} puts that into the lock, or {again} it again"
        )
        if not any_version:
            raise ArtifactError(f"{message} (ALLOW_VERSION_MISMATCH=1 loads it all the same)")
        tolerated.append(f"{message}; loaded because of ALLOW_VERSION_MISMATCH=1")
    return tolerated


def _here(manifest: Manifest) -> dict[str, str]:
    """Return the installed versions of what every pickle needs, and of what this one was written with."""
    others = _others(manifest)
    for name in others:
        try:
            importlib.metadata.version(name)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            raise ArtifactError(
                f"the model was trained with {name} {manifest.packages[name]}, which is not installed; "
                f"make add PACKAGE={name}=={manifest.packages[name]} puts it into the lock"
            ) from None
    return installed_packages([*PACKAGES, *others])


def need_pandas(manifest: Manifest) -> bool:
    """Whether a package that the pickle names is not to be imported without pandas."""
    lines = [line for name in _others(manifest) for line in importlib.metadata.requires(name) or ()]
    return any(re.match(r"pandas(?![\w.-])", line) and "extra ==" not in line for line in lines)


def _others(manifest: Manifest) -> list[str]:
    return [name for name in manifest.packages if name not in {"python", *PACKAGES}]


def _major(name: str, version: str) -> list[str]:
    """Return the part of a version that promises compatibility: the minor one too for Python, and before 1.0."""
    parts = version.split(".")
    return parts[: 2 if name == "python" or parts[0] == "0" else 1]
