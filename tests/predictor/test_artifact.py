"""Writing an artifact: all of its files or none, and nothing beside them."""

import dataclasses
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor

import predictor
from predictor import save
from predictor.artifact import dump, installed_packages, public_class
from predictor.manifest import Manifest
from servers.running import ROOT


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return predictor.load(ROOT).manifest


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_files_of_an_artifact_are_all_that_is_written(manifest: Manifest, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    save(b"first", manifest, folder, {"model.onnx": b"compiled", "report.html": None})
    described = manifest.to_json().encode()
    assert files(folder) == {"model.pkl": b"first", "model.json": described, "model.onnx": b"compiled"}
    (folder / "notes.txt").write_bytes(b"the user's")
    save(b"second", manifest, folder, {"model.onnx": None})
    assert files(folder) == {"model.pkl": b"second", "model.json": described, "notes.txt": b"the user's"}
    save(b"third", manifest, folder)
    assert files(folder) == {"model.pkl": b"third", "model.json": described, "notes.txt": b"the user's"}


def test_an_artifact_that_cannot_be_written_leaves_the_old_one(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(b"first", manifest, tmp_path)
    before = files(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        save(b"second", dataclasses.replace(manifest, scale=float("nan")), tmp_path)
    assert files(tmp_path) == before

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        save(b"second", manifest, tmp_path, {"model.onnx": b"compiled"})
    assert files(tmp_path) == before


def test_the_manifest_is_put_in_its_place_last(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []
    replace = os.replace

    def noting(source: Path, target: Path) -> None:
        moved.append(target.name)
        assert source.parent.name.startswith(".")  # what is half written is hidden
        assert source.parent.parent == target.parent == tmp_path  # of one file system: a rename, never a copy
        replace(source, target)

    monkeypatch.setattr(os, "replace", noting)
    save(b"first", manifest, tmp_path, {"model.onnx": b"compiled"})
    assert moved == ["model.pkl", "model.onnx", "model.json"]


def test_what_is_dumped_is_loaded_by_joblib(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(dump(LinearRegression(fit_intercept=False)))
    assert joblib.load(tmp_path / "model.pkl").get_params()["fit_intercept"] is False


class Own:
    class Inner:
        pass


@pytest.mark.parametrize(
    ("instance", "name"),
    [
        (LinearRegression(), "sklearn.linear_model.LinearRegression"),
        (DecisionTreeRegressor(), "sklearn.tree.DecisionTreeRegressor"),
        (Pipeline([("a", "passthrough")]), "sklearn.pipeline.Pipeline"),
        (DecisionTreeRegressor().fit([[1], [2]], [1, 2]).tree_, "sklearn.tree._tree.Tree"),
        (Own(), f"{__name__}.Own"),
        (Own.Inner(), f"{__name__}.Own.Inner"),
        ({}, "builtins.dict"),
    ],
)
def test_a_class_is_named_as_users_import_it(instance: Any, name: str) -> None:
    assert public_class(instance) == name


def test_versions_are_those_of_the_installed_packages() -> None:
    version = importlib.metadata.version
    python = {"python": platform.python_version()}
    known = {name: version(name) for name in ("scikit-learn", "numpy", "joblib")}
    assert installed_packages() == python | known
    assert installed_packages(["pandas"]) == python | {"pandas": version("pandas")}
