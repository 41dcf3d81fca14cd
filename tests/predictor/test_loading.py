"""Loading refuses whatever is not exactly what its manifest says, and runs nothing that it does not list."""

import builtins
import dataclasses
import hashlib
import importlib
import io
import json
import logging
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import orjson
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

import predictor
from predictor import ArtifactError
from predictor.artifact import public_class
from predictor.columns import Number
from predictor.environment import trusted_modules
from predictor.loading import first_line, read_manifest
from predictor.pickled import OtherVersion, some, unpickle
from predictor.trusted import TRUSTED
from predictor.unpickler import globals_of_trusted
from tests.files import copy_model


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return copy_model(tmp_path)


def manifest_of(artifact: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((artifact / "model.json").read_text())
    return document


def change(artifact: Path, alter: Callable[[dict[str, Any]], Any]) -> None:
    document = manifest_of(artifact)
    alter(document)
    (artifact / "model.json").write_text(json.dumps(document))


def replace_pickle(artifact: Path, data: bytes, **more: Any) -> None:
    """Put another pickle in, with a manifest whose digest matches it."""
    (artifact / "model.pkl").write_bytes(data)
    facts = {"file": "model.pkl", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    change(artifact, lambda document: document.update({"artifact": facts} | more))


def dumped(value: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer)
    return buffer.getvalue()


def refusal(artifact: Path, **options: Any) -> str:
    with pytest.raises(ArtifactError) as refused:
        predictor.load(artifact, **options)
    message = str(refused.value)
    assert message.isprintable()
    return message


def test_the_default_model_loads(artifact: Path) -> None:
    loaded = predictor.load(artifact)
    assert loaded.predict(np.array([[1.0, 2.0, 3.0]])).tolist() == [10.0]
    assert loaded.replay() == []


@pytest.mark.slow
def test_every_flipped_byte_and_every_truncation_is_refused(artifact: Path) -> None:
    data = (artifact / "model.pkl").read_bytes()
    flipped = (data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :] for at in range(len(data)))
    truncated = (data[:length] for length in range(len(data)))
    for broken in [*flipped, *truncated]:
        (artifact / "model.pkl").write_bytes(broken)
        assert "is not the file that model.json describes" in refusal(artifact)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not the file that model.json describes (sha256 e3b0c44298fc… and 0 bytes, not "),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", ", but a Git LFS pointer: run git lfs pull"),
        (b"<!doctype html><title>404</title>", ", but a web page or XML"),
        (b'{"error":"not found"}', ", but JSON text"),
    ],
)
def test_another_file_in_the_place_of_the_pickle_is_named(artifact: Path, content: bytes, says: str) -> None:
    (artifact / "model.pkl").write_bytes(content)
    described = manifest_of(artifact)["artifact"]
    message = refusal(artifact)
    assert says in message
    assert f" bytes, not {described['sha256'][:12]}… and {described['size']}); write both files again" in message


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": 1}, "the pickle holds a builtins.dict, the manifest says sklearn.linear_model.LinearRegression"),
        (LinearRegression(), "does not reproduce example 0 of its manifest"),
        (
            LinearRegression().fit([[1.0, 2.0], [2.0, 1.0]], [1, 2]),
            "the estimator takes 2 features, the manifest lists 3",
        ),
        (LinearRegression().fit(np.eye(3), [1, 2, 3]), "does not reproduce example 0 of its manifest"),
        (DummyRegressor().fit(np.eye(3), [1, 2, 3]), "the pickle holds a sklearn.dummy.DummyRegressor"),
    ],
)
def test_another_estimator_with_a_matching_digest_is_refused(artifact: Path, value: Any, says: str) -> None:
    data = dumped(value)
    replace_pickle(artifact, data, globals=globals_of_trusted(data))
    assert says in refusal(artifact)


class Gadget:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def gadgets(proof: Path) -> dict[str, Any]:
    code = f"open({str(proof)!r}, 'w').close()"
    command = f"touch {proof}"
    estimator = LinearRegression().fit(np.eye(3), [1, 2, 3])
    estimator.extra_ = np.array([Gadget(os.system, command)], dtype=object)
    return {
        "os.system": Gadget(os.system, command),
        "eval": Gadget(builtins.eval, code),
        "exec": Gadget(builtins.exec, code),
        "getattr": Gadget(builtins.getattr, Gadget(importlib.import_module, "os"), "system"),
        "import": Gadget(importlib.import_module, "antigravity"),
        "in a list": [LinearRegression(), Gadget(os.system, command)],
        "in an object array": np.array([1, Gadget(os.system, command)], dtype=object),
        "in an object array of an estimator": estimator,
        "numpy's load": Gadget(np.load, str(proof), None, True),
        "numpy's runstring": Gadget(np.testing.runstring, code, {}),
        "joblib's load": Gadget(joblib.load, str(proof)),
        "joblib's dump": Gadget(joblib.dump, 1, str(proof)),
    }


@pytest.mark.parametrize("name", list(gadgets(Path("x"))))
@pytest.mark.parametrize("dump", [dumped, pickle.dumps, lambda value: pickle.dumps(value, 0)], ids=["joblib", "5", "0"])
def test_a_gadget_is_refused_and_not_run(artifact: Path, name: str, dump: Callable[[Any], bytes]) -> None:
    proof = artifact / "proof"
    replace_pickle(artifact, dump(gadgets(proof)[name]))
    message = refusal(artifact)
    assert "which its manifest does not list; do not trust it" in message
    assert not proof.exists()


def test_a_global_is_matched_whole(artifact: Path) -> None:
    # Protocol 4 lets a name walk through attributes: numpy's own import of another module, for one.
    data = b"\x80\x04\x8c\x05numpy\x8c\x0cf2py.os.name\x93."
    replace_pickle(artifact, data)
    assert "the pickle wants to use numpy:f2py.os.name" in refusal(artifact)


@pytest.mark.parametrize(
    "data", [b"\x80\x04.", b"garbage", b"\x80\x04N.", b"\x80\x7f", b"(" * 1000, b"\x80\x04\x95\xff"]
)
def test_a_broken_pickle_with_a_matching_digest_is_refused(artifact: Path, data: bytes) -> None:
    replace_pickle(artifact, data)
    assert "pickle" in refusal(artifact)


def test_a_hostile_name_cannot_write_lines_into_the_log(artifact: Path) -> None:
    replace_pickle(artifact, b"cos\x1b[31m\rtandem: all is well\nsystem\n.")
    assert "\x1b" not in refusal(artifact)


CITY = {"name": "city", "kind": "category", "missing": False, "values": ["a"]}
DATE = {"name": "day", "kind": "date", "missing": False, "first": None, "last": None, "parts": []}

MALFORMED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an unknown key": lambda m: m.update(extra=1),
    "a missing key": lambda m: m.pop("globals"),
    "a global that a shell would run": lambda m: m["globals"].append("os;reboot:system"),
    "a global that a terminal would obey": lambda m: m["globals"].append("os:\x1b[8msystem"),
    "a global without a module": lambda m: m["globals"].append("system"),
    "another format": lambda m: m.update(format=3),
    "a version that is no word": lambda m: m.update(version="1.0\r\nX-Evil: 1"),
    "a file elsewhere": lambda m: m["artifact"].update(file="../model.pkl"),
    "a digest that is none": lambda m: m["artifact"].update(sha256="abc"),
    "no features": lambda m: m.update(features=[]),
    "two features of one name": lambda m: m["features"][1].update(name="x1"),
    "no examples": lambda m: m.update(examples=[]),
    "an example too wide": lambda m: m["examples"][0]["features"].append(1.0),
    "another task": lambda m: m.update(task="ranking"),
    "no number": lambda m: m["features"][0].update(minimum="low"),
    "an unknown kind": lambda m: m["features"][0].update(kind="colour"),
    "a key of another kind": lambda m: m["features"][0].update(values=["a"]),
    "a kind that a matrix does not hold": lambda m: m["features"].append(CITY),
    "an unknown input": lambda m: m.update(input="tensor"),
    "a type that the kind cannot have": lambda m: m["features"][0].update(dtype="datetime64[ns]"),
    "a type that is none": lambda m: m["features"][0].update(dtype="__import__('os')"),
    "gaps among whole numbers": lambda m: m["features"][0].update(dtype="int64", missing=True),
    "an example with a gap where none may be": lambda m: m["examples"][0].update(features=[1.0, None, 3.0]),
    "an example with text for a number": lambda m: m["examples"][0].update(features=[1.0, "2", 3.0]),
    "texts of numbers": lambda m: m.update(input="texts"),
    "no values": lambda m: m.update(input="frame", features=[CITY | {"values": []}]),
    "values of two types": lambda m: m.update(input="frame", features=[CITY | {"values": ["a", 1]}]),
    "one value twice": lambda m: m.update(input="frame", features=[CITY | {"values": ["a", "a"]}]),
    "values that are lists": lambda m: m.update(input="frame", features=[CITY | {"values": [["a"]]}]),
    "a date that is none": lambda m: m.update(input="frame", features=[DATE | {"first": "yesterday"}]),
    "an unknown part of a date": lambda m: m.update(input="frame", features=[DATE | {"parts": ["century"]}]),
    "a part of a date as a feature": lambda m: m.update(
        input="frame", features=[DATE | {"parts": ["month"]}, DATE | {"name": "day month"}]
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_manifest_is_refused(artifact: Path, name: str) -> None:
    change(artifact, MALFORMED[name])
    assert "model.json is not a manifest (" in refusal(artifact)


def test_a_manifest_of_the_first_format_describes_numbers(artifact: Path) -> None:
    change(artifact, lambda m: m.update(format=1))
    change(artifact, lambda m: m.pop("input"))
    later = ("kind", "missing", "deciles", "cumulative")
    change(artifact, lambda m: [feature.pop(key) for feature in m["features"] for key in later])
    manifest = predictor.load(artifact).manifest
    assert (manifest.format, manifest.input) == (2, "matrix")
    assert manifest.features[0] == Number("x1", minimum=0.0, maximum=5.0)
    assert json.loads(manifest.to_json())["features"][0] == {
        "name": "x1", "kind": "number", "missing": False, "minimum": 0.0, "maximum": 5.0,
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"<html>"])
def test_a_manifest_that_is_no_json_object_is_refused(artifact: Path, content: bytes) -> None:
    (artifact / "model.json").write_bytes(content)
    assert "model.json is not " in refusal(artifact)


@pytest.mark.parametrize("name", ["model.json", "model.pkl"])
def test_a_missing_file_is_named(artifact: Path, name: str) -> None:
    (artifact / name).unlink()
    assert refusal(artifact) == (
        f"cannot read {artifact / name} (No such file or directory); set MODEL_DIR to a folder that train.py wrote"
    )


TAMPERED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a prediction": (lambda m: m["examples"][2].update(prediction=0.0), "does not reproduce example 2"),
    "a prediction's type": (lambda m: m["examples"][0].update(prediction="10.0"), "does not reproduce example 0"),
    "a feature less": (
        lambda m: [m["features"].pop(), [example["features"].pop() for example in m["examples"]]],
        "the estimator takes 3 features, the manifest lists 2",
    ),
    "the class": (lambda m: m["estimator"].update({"class": "sklearn.linear_model.Ridge"}), "the manifest says"),
    "the task": (lambda m: m.update(task="classification", classes=["a"]), "classes are not those of the manifest"),
    "the globals": (lambda m: m.update(globals=[]), "which its manifest does not list"),
    "a huge example": (lambda m: m["examples"][0].update(features=[1e308] * 3), "does not reproduce example 0"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_manifest_is_refused(artifact: Path, name: str) -> None:
    alter, says = TAMPERED[name]
    change(artifact, alter)
    assert says in refusal(artifact)


def test_classes_must_be_the_estimators(artifact: Path) -> None:
    estimator = LogisticRegression().fit(np.eye(3), ["a", "b", "b"])
    data = dumped(estimator)
    described = {"class": "sklearn.linear_model.LogisticRegression", "parameters": {}}
    more = {"globals": globals_of_trusted(data), "estimator": described, "task": "classification"}
    example = [{"features": [1.0, 0.0, 0.0], "prediction": str(estimator.predict([[1, 0, 0]])[0])}]
    replace_pickle(artifact, data, **more, classes=["b", "a"], examples=example)
    assert "classes are not those of the manifest" in refusal(artifact)
    replace_pickle(artifact, data, **more, classes=["a", "b"], examples=example)
    assert predictor.load(artifact).gives_probabilities


@pytest.mark.parametrize(
    ("package", "version"),
    [("scikit-learn", "1.8.0"), ("scikit-learn", "99.0"), ("numpy", "1.26.4"), ("joblib", "0.17")],
)
def test_another_version_is_refused_unless_asked_for(
    artifact: Path, package: str, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    change(artifact, lambda document: document["packages"].update({package: version}))
    message = refusal(artifact)
    assert message.startswith(f"the model was trained with {package} {version}, installed is ")
    assert f"make add PACKAGE={package}=={version} puts that into the lock" in message
    predictor.load(artifact, any_version=True)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("loaded because of ALLOW_VERSION_MISMATCH=1")


@pytest.mark.parametrize(("training", "made", "again"), [({}, "trained", "train"), (None, "adopted", "adopt")])
def test_another_version_is_told_as_of_how_the_model_was_made(
    artifact: Path, training: Any, made: str, again: str, caplog: pytest.LogCaptureFixture
) -> None:
    change(artifact, lambda document: document["packages"].update(joblib="0.17"))
    if training is None:
        change(artifact, lambda document: document.update(training=None))
    says = (
        f"the model was {made} with joblib 0.17, installed is {joblib.__version__}, which may predict other numbers; "
        f"make add PACKAGE=joblib==0.17 puts that into the lock, or {again} it again"
    )
    assert refusal(artifact) == f"{says} (ALLOW_VERSION_MISMATCH=1 loads it all the same)"
    predictor.load(artifact, any_version=True)
    [record] = caplog.records
    assert record.getMessage() == f"{says}; loaded because of ALLOW_VERSION_MISMATCH=1"


def test_another_python_is_a_warning_and_another_minor_numpy_is_nothing(
    artifact: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change(artifact, lambda document: document["packages"].update(python="3.9.1", numpy="2.0.0", joblib="1.0"))
    predictor.load(artifact)
    [record] = caplog.records
    assert record.getMessage().startswith("the model was trained with Python 3.9.1, this is 3.")


def test_the_version_in_the_pickle_counts_too(artifact: Path) -> None:
    data = (artifact / "model.pkl").read_bytes()
    old = data.replace(b"1.9.1", b"1.8.0")
    assert old != data
    replace_pickle(artifact, old)
    assert refusal(artifact) == (
        "the pickle was written by scikit-learn 1.8.0, installed is 1.9.1; "
        "install scikit-learn==1.8.0 (ALLOW_VERSION_MISMATCH=1 loads it all the same)"
    )
    with pytest.raises(OtherVersion):
        unpickle(old, TRUSTED)
    assert predictor.load(artifact, any_version=True).replay() == []


def test_the_manifests_digest_can_be_pinned_from_outside(artifact: Path) -> None:
    digest = hashlib.sha256((artifact / "model.json").read_bytes()).hexdigest()
    assert predictor.load(artifact, sha256=digest).sha256 == digest
    predictor.load(artifact, sha256=digest.upper())
    assert refusal(artifact, sha256="0" * 64) == (
        f"MODEL_SHA256 asks for the model {'0' * 64}, but model.json is {digest}; "
        "deploy the model that was meant, or set MODEL_SHA256 to this one"
    )
    assert refusal(artifact, sha256=manifest_of(artifact)["artifact"]["sha256"]) == (
        "MODEL_SHA256 is the digest of model.pkl alone; set it to that of model.json, which holds all others: "
        f"MODEL_SHA256={digest}"
    )


@pytest.mark.parametrize("key", ["compiled", "bigquery"])
def test_the_digest_of_another_file_alone_is_told_from_the_manifests(artifact: Path, key: str) -> None:
    described = {
        "file": "other.onnx", "sha256": "ab" * 32, "size": 1, "precision": "double", "samples": 1,
        "largest_difference": 0.0, "tolerance": 1e-9,
    }  # fmt: skip
    change(artifact, lambda m: m.update({key: described}))
    assert refusal(artifact, sha256="ab" * 32).startswith("MODEL_SHA256 is the digest of other.onnx alone; set it to ")


@pytest.mark.parametrize(
    "alter",
    [
        lambda m: m["features"].reverse(),
        lambda m: m["examples"].pop(),
        lambda m: m.update(scale=1e300),
        lambda m: m.update(version="2"),
    ],
    ids=["the order of features", "an example", "the scale", "the version"],
)
def test_a_pinned_manifest_cannot_be_changed(artifact: Path, alter: Callable[[dict[str, Any]], Any]) -> None:
    digest = hashlib.sha256((artifact / "model.json").read_bytes()).hexdigest()
    change(artifact, alter)
    assert refusal(artifact, sha256=digest).startswith(f"MODEL_SHA256 asks for the model {digest}, but model.json is ")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("[" * 100_000 + "]" * 100_000, "is not a manifest (it is nested too deeply)"),
        ('{"a":' * 400 + "1" + "}" * 400, "is not JSON ("),
        ('"\\ud800"', "is not JSON ("),
    ],
    ids=["as deep as the file", "deeper than an answer", "half a character"],
)
def test_a_parameter_that_no_answer_can_hold_is_refused(artifact: Path, value: str, says: str) -> None:
    text = (artifact / "model.json").read_text()
    (artifact / "model.json").write_text(text.replace('"fit_intercept": true', f'"fit_intercept": {value}'))
    assert says in refusal(artifact)


@pytest.mark.parametrize("text", [str(2**64), str(-(2**63) - 1), "1" + "0" * 5000], ids=["above", "below", "far above"])
def test_a_parameter_beyond_64_bits_is_answered_as_text(artifact: Path, text: str) -> None:
    manifest = (artifact / "model.json").read_text()
    (artifact / "model.json").write_text(manifest.replace('"fit_intercept": true', f'"fit_intercept": {text}'))
    public = predictor.load(artifact).manifest.public()
    assert orjson.loads(orjson.dumps(public))["estimator"]["parameters"]["fit_intercept"] == text


@pytest.mark.parametrize("number", [0, -1, -1000, -(2**63), 2**64 - 1])
def test_a_parameter_of_64_bits_is_answered_as_it_is(artifact: Path, number: int) -> None:
    change(artifact, lambda document: document["estimator"]["parameters"].update(n_jobs=number))
    assert predictor.load(artifact).manifest.public()["estimator"]["parameters"]["n_jobs"] == number


def test_a_manifest_is_written_for_people_to_compare(artifact: Path) -> None:
    change(artifact, lambda document: document.update(target="Höhe"))
    manifest = read_manifest(artifact / "model.json")
    text = manifest.to_json()
    (artifact / "model.json").write_text(text, encoding="utf-8")
    assert read_manifest(artifact / "model.json").to_json() == text
    assert text.startswith('{\n  "format": 2,\n  "name": "')
    assert '\n  "target": "Höhe",\n' in text
    assert text.endswith("\n}\n")
    assert manifest.sha256 == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(ValueError, match="not JSON compliant"):
        dataclasses.replace(manifest, scale=float("nan")).to_json()


def make_served(artifact: Path, estimator: Any, rows: list[list[float]], **more: Any) -> None:
    """Put an estimator in, with a manifest that is right about it."""
    data = dumped(estimator)
    examples = [
        {"features": row, "prediction": value} for row, value in zip(rows, estimator.predict(rows), strict=True)
    ]
    described = {"class": public_class(estimator), "parameters": {}}
    replace_pickle(
        artifact, data, globals=globals_of_trusted(data), estimator=described, examples=examples, scale=None, **more
    )


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ("passthrough", "does not reproduce example 0 of its manifest"),  # only by predicting it shows its width
        (make_union("passthrough"), "the estimator takes 3 features, the manifest lists 2"),
    ],
)
def test_a_pipeline_that_begins_with_passthrough_is_served(artifact: Path, first: Any, says: str) -> None:
    steps = [first, LinearRegression()]
    table = np.random.RandomState(0).rand(20, 3)
    make_served(artifact, make_pipeline(*steps).fit(table, table.sum(axis=1)), table[:2].tolist())
    assert predictor.load(artifact).replay() == []
    change(artifact, lambda m: [m["features"].pop(), [example["features"].pop() for example in m["examples"]]])
    assert says in refusal(artifact)


@pytest.mark.parametrize(
    ("recorded", "predicted", "scale", "same"),
    [
        (1e-14, 1.5e-14, 10.0, True),
        (1e-14, -1.5e-14, None, True),
        (0.0, 9e-9, 10.0, True),
        (0.0, 2e-8, 10.0, False),
        (1e-14, 1.5e-14, 1e-14, False),
        (1e6, 1e6 + 1e-4, 10.0, True),
        (1e6, 1e6 + 1e-2, 10.0, False),
    ],
)
def test_a_difference_counts_beside_the_prediction_or_the_usual_size(
    artifact: Path, recorded: float, predicted: float, scale: float | None, same: bool
) -> None:
    loaded = predictor.load(artifact)
    rows = [{"features": [float(n), 0.0, 0.0], "prediction": 10.0 if n else recorded} for n in range(3)]
    manifest = dataclasses.replace(loaded.manifest, examples=rows, scale=scale)

    class Estimator:
        @staticmethod
        def predict(matrix: Any) -> Any:
            return np.where(matrix[:, 0] == 0, predicted, 10.0)

    assert predictor.Predictor(manifest, Estimator()).replay() == ([] if same else [0])


class Mine(LinearRegression):
    """An estimator of somebody's own module."""


@pytest.mark.parametrize(
    ("modules", "loads"),
    [
        ((), False),
        (("tests.predictor.test_loading",), True),
        (("tests",), True),
        (("tests.predictor.test_load",), False),
        (("test",), False),
    ],
)
def test_what_is_not_on_the_list_is_loaded_when_its_module_is_trusted(
    artifact: Path, modules: tuple[str, ...], loads: bool
) -> None:
    table = np.eye(3)
    make_served(artifact, Mine().fit(table, [1, 2, 3]), table.tolist())
    if loads:
        assert predictor.load(artifact, trusted_modules=modules).replay() == []
        return
    assert refusal(artifact, trusted_modules=modules) == (
        "the pickle names tests.predictor.test_loading:Mine, which is not part of scikit-learn's estimators and could "
        "do anything; if you know it and trust where the model is from, set TRUSTED_MODULES=tests"
    )


@pytest.mark.parametrize("name", ["no_such_module", "no_such_module.parts"])
def test_a_module_that_the_pickle_needs_must_be_there(artifact: Path, name: str) -> None:
    replace_pickle(artifact, f"c{name}\nThing\n.".encode(), globals=[f"{name}:Thing"])
    assert refusal(artifact, trusted_modules=["no_such_module"]) == (
        "the pickle needs the module 'no_such_module', which is not installed; "
        "install its package, or put its file into custom/"
    )


@pytest.mark.parametrize("text", ["a b", "a,1b", "-", "a:b", "a.", "../x", "a;b"])
def test_trusted_modules_must_be_modules(text: str) -> None:
    with pytest.raises(SystemExit, match=r"^tandem: TRUSTED_MODULES names .*, which is no module; "):
        trusted_modules({"TRUSTED_MODULES": text})


def test_trusted_modules_are_separated_by_commas() -> None:
    assert trusted_modules({"TRUSTED_MODULES": " lightgbm, mine.parts,"}) == ("lightgbm", "mine.parts")
    assert trusted_modules({}) == ()


@pytest.mark.parametrize(
    ("count", "named"),
    [(1, "m:0"), (3, "m:0, m:1, m:2"), (4, "m:0, m:1, m:2 and 1 more"), (9, "m:0, m:1, m:2 and 6 more")],
)
def test_three_of_many_names_are_told(count: int, named: str) -> None:
    assert some([f"m:{number}" for number in range(count)]) == named


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no such\n  operator", "no such operator"),
        ("[ONNXRuntimeError] : 1 : FAIL : Load model failed: no\nOp", "Load model failed: no Op"),
        ("/build/onnx/graph.cc:12 void Run(int) const what it says", "what it says"),
        ("x" * 201, "x" * 200),
        ("x" * 3000 + "\n", "x" * 200),
        ("", ""),
    ],
)
def test_what_another_library_says_becomes_one_line(text: str, line: str) -> None:
    assert first_line(ValueError(text)) == line


def test_a_package_that_the_pickle_needs_must_be_there(artifact: Path) -> None:
    change(artifact, lambda document: document["packages"].update({"no-such-boosting": "1.2"}))
    assert refusal(artifact) == (
        "the model was trained with no-such-boosting 1.2, which is not installed; "
        "make add PACKAGE=no-such-boosting==1.2 puts it into the lock"
    )


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("x" * 600, "x" * 600),
        ("x" * 601, "x" * 600 + "…"),
        ("two\nlines\x1b[31m", "two lines [31m"),
    ],
)
def test_what_a_hostile_file_says_is_one_line_of_bounded_length(message: str, line: str) -> None:
    assert str(ArtifactError(message)) == line
