"""From the bytes of a pickle to an estimator, if everything that it names is trusted."""

import contextlib
import io
import warnings
from collections.abc import Collection
from typing import Any

import numpy as np

from predictor.artifact import REMEDY, ArtifactError, public_class
from predictor.custom import importable, is_custom
from predictor.frames import without_pandas
from predictor.late_imports import is_stock, late_imports
from predictor.manifest import Manifest
from predictor.outputs import classes_by_target
from predictor.packages import need_pandas
from predictor.trusted import is_trusted, setting_for

MAX_NAMES = 3


class OtherVersion(ArtifactError):
    """The pickle was written by another scikit-learn; `written_by` and `installed` are the two versions."""

    def __init__(self, written_by: str, installed: str) -> None:
        super().__init__(
            f"the pickle was written by scikit-learn {written_by}, installed is {installed}; "
            f"install scikit-learn=={written_by} (ALLOW_VERSION_MISMATCH=1 loads it all the same)"
        )
        self.written_by, self.installed = written_by, installed


def estimator_of(pickled: bytes, manifest: Manifest, trusted_modules: Collection[str], *, any_version: bool) -> Any:
    """Return the estimator in the pickle; ArtifactError when it is not the one that the manifest describes."""
    own = importable()
    check_globals(manifest, {*trusted_modules, *own})
    custom = any(is_custom(name, own) for name in manifest.globals)
    needs_pandas = manifest.input == "frame" or custom or need_pandas(manifest)
    with contextlib.ExitStack() as lean:
        if not needs_pandas:
            lean.enter_context(without_pandas())
        if is_stock(manifest.globals):
            lean.enter_context(late_imports())
        estimator = unpickle(pickled, manifest.globals, any_version=any_version)
    _check_estimator(estimator, manifest)
    return estimator


def check_globals(manifest: Manifest, trusted_modules: Collection[str]) -> None:
    """Raise ArtifactError when the manifest lists a name that neither the trusted list nor the user knows."""
    foreign = [name for name in manifest.globals if not is_trusted(name, trusted_modules)]
    if foreign:
        setting = setting_for(name for name in manifest.globals if not is_trusted(name))
        raise ArtifactError(
            f"the pickle names {some(foreign)}, which is not part of scikit-learn's estimators and could do anything; "
            f"if you know it and trust where the model is from, set TRUSTED_MODULES={setting}"
        )


def some(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def unpickle(pickled: bytes, allowed: Collection[str], *, any_version: bool = False) -> Any:
    """Return the object in `pickled`, built from the `allowed` globals only; ArtifactError when it cannot be.

    Those of them that the trusted list does not know are foreign: who calls this answers for them.
    """
    from sklearn.exceptions import InconsistentVersionWarning

    from predictor.unpickler import ForbiddenGlobal, RestrictedUnpickler
    from predictor.usual import ForbiddenUse

    try:
        with warnings.catch_warnings():
            # The version that the pickle itself names may differ from the manifest's.
            warnings.simplefilter("ignore" if any_version else "error", InconsistentVersionWarning)
            return RestrictedUnpickler(io.BytesIO(pickled), frozenset(allowed).__contains__).load()
    except ForbiddenGlobal as error:
        raise ArtifactError(
            f"the pickle wants to use {error}, which its manifest does not list; do not trust it"
        ) from None
    except ForbiddenUse as error:
        raise ArtifactError(f"the pickle wants to {error}, which no estimator does; do not trust it") from None
    except InconsistentVersionWarning as error:
        raise OtherVersion(error.original_sklearn_version, error.current_sklearn_version) from None
    except ModuleNotFoundError as error:
        raise ArtifactError(
            f"the pickle needs the module {error.name!r}, which is not installed; "
            "install its package, or put its file into custom/"
        ) from None
    except Exception as error:  # a broken pickle can raise anything
        raise ArtifactError(f"the pickle cannot be loaded ({type(error).__name__}: {error}); {REMEDY}") from None


def _check_estimator(estimator: Any, manifest: Manifest) -> None:
    name = public_class(estimator)
    if name != manifest.estimator["class"]:
        raise ArtifactError(f"the pickle holds a {name}, the manifest says {manifest.estimator['class']}; {REMEDY}")
    if manifest.task in {"anomaly", "clustering"}:  # their labels stand in no attribute that all have
        return
    if classes_of(estimator, manifest) != [target.classes for target in manifest.targets]:
        raise ArtifactError(f"the estimator's classes are not those of the manifest; {REMEDY}")


def classes_of(estimator: Any, manifest: Manifest) -> list[list[Any] | None]:
    """Return the labels of each target, None of numbers."""
    targets = len(manifest.targets)
    if manifest.task != "classification" or not hasattr(estimator, "classes_"):
        return [None] * targets
    return [*classes_by_target(estimator, targets)] if targets > 1 else [np.asarray(estimator.classes_).tolist()]
