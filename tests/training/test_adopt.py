"""Adopting a pickle made by plain scikit-learn code: listed before it is loaded, then served like our own."""

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import train
from predictor import load
from predictor.artifact import public_class
from servers.running import FUNCTION, GUNICORN, running
from tests.hosts import Live
from tests.predictor.test_loading import Gadget
from training import TrainingError
from training.adopting.pickles import dump_again

FEATURES = np.random.RandomState(0).rand(60, 3)
NUMBERS = FEATURES @ [1.0, 2.0, 3.0]
LABELS = np.where(NUMBERS > 3, "high", "low")
FRAME = pd.DataFrame(FEATURES, columns=["a", "b", "c"])


def dump_plainly(value: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(value))


def dump_compressed(value: Any, path: Path) -> None:
    joblib.dump(value, path, compress=3)


MODELS: dict[str, tuple[Any, Callable[[Any, Path], Any], list[str]]] = {
    "joblib": (make_pipeline(StandardScaler(), LinearRegression()).fit(FEATURES, NUMBERS), joblib.dump, ["a,b,c"]),
    "pickle": (RandomForestClassifier(5, random_state=0).fit(FRAME, LABELS), dump_plainly, []),
    "compressed": (HistGradientBoostingRegressor(max_iter=5).fit(FEATURES, NUMBERS), dump_compressed, ["a,b,c"]),
}


def adopt(path: Path, *more: str, out: Path) -> None:
    train.main(["--adopt", str(path), *more, "--out", str(out)])


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])
def test_an_adopted_model_is_served_as_scikit_learn_predicts(name: str, command: list[str], tmp_path: Path) -> None:
    estimator, dump, features = MODELS[name]
    dump(estimator, tmp_path / "their model.pkl")
    adopt(tmp_path / "their model.pkl", *(["--features", *features] if features else []), out=tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "model.json").read_text())
    assert (manifest["name"], manifest["training"]) == ("their-model", None)
    assert [feature["name"] for feature in manifest["features"]] == ["a", "b", "c"]
    assert manifest["examples"][0]["features"] == [1.0, 2.0, 3.0]
    with running(command, tmp_path / "log", MODEL_DIR=str(tmp_path / "out")) as server:
        got = Live("adopted", server.url).send(json.dumps({"instances": FEATURES.tolist()}).encode())
    expected = estimator.predict(FRAME if features == [] else FEATURES).tolist()
    assert (got.status, got.json()) == (200, {"predictions": expected, "model_version": "1.0"})
    assert "Warning" not in server.output()


def test_examples_give_golden_rows_and_ranges(tmp_path: Path) -> None:
    joblib.dump(MODELS["joblib"][0], tmp_path / "m.pkl")
    (tmp_path / "rows.csv").write_text("c,note,a,b\n3,x,1,2\n9,y,4,5\n")
    more = ["--features", "a,b,c", "--examples", str(tmp_path / "rows.csv"), "--target", "price", "--version", "3"]
    adopt(tmp_path / "m.pkl", *more, out=tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "model.json").read_text())
    assert [example["features"] for example in manifest["examples"]] == [[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]]
    assert manifest["features"][2] == {"name": "c", "kind": "number", "missing": False, "minimum": 3.0, "maximum": 9.0}
    assert (manifest["target"], manifest["version"]) == ("price", "3")


def test_what_the_pickle_names_is_printed_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joblib.dump(np.array([Gadget(os.system, f"touch {tmp_path / 'proof'}")], dtype=object), tmp_path / "m.pkl")
    with pytest.raises(SystemExit, match="2"):
        adopt(tmp_path / "m.pkl", "--features", "a", out=tmp_path / "out")
    printed = capsys.readouterr()
    assert f"  {os.system.__module__}:system   <- not what an estimator is made of\n" in printed.out
    assert printed.err.startswith("train.py: ")
    assert "add --yes if you know and trust where it is from" in printed.err
    assert not (tmp_path / "proof").exists()
    assert not (tmp_path / "out").exists()


def test_yes_takes_the_responsibility(tmp_path: Path) -> None:
    estimator = make_pipeline(FunctionTransformer(np.nan_to_num), LinearRegression()).fit(FEATURES, NUMBERS)
    joblib.dump(estimator, tmp_path / "m.pkl")
    with pytest.raises(SystemExit, match="2"):
        adopt(tmp_path / "m.pkl", "--features", "a,b,c", out=tmp_path / "out")
    adopt(tmp_path / "m.pkl", "--features", "a,b,c", "--yes", out=tmp_path / "out")
    assert (tmp_path / "out" / "model.json").exists()


@pytest.mark.parametrize(
    ("value", "more", "says"),
    [
        (MODELS["joblib"][0], [], "the estimator does not know its features' names; give them"),
        (MODELS["joblib"][0], ["--features", "a,b"], "the estimator takes 3 features, --features names 2"),
        (MODELS["joblib"][0], ["--features", "a,b,a"], "--features must give each feature a name of its own"),
        (MODELS["pickle"][0], ["--features", "c,b,a"], "the estimator was fitted with the features a,b,c"),
        (LinearRegression(), ["--features", "a"], "LinearRegression cannot predict a matrix of numbers"),
        (StandardScaler().fit(FEATURES), ["--features", "a,b,c"], "holds a StandardScaler, not an estimator"),
        ({"model": 1}, ["--features", "a"], "the pickle holds a dict of model (int); none of them predicts"),
        (
            LinearRegression().fit(FEATURES, FEATURES),
            ["--features", "a,b,c", "--target", "p,q"],
            "the estimator predicts 3 targets, --target names 2",
        ),
        (MODELS["joblib"][0], ["--features", "a,b,c", "--examples", "/nowhere.csv"], "cannot read /nowhere.csv"),
        (MODELS["joblib"][0], ["--features", "a,b,c", "--version", "a b"], "--version 'a b': must be 1 to 64 of"),
    ],
)
def test_what_cannot_be_adopted_is_one_line(
    value: Any, more: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joblib.dump(value, tmp_path / "m.pkl")
    with pytest.raises(SystemExit, match="2"):
        adopt(tmp_path / "m.pkl", *more, out=tmp_path / "out")
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("train.py: ")
    assert says in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04", b"<html>", b"\x80\x04\x8c\xff"])
def test_what_is_no_pickle_is_one_line(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.pkl").write_bytes(content)
    with pytest.raises(SystemExit, match="2"):
        adopt(tmp_path / "m.pkl", "--features", "a", out=tmp_path / "out")
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("train.py: this is not a pickle that can be read: ")


def test_what_pickle_cannot_write_is_one_line() -> None:
    """A lambda comes in by cloudpickle; what is written is a plain pickle."""
    estimator = make_pipeline(FunctionTransformer(lambda table: table), LinearRegression())
    with pytest.raises(TrainingError, match=r"^m.pkl holds what pickle cannot write \(.*; put functions and classes"):
        dump_again(estimator, Path("m.pkl"))


def test_a_class_of_a_private_module_has_its_full_name() -> None:
    kind = type("Mine", (LinearRegression,), {"__module__": "_mine"})
    assert public_class(kind()) == "_mine.Mine"


def test_a_pipeline_that_does_not_know_its_width_is_adopted(tmp_path: Path) -> None:
    joblib.dump(make_pipeline("passthrough", LinearRegression()).fit(FEATURES, NUMBERS), tmp_path / "m.pkl")
    adopt(tmp_path / "m.pkl", "--features", "a,b,c", out=tmp_path / "out")
    assert load(tmp_path / "out").replay() == []


def of_another_version(estimator: Any, path: Path, version: bytes) -> Path:
    """Write a pickle as another scikit-learn, whose version has as many characters, would."""
    data = pickle.dumps(estimator)
    here = sklearn.__version__.encode()
    assert len(here) == len(version)
    path.write_bytes(data.replace(b"\x8c\x05" + here, b"\x8c\x05" + version))
    return path


def test_another_scikit_learn_is_refused_with_the_command_that_installs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = of_another_version(MODELS["joblib"][0], tmp_path / "m.pkl", b"1.5.2")
    with pytest.raises(SystemExit, match="2"):
        adopt(path, "--features", "a,b,c", out=tmp_path / "out")
    [line] = capsys.readouterr().err.splitlines()
    assert f"was written by scikit-learn 1.5.2, installed is {sklearn.__version__}" in line
    assert "-m pip install scikit-learn==1.5.2; or set ALLOW_VERSION_MISMATCH=1" in line
    monkeypatch.setenv("ALLOW_VERSION_MISMATCH", "1")
    adopt(path, "--features", "a,b,c", out=tmp_path / "out")
    [line] = capsys.readouterr().err.splitlines()
    assert "1.5.2" in line
    assert sklearn.__version__ in line
    assert "adopted because of ALLOW_VERSION_MISMATCH=1" in line
    assert load(tmp_path / "out").replay() == []


def test_nobody_who_adopts_is_told_to_train_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = of_another_version(MODELS["joblib"][0], tmp_path / "m.pkl", b"0.2.9")
    path.write_bytes(path.read_bytes().replace(b"StandardScaler", b"StandardScalex"))
    with pytest.raises(SystemExit, match="2"):
        adopt(path, "--features", "a,b,c", "--yes", out=tmp_path / "out")
    [line] = capsys.readouterr().err.splitlines()
    assert "again" not in line
    assert line.endswith(
        "it was written by scikit-learn 0.2.9: " + f"{sys.executable} -m pip install scikit-learn==0.2.9"
    )
