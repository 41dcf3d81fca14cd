"""What the compiled engine makes of a file, with and without what Tandem's own files say of themselves."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

import predictor
from predictor import NotPredictable
from predictor.artifact import ArtifactError
from predictor.columns import Category, Column, Number, Text
from predictor.manifest import Manifest
from predictor.onnx_engine import CompiledModel, choose_engine
from servers.running import ROOT
from tests.files import copy_model
from tests.outputs.graphs import WEIGHTS, WORDS, X, converted, file_of, linear, value
from tests.predictor.test_loading import change


def saying(data: bytes, **facts: Any) -> bytes:
    """Return the file with what the engine is to know beside the graph."""
    model = onnx.load_from_string(data)
    helper.set_model_props(model, {"tandem": json.dumps(facts)})
    written: bytes = model.SerializeToString()
    return written


DOUBLE, SINGLE = linear(1, dtype=np.float64), linear(1)
TOO_LARGE = np.array([[1e39, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("data", "precision", "refused"),
    [
        (DOUBLE, "", False),
        (DOUBLE, "double", False),
        (DOUBLE, "float32", True),
        (SINGLE, "", True),
        (SINGLE, "double", True),
        (saying(DOUBLE, float32=True), "double", True),
        (saying(DOUBLE, float32=False), "float32", False),
        (saying(DOUBLE), "float32", True),
    ],
)
def test_what_float32_cannot_hold_is_refused_where_the_graph_works_in_it(
    data: bytes, precision: str, refused: bool
) -> None:
    model = CompiledModel(data, None, precision)
    assert model.predict(np.ones((2, 3))).tolist() == pytest.approx([WEIGHTS[:, 0].sum()] * 2)
    if refused:
        with np.errstate(over="ignore"), pytest.raises(ValueError, match=r"^a value is beyond float32$"):
            model.predict(TOO_LARGE)
    else:
        assert model.predict(TOO_LARGE).tolist() == [1e39]


@pytest.mark.parametrize(("columns", "width"), [(3, 3), (None, None), ("N", None)])
def test_the_width_of_a_matrix_is_the_graphs_if_it_has_one(columns: Any, width: Any) -> None:
    assert CompiledModel(linear(1, columns=columns), None).n_features_in_ == width


class Counting:
    """A session that notes how many rows it is given at once."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.rows: list[int] = []

    def run(self, names: list[str], feeds: dict[str, Any]) -> Any:
        self.rows.append(len(next(iter(feeds.values()))))
        return self.session.run(names, feeds)


@pytest.mark.parametrize(
    ("one_row", "rows", "pieces"),
    [
        (False, 1, [1]),
        (False, 1000, [1000]),
        (False, 1001, [1000, 1]),
        (False, 2500, [1000, 1000, 500]),
        (True, 1, [1]),
        (True, 3, [1, 1, 1]),
    ],
)
def test_many_rows_are_predicted_in_pieces(one_row: bool, rows: int, pieces: list[int]) -> None:
    matrix = np.arange(3.0 * rows).reshape(rows, 3)
    model = CompiledModel(linear(1, rows=1 if one_row else None, dtype=np.float64), None)
    model.session = Counting(model.session)
    assert model.predict(matrix).tolist() == pytest.approx((matrix @ WEIGHTS[:, 0]).tolist())
    assert model.session.rows == pieces


def test_several_targets_are_columns() -> None:
    model = CompiledModel(linear(2, dtype=np.float64), None)
    for rows in (1, 2):
        matrix = np.arange(3.0 * rows).reshape(rows, 3)
        assert model.predict(matrix).tolist() == (matrix @ WEIGHTS).tolist()
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize("zipmap", [True, False])
def test_probabilities_are_in_the_order_of_the_manifests_classes(zipmap: bool) -> None:
    classifier = LogisticRegression().fit(X.to_numpy(), WORDS)
    classes = classifier.classes_.tolist()
    model = CompiledModel(converted(classifier, zipmap=zipmap), classes)
    got = model.predict_proba(X.to_numpy())
    np.testing.assert_allclose(got, classifier.predict_proba(X.to_numpy()), atol=1e-5)
    if zipmap:
        other_way = CompiledModel(converted(classifier, zipmap=True), classes[::-1])
        np.testing.assert_array_equal(other_way.predict_proba(X.to_numpy()), got[:, ::-1])


def test_the_outputs_that_are_named_answer() -> None:
    names = ["probabilities", "label"]
    model = CompiledModel(converted(LogisticRegression().fit(X.to_numpy(), WORDS), zipmap=False), None, outputs=names)
    assert model.answer == "probabilities"
    assert set(model.predict_proba(X.to_numpy())) <= set(WORDS)


def test_words_of_a_text_are_counted_for_the_graph() -> None:
    story = Text("story")
    rules = {
        "column": "story", "filled": "", "lowercase": True, "pattern": r"\w+", "ngrams": [1, 1],
        "left_out": [], "terms": ["quiet", "river"],
    }  # fmt: skip
    node = helper.make_node("Identity", ["counts"], ["Y"])
    shapes = [value(name, TensorProto.DOUBLE, [None, 2]) for name in ("counts", "Y")]
    model = CompiledModel(saying(file_of([node], shapes[:1], shapes[1:]), words={"counts": rules}), None, "", [story])
    texts = story.array(["Quiet river, river", "", "none"])
    assert texts is not None
    assert model.predict([texts]).tolist() == [[1, 2], [0, 0], [0, 0]]


GAP = np.nan


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([1.0, 7.0, GAP], None),
        ([GAP, 7.0, 3.0], "Found unknown categories [nan] in column '0' during transform"),
        ([2.0, 9.5, 3.0], "Found unknown categories [2.0] in column '0' during transform"),
        ([1.0, 7.0, 9.5], "Found unknown categories [9.5] in column '2' during transform"),
    ],
)
def test_a_number_of_a_matrix_that_the_encoder_does_not_know_is_refused(row: list[float], says: str | None) -> None:
    model = CompiledModel(saying(DOUBLE, known={"0": [1.0], "2": [3.0, None]}), None)
    matrix = np.array([[1.0, 0.0, 3.0], row])
    assert model.unknown(matrix).tolist() == [[False, False], [says is not None and "'0'" in says, "'2'" in str(says)]]
    if says is None:
        assert len(model.predict(matrix)) == 2
    else:
        with pytest.raises(ValueError, match=r"^Found unknown") as refused:
            model.predict(matrix)
        assert str(refused.value) == says


AREA, CITY = Number("area"), Category("city", values=["Ulm"], missing=True)
COLUMNS: list[Column] = [AREA, CITY]


def of_columns(**facts: Any) -> CompiledModel:
    """Return a model that answers with the area, and takes the city beside it."""
    nodes = [helper.make_node("Identity", ["area"], ["Y"]), helper.make_node("Identity", ["city"], ["seen"])]
    inputs = [value("area", TensorProto.DOUBLE, [None, 1]), value("city", TensorProto.STRING, [None, 1])]
    outputs = [value("Y", TensorProto.DOUBLE, [None, 1]), value("seen", TensorProto.STRING, [None, 1])]
    return CompiledModel(saying(file_of(nodes, inputs, outputs), **facts), None, "double", COLUMNS)


def arrays(rows: list[list[Any]]) -> list[Any]:
    return [column.array(cells) for column, cells in zip(COLUMNS, zip(*rows, strict=True), strict=True)]


def test_a_missing_string_is_a_character_that_is_none() -> None:
    model = of_columns()
    assert model.n_features_in_ == 2
    given = arrays([[1.5, "Ulm"], [2.5, None]])
    assert model.predict(given).tolist() == [1.5, 2.5]
    assert model.run("seen", given).tolist() == [["Ulm"], ["\ufdd0"]]


def test_a_category_that_the_encoder_does_not_know_is_refused() -> None:
    model = of_columns(known={"city": ["Ulm", None]})
    assert model.predict(arrays([[1.5, "Ulm"], [2.5, None]])).tolist() == [1.5, 2.5]
    given = arrays([[1.5, "Ulm"], [2.5, "x" * 99], [3.5, "y"]])
    assert model.unknown(given).tolist() == [[False], [True], [True]]
    with pytest.raises(ValueError, match=r"^Found unknown") as refused:
        model.predict(given)
    assert str(refused.value) == f"Found unknown categories ['{'x' * 63}] in column 'city' during transform"


def test_a_column_beyond_float32_is_refused() -> None:
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=r"^a value is beyond float32$"):
        of_columns(float32=True).predict(arrays([[1e39, "Ulm"]]))
    assert of_columns(float32=False).predict(arrays([[1e39, "Ulm"]])).tolist() == [1e39]


@pytest.mark.parametrize(("classes", "labels"), [([False, True], [False, True]), ([0, 1], [0, 1]), (None, [0, 1])])
def test_labels_of_a_graph_are_the_manifests(classes: Any, labels: list[Any]) -> None:
    node = helper.make_node("Cast", ["X"], ["Y"], to=TensorProto.INT64)
    data = file_of([node], [value("X", shape=[None, 1])], [value("Y", TensorProto.INT64, [None, 1])])
    got = CompiledModel(data, classes).predict(np.array([[0.0], [1.0]])).tolist()
    assert (got, list(map(type, got))) == (labels, list(map(type, labels)))


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return predictor.load(ROOT).manifest


COMPILED = {
    "file": "model.onnx", "samples": 5, "largest_difference": 2e-9, "precision": "double",
}  # fmt: skip


@pytest.mark.parametrize(
    ("compiled", "wanted", "engine"),
    [
        (None, "auto", ("sklearn", "the manifest lists no compiled model")),
        (COMPILED, "sklearn", ("sklearn", "ENGINE=sklearn")),
        (
            COMPILED,
            "auto",
            (
                "onnxruntime",
                "the manifest lists model.onnx, whose largest difference on 5 rows was 2.0e-09 (double)",
            ),
        ),
    ],
)
def test_the_engine_that_serves_says_why(manifest: Manifest, compiled: Any, wanted: str, engine: Any) -> None:
    assert choose_engine(dataclasses.replace(manifest, compiled=compiled), wanted) == engine


def test_a_model_that_is_an_onnx_file_has_one_engine(manifest: Manifest) -> None:
    brought = dataclasses.replace(manifest, artifact=manifest.artifact | {"file": "model.onnx"})
    assert choose_engine(brought, "auto") == ("onnxruntime", "the model is model.onnx")


def compiled_into(folder: Path, data: bytes, precision: str) -> None:
    """Put a compiled form of the committed model into a folder, with a manifest that is right about it."""
    copy_model(folder)
    (folder / "model.onnx").write_bytes(data)
    facts = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "tolerance": 1e-6, "precision": precision}
    change(folder, lambda document: document.update(compiled=COMPILED | facts))


@pytest.mark.parametrize(("precision", "refused"), [("double", False), ("float32", True)])
def test_a_file_of_before_works_in_the_precision_of_the_manifest(tmp_path: Path, precision: str, refused: bool) -> None:
    estimator = predictor.load(ROOT).estimator
    numbers = {"w": estimator.coef_.reshape(3, 1), "b": np.array([estimator.intercept_])}
    nodes = [helper.make_node("MatMul", ["X", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["Y"])]
    inputs, outputs = value("X", TensorProto.DOUBLE), value("Y", TensorProto.DOUBLE, [None, 1])
    constants = [numpy_helper.from_array(array, name) for name, array in numbers.items()]
    compiled_into(tmp_path, file_of(nodes, [inputs], [outputs], constants), precision)
    loaded = predictor.load(tmp_path)
    assert loaded.tolerance == 1e-6
    if refused:
        with pytest.raises(NotPredictable) as given:
            loaded.predict(np.array([[1.0, 2.0, 3.0], [1e39, 0.0, 0.0]]))
        assert given.value.rows == [1]
    else:
        assert loaded.predict(TOO_LARGE).tolist() == pytest.approx(estimator.predict(TOO_LARGE).tolist())


def test_a_compiled_file_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    compiled_into(tmp_path, b"no graph", "double")
    with pytest.raises(ArtifactError) as refused:
        predictor.load(tmp_path)
    assert str(refused.value).startswith("ONNX Runtime cannot load model.onnx (")
    assert str(refused.value).endswith(", or restore them, or set ENGINE=sklearn")
    assert predictor.load(tmp_path, "sklearn").replay() == []
