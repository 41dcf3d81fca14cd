"""Which other versions of its packages a model is loaded with, and which of them bring pandas along."""

import dataclasses
import importlib.metadata
import platform
from typing import Any

import pytest

import predictor
from predictor.artifact import ArtifactError
from predictor.manifest import Manifest
from predictor.packages import check_packages, need_pandas
from servers.running import ROOT

INSTALLED = {"scikit-learn": "1.9.1", "numpy": "2.4.0", "joblib": "1.5.3", "boosting": "0.4.2"}


@pytest.fixture(scope="module")
def loaded() -> Manifest:
    return predictor.load(ROOT).manifest


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name not in INSTALLED:
            raise importlib.metadata.PackageNotFoundError(name)
        return INSTALLED[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.2")


def of(loaded: Manifest, **packages: str) -> Manifest:
    written = INSTALLED | {"python": "3.13.2"} | {name.replace("_", "-"): version for name, version in packages.items()}
    return dataclasses.replace(loaded, packages=written)


@pytest.mark.parametrize(
    "packages",
    [{}, {"numpy": "2.0.0"}, {"joblib": "1.0"}, {"boosting": "0.4.0"}, {"python": "3.13.0"}],
)
def test_a_version_that_predicts_the_same_is_nothing(loaded: Manifest, packages: dict[str, str]) -> None:
    assert check_packages(of(loaded, **packages), False) == []


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("scikit-learn", "1.9.0"),
        ("numpy", "1.26.4"),
        ("numpy", "3.0.0"),
        ("joblib", "2.5.3"),
        ("boosting", "0.5.2"),
        ("boosting", "1.4.2"),
    ],
)
def test_a_version_that_may_predict_otherwise_is_refused(loaded: Manifest, name: str, version: str) -> None:
    manifest = of(loaded, **{name: version})
    says = (
        f"the model was trained with {name} {version}, installed is {INSTALLED[name]}, which may predict other "
        f"numbers; make add PACKAGE={name}=={version} puts that into the lock, or train it again"
    )
    with pytest.raises(ArtifactError) as refused:
        check_packages(manifest, False)
    assert str(refused.value) == f"{says} (ALLOW_VERSION_MISMATCH=1 loads it all the same)"
    assert check_packages(manifest, True) == [f"{says}; loaded because of ALLOW_VERSION_MISMATCH=1"]


def test_what_the_manifest_does_not_say_is_another_version(loaded: Manifest) -> None:
    manifest = dataclasses.replace(loaded, packages={"python": "3.13.2", "scikit-learn": "1.9.1", "numpy": "2.4.0"})
    with pytest.raises(ArtifactError, match=r"^the model was trained with joblib unknown, installed is 1\.5\.3, "):
        check_packages(manifest, False)


@pytest.mark.parametrize("python", ["3.11.9", "2.13.2", "3.14.0"])
def test_another_python_is_told_and_the_rest_is_looked_at(loaded: Manifest, python: str) -> None:
    told = f"the model was trained with Python {python}, this is 3.13.2"
    assert check_packages(of(loaded, python=python), False) == [told]
    both = check_packages(of(loaded, python=python, numpy="1.0"), True)
    assert (both[0], len(both)) == (told, 2)


def test_a_package_that_is_not_there_is_named(loaded: Manifest) -> None:
    with pytest.raises(ArtifactError) as refused:
        check_packages(of(loaded, other="1.2"), True)
    assert str(refused.value) == (
        "the model was trained with other 1.2, which is not installed; "
        "make add PACKAGE=other==1.2 puts it into the lock"
    )


@pytest.mark.parametrize(
    ("lines", "needed"),
    [
        (None, False),
        ([], False),
        (["numpy", "scipy"], False),
        (["numpy", "pandas"], True),
        (["pandas>=1.0"], True),
        (["pandas (>=1.0)"], True),
        (['pandas>=1; python_version >= "3.10"'], True),
        (['pandas; extra == "frames"'], False),
        (["pandas-stubs"], False),
        (["pandasql"], False),
        (["geo.pandas"], False),
    ],
)
def test_pandas_is_needed_where_a_package_asks_for_it(
    loaded: Manifest, lines: Any, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", {"boosting": lines}.__getitem__)
    assert need_pandas(of(loaded)) == needed


def test_of_what_every_model_has_nothing_is_asked(loaded: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", {"boosting": ["numpy"], "other": None}.__getitem__)
    assert not need_pandas(of(loaded, other="1.2"))
    assert not need_pandas(dataclasses.replace(loaded, packages={"python": "3.13.2", "numpy": "2.4.0"}))
