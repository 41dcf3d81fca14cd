"""Adopting other files than one pickle of one estimator: compressed, skops', cloudpickle's, a dict of parts."""

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, StandardScaler
from sklearn.svm import SVC
from skops import io as skops

from predictor import load
from tests.training.conftest import Run, TrainCommand

ROWS = np.random.RandomState(0).rand(60, 2)
WORDS = np.where(ROWS[:, 0] > ROWS[:, 1], "left", "right")
LABELS = LabelEncoder().fit(WORDS)
SCALER = StandardScaler().fit(ROWS)
SCALED = SCALER.transform(ROWS)
BOOSTING = HistGradientBoostingClassifier(max_iter=3)
PLAIN = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, WORDS)

Adopt = Callable[..., Run]


@pytest.fixture
def adopt(run_train: TrainCommand, tmp_path: Path) -> Adopt:
    def adopt(data: bytes, *more: str) -> Run:
        (tmp_path / "theirs.file").write_bytes(data)
        return run_train("--adopt", tmp_path / "theirs.file", "--features", "a,b", *more)

    return adopt


def answers(run: Run) -> list[Any]:
    assert (run.status, run.err) == (0, "")
    found: list[Any] = load(run.directory).predict(ROWS).tolist()
    return found


def refused(run: Run) -> str:
    [line] = run.err.splitlines()
    assert (run.status, run.files) == (2, {})
    return line


def dumped(value: Any, **how: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, **how)
    return file.getvalue()


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "xz", "lzma"])
def test_every_compression_is_read(method: str, adopt: Adopt) -> None:
    assert answers(adopt(dumped(PLAIN, compress=(method, 3)))) == PLAIN.predict(ROWS).tolist()


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "xz", "lzma"])
def test_what_is_cut_or_damaged_is_one_line(method: str, adopt: Adopt) -> None:
    data = dumped(PLAIN, compress=(method, 3))
    for broken in (data[:-20], data[: len(data) // 2], data[:50] + b"\xff\x00" + data[52:]):
        assert refused(adopt(broken))


def test_a_gzipped_pickle_is_read(adopt: Adopt) -> None:
    assert answers(adopt(gzip.compress(pickle.dumps(PLAIN)))) == PLAIN.predict(ROWS).tolist()


@pytest.mark.parametrize(
    "estimator", [PLAIN, RandomForestClassifier(3).fit(ROWS, WORDS), BOOSTING.fit(ROWS, WORDS)], ids=type
)
def test_a_file_of_skops_is_read_by_its_rules(estimator: Any, adopt: Adopt) -> None:
    assert answers(adopt(skops.dumps(estimator))) == estimator.predict(ROWS).tolist()


def own(table: Any) -> Any:
    """Stand for code of a user's own."""
    return table


def test_what_skops_does_not_trust_takes_yes(adopt: Adopt) -> None:
    estimator = make_pipeline(FunctionTransformer(own), LinearRegression()).fit(ROWS, ROWS[:, 0])
    line = refused(adopt(skops.dumps(estimator)))
    assert "names tests.training.test_adopt_files:own, which skops does not trust: add --yes" in line
    assert adopt(skops.dumps(estimator), "--yes").status == 0


def test_skops_of_a_vectorizer_that_opens_files_is_refused(adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("word other")
    estimator = make_pipeline(CountVectorizer(input="filename"), LinearRegression()).fit(
        [str(tmp_path / "a")] * 2, [0, 1]
    )
    (tmp_path / "theirs.file").write_bytes(b"")
    assert refused(adopt(skops.dumps(estimator)))


def archive(**content: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, text in content.items():
            made.writestr(name.replace("_", "."), text)
    return file.getvalue()


@pytest.mark.parametrize(
    "schema", ["", "{}", "[]", '{"__loader__": "x"}', '{"__class__": "system", "__module__": "os"}']
)
def test_a_wrong_archive_is_one_line(schema: str, adopt: Adopt) -> None:
    assert "is no file of skops that can be read" in refused(adopt(archive(schema_json=schema)))
    assert refused(adopt(archive(other_json=schema)))


def test_cloudpickle_takes_yes_and_what_pickle_cannot_write_is_one_line(adopt: Adopt) -> None:
    estimator = make_pipeline(FunctionTransformer(lambda table: table), LinearRegression()).fit(ROWS, ROWS[:, 0])
    data = cloudpickle.dumps(estimator)
    run = adopt(data)
    assert "It holds code by value, as cloudpickle writes it" in run.out
    assert "add --yes" in refused(run)
    assert "holds what pickle cannot write" in refused(adopt(data, "--yes"))
    assert answers(adopt(cloudpickle.dumps(PLAIN))) == PLAIN.predict(ROWS).tolist()


def test_a_dict_is_said_and_chosen_from(adopt: Adopt) -> None:
    model = LogisticRegression().fit(SCALED, LABELS.transform(WORDS))
    data = dumped({"model": model, "scaler": SCALER, "labels": LABELS, "columns": ["a", "b"]})
    line = refused(adopt(data))
    assert (
        "a dict of model (LogisticRegression), scaler (StandardScaler), labels (LabelEncoder), columns (list)" in line
    )
    assert "choose one with --pick model, or with --chain scaler,model,labels what belongs together" in line
    assert answers(adopt(data, "--pick", "model")) == model.predict(ROWS).tolist()
    assert answers(adopt(data, "--chain", "scaler,model")) == model.predict(SCALED).tolist()
    run = adopt(data, "--chain", "scaler,model,labels")
    assert answers(run) == LABELS.inverse_transform(model.predict(SCALED)).tolist()
    assert json.loads(run.files["model.json"])["classes"] == ["left", "right"]


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(5), BOOSTING, KNeighborsClassifier(), SVC(), GaussianNB()], ids=type
)
def test_an_encoder_names_the_labels_or_it_is_said(model: Any, adopt: Adopt) -> None:
    model.fit(SCALED, LABELS.transform(WORDS))
    expected = LABELS.inverse_transform(model.predict(SCALED)).tolist()
    assert answers(adopt(dumped((SCALER, model, LABELS)), "--chain", "0,1,2")) == expected


@pytest.mark.parametrize(
    ("value", "more", "says"),
    [
        ({"scaler": SCALER}, [], "none of them predicts"),
        ({}, [], "holds a dict, not an estimator with predict"),
        (
            [SCALER, PLAIN],
            [],
            "0 (StandardScaler), 1 (Pipeline); choose one with --pick 1, or with --chain 0,1",
        ),
        ({"m": PLAIN}, ["--pick", "x"], "the pickle holds no 'x'; it holds m"),
        ({"m": PLAIN, "s": SCALER}, ["--chain", "m,s"], "--chain: m is a Pipeline, which cannot transform"),
        ({"m": PLAIN, "l": LABELS}, ["--chain", "l"], "--chain names no model"),
        ({"m": PLAIN, "l": LABELS}, ["--chain", "m,l"], "are not those of the encoder"),
        ({"m": PLAIN, "l": LABELS, "k": LABELS}, ["--chain", "m,l,k"], "two encoders of labels"),
        (PLAIN, ["--pick", "m"], "holds a Pipeline alone; leave --pick and --chain out"),
        ({"a" * 5000: PLAIN}, [], "(Pipeline); choose one with --pick"),
        ({"m": PLAIN, "s": 3}, ["--chain", "s,m"], "s is a int, which cannot transform"),
    ],
)
def test_parts_that_make_no_model_are_one_line(value: Any, more: list[str], says: str, adopt: Adopt) -> None:
    assert says in refused(adopt(dumped(value), *more))


def test_a_chain_is_a_pipeline_of_stock(adopt: Adopt) -> None:
    model = LinearRegression().fit(SCALED, ROWS[:, 0])
    run = adopt(dumped({"scale__it": SCALER, "model": model}), "--chain", "scale__it,model")
    assert isinstance(joblib.load(run.directory / "model.pkl"), Pipeline)


@pytest.mark.parametrize(
    "name", ["evil\x1b[2K\r", "a\nb", "a;reboot", "$(reboot)", "\u202eevil", "", ".a", "a..b", "a b", "a\0", "a" * 301]
)
@pytest.mark.parametrize("as_module", [True, False])
def test_what_is_no_name_in_python_reaches_no_terminal_and_no_setting(adopt: Adopt, name: str, as_module: bool) -> None:
    parts = (name, "x") if as_module else ("x", name)
    texts = b"".join(pickle.BINUNICODE + len(part.encode()).to_bytes(4, "little") + part.encode() for part in parts)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        described = {"__class__": parts[1], "__module__": parts[0], "__loader__": "TypeNode", "protocol": 2}
        archive.writestr("schema.json", json.dumps(described))
    for data in (b"\x80\x04" + texts + pickle.STACK_GLOBAL + b".", zipped.getvalue()):
        run = adopt(data, "--yes")
        assert "which is no name of anything" in refused(run)
        assert run.err[:-1].isprintable()
        assert run.out == ""
