"""Adopting a bare ONNX file: what is taken, what is refused in one line, and what an attacker puts into one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import predictor
from predictor import ArtifactError
from tests.outputs.graphs import MADE, file_of, linear, value, write
from tests.training.conftest import Run, TrainCommand
from training.adopting import bare_onnx

Adopt = Callable[..., Run]
HUGE = 2**40


@pytest.fixture
def adopt(run_train: TrainCommand, tmp_path: Path) -> Adopt:
    def adopt(data: bytes, *more: str, rows: str = "a,b,c\n1,2,3\n4,5,6\n") -> Run:
        (tmp_path / "theirs.onnx").write_bytes(data)
        (tmp_path / "rows.csv").write_text(rows)
        examples = () if "--features" in more or rows == "" else ("--examples", tmp_path / "rows.csv")
        return run_train("--adopt", tmp_path / "theirs.onnx", *examples, *more)

    return adopt


def manifest_of(run: Run) -> dict[str, Any]:
    assert (run.status, run.err) == (0, "")
    found: dict[str, Any] = json.loads(run.files["model.json"])
    return found


def refused(run: Run) -> str:
    [line] = run.err.splitlines()
    assert (run.status, run.files) == (2, {})
    assert len(line) < 700
    return line


def constant(name: str, array: Any) -> Any:
    return numpy_helper.from_array(np.asarray(array), name)


def node(kind: str, inputs: list[str], outputs: list[str], **more: Any) -> Any:
    return helper.make_node(kind, inputs, outputs, **more)


def elsewhere(place: str, kind: str) -> bytes:
    """Return a file whose numbers lie in another one, named in one of the places where a tensor may stand."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 3], data_location=TensorProto.EXTERNAL)
    for key, text in (("location", place), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=text)
    add, given = node("Add", ["X", "w"], ["Y"]), [value("Y")]
    if kind == "constant":
        return file_of([node("Constant", [], ["w"], value=tensor), add], [value("X")], given)
    if kind == "function":
        inner = [node("Constant", [], ["w"], value=tensor), node("Add", ["a", "w"], ["b"])]
        own = helper.make_function("my", "F", ["a"], ["b"], inner, [helper.make_opsetid("", 17)])
        return file_of([node("F", ["X"], ["Y"], domain="my")], [value("X")], given, functions=[own])
    if kind == "branch":  # which ONNX Runtime 1.32 reads from the working directory
        branch = helper.make_graph([node("Identity", ["w"], ["v"])], "then", [], [value("v", shape=[1, 3])], [tensor])
        zeros = node("Constant", [], ["v"], value=constant("", np.zeros((1, 3), np.float32)))
        other = helper.make_graph([zeros], "else", [], [value("v", shape=[1, 3])])
        nodes = [node("Size", ["X"], ["n"]), node("Cast", ["n"], ["yes"], to=TensorProto.BOOL)]
        nodes.append(node("If", ["yes"], ["w"], then_branch=branch, else_branch=other))
        return file_of([*nodes, add], [value("X")], given)
    return file_of([add], [value("X")], given, [tensor])


def endless() -> bytes:
    """Return a file that predicts for ever."""
    same = [node("Identity", ["on"], ["on again"]), node("Identity", ["x"], ["x again"])]
    boolean = [value("on", TensorProto.BOOL, []), value("on again", TensorProto.BOOL, [])]
    body = helper.make_graph(
        same, "body", [value("i", TensorProto.INT64, []), boolean[0], value("x")], [boolean[1], value("x again")]
    )
    return file_of(
        [node("Loop", ["", "yes", "X"], ["Y"], body=body)], [value("X")], [value("Y")], [constant("yes", True)]
    )


def functions(calls: list[list[str]]) -> bytes:
    """Return a file of functions F0, F1 and so on, each of which calls others one after the other, or else negates."""
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    made = []
    for number, called in enumerate(calls):
        names = ["a", *(f"v{place}" for place in range(len(called) - 1)), "b"]
        inner = [node(name, [names[i]], [names[i + 1]], domain="my") for i, name in enumerate(called)]
        made.append(helper.make_function("my", f"F{number}", ["a"], ["b"], inner or [node("Neg", ["a"], ["b"])], sets))
    return file_of([node("F0", ["X"], ["Y"], domain="my")], [value("X")], [value("Y")], functions=made)


def bomb() -> bytes:
    """Return a file of 2 kB whose functions call the next one twice each: a thousand million nodes."""
    return functions([*([f"F{number}"] * 2 for number in range(1, 31)), []])


def declared(dims: list[int], data: bytes) -> bytes:
    """Return a file with a constant that says it is of another size than it is."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=data)
    return file_of([node("Add", ["X", "w"], ["Y"])], [value("X")], [value("Y")], [tensor])


def of_shape(shape: list[int]) -> bytes:
    """Return a file that answers an array of a shape of its own."""
    filled = node("ConstantOfShape", ["shape"], ["Y"])
    return file_of(
        [filled], [value("X")], [value("Y", shape=[None] * len(shape))], [constant("shape", np.int64(shape))]
    )


def random() -> bytes:
    noise = node("RandomNormalLike", ["X"], ["Y"])
    return file_of([noise], [value("X")], [value("Y")])


def one(kind: str, **more: Any) -> bytes:
    return file_of([node(kind, ["X"], ["Y"], **more.pop("given", {}))], [value("X")], [value("Y")], **more)


def taking(element: int, shape: Any, name: str = "X") -> bytes:
    return file_of([node("Identity", [name], ["Y"])], [value(name, element, shape)], [value("Y", element, shape)])


@pytest.mark.parametrize("name", MADE)
def test_what_is_adopted_is_served_and_proven(name: str, run_train: TrainCommand, tmp_path: Path) -> None:
    file = MADE[name]()
    run = run_train(*write(file, tmp_path))
    found = manifest_of(run)
    assert sorted(run.files) == ["model.json", "model.onnx"]
    assert run.files["model.onnx"] == file.data
    assert [column["name"] for column in found["features"]] == list(file.rows)
    assert (found["globals"], found["training"], found["compiled"]) == ([], None, None)
    loaded = predictor.load(run.directory)
    assert loaded.replay() == []
    with pytest.raises(ArtifactError, match="ENGINE=sklearn, but this model came as an ONNX file and has no pickle"):
        predictor.load(run.directory, "sklearn")


def test_the_names_of_the_columns(adopt: Adopt) -> None:
    def names(*more: str, rows: str = "a,b,c\n1,2,3\n4,5,6\n", data: bytes = linear(1)) -> list[str]:
        return [column["name"] for column in manifest_of(adopt(data, *more, rows=rows))["features"]]

    assert names() == ["a", "b", "c"]
    assert names("--target", "d", rows="a,d,b,c\n1,9,2,3\n") == ["a", "b", "c"]
    assert names(rows="") == ["x1", "x2", "x3"]
    assert names("--features", "k,l,m") == ["k", "l", "m"]
    sole = taking(TensorProto.FLOAT, [None, 1], "area")
    assert names(rows="area,city\n1,Ulm\n", data=sole) == ["area"]
    assert names(rows="weight\n1\n", data=sole) == ["weight"]


def test_what_the_rows_show_of_a_column(adopt: Adopt) -> None:
    parts = [(TensorProto.DOUBLE, [None, 1]), (TensorProto.INT32, [None]), (TensorProto.BOOL, [None, 1])]
    inputs = [value(name, *part) for name, part in zip("abc", parts, strict=True)]
    cast = [node("Cast", [name], [f"{name}1"], to=TensorProto.DOUBLE) for name in "ac"]
    data = file_of([*cast, node("Add", ["a1", "c1"], ["Y"])], inputs, [value("Y", TensorProto.DOUBLE, [None, 1])])
    run = adopt(data, rows="c,b,a\ntrue,3,0.5\nfalse,4,\n")
    assert "gives no finite number for row 2 of the examples" in refused(run)
    run = adopt(data, rows="c,b,a\ntrue,3,0.5\nfalse,4,1\n")
    assert manifest_of(run)["features"] == [
        {"name": "a", "kind": "number", "missing": False, "minimum": 0.5, "maximum": 1.0},
        {"name": "b", "kind": "number", "missing": False, "dtype": "int32", "minimum": 3.0, "maximum": 4.0},
        {"name": "c", "kind": "boolean", "missing": False},
    ]
    assert [example["prediction"] for example in manifest_of(run)["examples"]] == [1.5, 1.0]


def test_classes_that_only_the_predictions_show(adopt: Adopt) -> None:
    arg, soft = node("ArgMax", ["X"], ["label"], axis=1, keepdims=0), node("Softmax", ["X"], ["chances"], axis=1)
    given = [value("chances"), value("label", TensorProto.INT64, [None])]
    data = file_of([soft, arg], [value("X")], given)
    assert "does not say what its 3 classes are called" in refused(adopt(data, rows="a,b,c\n1,0,0\n0,1,0\n"))
    found = manifest_of(adopt(data, rows="a,b,c\n1,0,0\n0,1,0\n0,0,1\n"))
    assert (found["classes"], found["artifact"]["outputs"]) == ([0, 1, 2], ["label", "chances"])


def test_what_stood_in_the_folder_is_no_part_of_the_new_model(adopt: Adopt, run_train: TrainCommand) -> None:
    manifest_of(adopt(linear(1)))
    run = run_train()
    assert sorted(run.files) == ["model.json", "model.pkl"]
    assert sorted(adopt(linear(1)).files) == ["model.json", "model.onnx"]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "is no ONNX file: it has no graph with an input and an output"),
    "words": (lambda: b"this is no model at all", "is no ONNX file"),
    "a pickle": (lambda: b"\x80\x05K\x01.", "is no ONNX file"),
    "cut in the middle": (lambda: linear(1)[:-20], "is no ONNX file, or one that is cut"),
    "an operator of somebody's": (lambda: one("Secret", given={"domain": "my"}), "my:Secret(-1) is not a registered"),
    "an operator that is none": (lambda: one("Nothing"), "ONNX Runtime cannot serve"),
    "operators of next year": (lambda: one("Neg", opset=99), "ONNX Runtime only *guarantees* support"),
    "no name that is an output": (
        lambda: file_of([node("Neg", ["X"], ["Z"])], [value("X")], [value("Y")]),
        "ONNX Runtime cannot serve",
    ),
    "an image": (lambda: taking(TensorProto.FLOAT, [None, 3, 8, 8]), "takes 'X' (float of [any, 3, 8, 8]); what"),
    "halves": (lambda: taking(TensorProto.FLOAT16, [None, 3]), "takes 'X' (float16 of [any, 3]); what is served"),
    "so many rows": (lambda: linear(1, rows=7), "so many rows at once and no others"),
    "no rows": (lambda: taking(TensorProto.FLOAT, []), "takes 'X' (float); what is served"),
    "more columns": (lambda: linear(1, columns=4), "takes 4 columns, but"),
    "a shape of its own": (lambda: of_shape([2]), "gives numbers of shape (2,) for 4 rows"),
    "one number for all": (lambda: of_shape([]), "gives numbers of shape () for 4 rows"),
    "a cube": (lambda: of_shape([4, 2, 2]), "gives numbers of shape (4, 2, 2) for 4 rows"),
    "no numbers": (lambda: of_shape([4, 0]), "gives numbers of shape (4, 0) for 4 rows"),
    "too many numbers": (lambda: of_shape([4, 1001]), "gives 1001 numbers a row; the most that are served are 1000"),
    "an array of a terabyte": (lambda: of_shape([2, HUGE]), "ONNX Runtime cannot serve"),
    "a constant that says it is of a terabyte": (lambda: declared([HUGE, 3], b""), "ONNX Runtime cannot serve"),
    "a constant that is cut": (lambda: declared([1, 3], b"\0\0"), "ONNX Runtime cannot serve"),
    "a constant of less than nothing": (lambda: declared([-1, 3], b""), "ONNX Runtime cannot serve"),
    "a function that calls itself": (lambda: functions([["F0"]]), "ONNX Runtime cannot serve"),
    "functions that call each other": (lambda: functions([["F1"], ["F0"]]), "ONNX Runtime cannot serve"),
    "two predictions": (
        lambda: file_of(
            [node("Neg", ["X"], ["Y"]), node("Abs", ["X"], ["Z"])], [value("X")], [value("Y"), value("Z")]
        ),
        "gives 'Y' (float of [any, 3]), 'Z' (float of [any, 3]); what is served is one output",
    ),
    "no finite numbers": (
        lambda: file_of([node("Log", ["n"], ["Y"]), node("Neg", ["X"], ["n"])][::-1], [value("X")], [value("Y")]),
        "gives no finite number for row 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_served_is_one_line(what: str, adopt: Adopt) -> None:
    made, says = REFUSED[what]
    assert says in refused(adopt(made()))


@pytest.mark.parametrize("kind", ["constant", "function", "branch", "initializer"])
@pytest.mark.parametrize("place", ["secret.bin", "../{folder}/secret.bin", "{path}/secret.bin", "*/_ORT_MEM_ADDR_/*"])
def test_numbers_in_other_files_are_never_read(
    kind: str, place: str, adopt: Adopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at adoption nor by a server whose artifact an attacker wrote, whatever its working directory."""
    run = adopt(taking(TensorProto.FLOAT, [None, 3]))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(np.float32([[7, 7, 7]]).tobytes())
    (run.directory / "secret.bin").write_bytes(np.float32([[7, 7, 7]]).tobytes())
    place = place.format(folder=tmp_path.name, path=tmp_path)
    data = elsewhere(place, kind)
    assert "keeps numbers in another file" in adopt(data).err
    document = json.loads((run.directory / "model.json").read_text())
    document["artifact"] |= {"sha256": predictor.loading.hashlib.sha256(data).hexdigest(), "size": len(data)}
    document["artifact"]["outputs"] = ["Y"]
    for example in document["examples"]:  # as they were if the file were read
        example["prediction"] = {f"y{place}": cell + 7 for place, cell in enumerate(example["features"], 1)}
    (run.directory / "model.onnx").write_bytes(data)
    (run.directory / "model.json").write_text(json.dumps(document))
    for directory in (tmp_path, run.directory):
        monkeypatch.chdir(directory)
        with pytest.raises(ArtifactError, match=r"ONNX Runtime cannot load model\.onnx"):
            predictor.load(run.directory)


def test_the_attack_would_work_if_the_numbers_stood_in_the_file(adopt: Adopt) -> None:
    """So that the refusals above are of the other file, and of nothing else."""
    model = onnx.load_model_from_string(elsewhere("secret.bin", "branch"))
    [tensor] = [one for attribute in model.graph.node[2].attribute for one in attribute.g.initializer]
    tensor.CopyFrom(constant("w", np.float32([[7, 7, 7]])))
    found = manifest_of(adopt(model.SerializeToString()))
    assert found["examples"][0]["prediction"] == {"y1": 8.0, "y2": 9.0, "y3": 10.0}


def test_the_format_of_onnx_runtime_itself_is_not_read(adopt: Adopt, tmp_path: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "own.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(linear(1), options)
    data = (tmp_path / "own.ort").read_bytes()
    assert refused(adopt(data))
    with pytest.raises(Exception, match="protobuf parsing failed"):
        predictor.onnx_engine.CompiledModel(data, None)


@pytest.mark.parametrize("made", [endless, bomb])
def test_a_file_that_takes_for_ever_is_given_up(
    made: Callable[[], bytes], adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare_onnx, "SECONDS", 0.5)
    assert refused(adopt(made())).endswith("theirs.onnx: not within 0.5 s")


def test_functions_that_end_are_served(adopt: Adopt) -> None:
    run = adopt(functions([["F1", "F1"], ["F2", "F2", "F2"], []]))
    assert [example["prediction"]["y1"] for example in manifest_of(run)["examples"]] == [1.0, 4.0]


def test_a_file_that_answers_by_chance_does_not_start(adopt: Adopt) -> None:
    run = adopt(random())
    with pytest.raises(ArtifactError, match="does not reproduce example 0 of its manifest"):
        predictor.load(run.directory)


@pytest.mark.parametrize(
    ("rows", "more", "says"),
    [
        ("area,city,rooms\n1,Ulm,x\n2,Ulm,y\n", [], "the column 'rooms' must hold numbers"),
        ("area,city,rooms\n1,Ulm,1.5\n2,Ulm,2\n", [], "the column 'rooms' must be a whole number from "),
        ("area,city,rooms\nbig,Ulm,1\nsmall,Ulm,2\n", [], "the column 'area' must hold numbers"),
        ("area,city,rooms\n1,,1\n2,Ulm,2\n", [], "'city' has empty cells, which an input of strings has not"),
        ("area,city,rooms\n1,Ulm,\n2,Ulm,2\n", [], "'rooms' has empty cells, which an input of int64s has not"),
        ("area,rooms\n1,1\n2,2\n", [], "has no column city"),
        ("", [], "takes strings in its column 'city'; give rows of its table with --examples ROWS.csv"),
        ("area,city,rooms\n", [], "has no rows"),
        ("area,city,rooms\n1,Ulm,1\n", ["--text", "story"], "takes no column story; its columns are area, city, rooms"),
        ("area,city,rooms\n1,Ulm,1\n", ["--features", "a,b,c"], "takes the columns area, city, rooms; leave"),
        ("area,city,rooms\n1,Ulm,1\n", ["--compile"], "--compile is for pickles"),
        ("area,city,rooms\n1,Ulm,1\n", ["--pick", "model"], "--pick is for pickles"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_one_line(
    rows: str, more: list[str], says: str, run_train: TrainCommand, tmp_path: Path
) -> None:
    (tmp_path / "theirs.onnx").write_bytes(MADE["flats"]().data)
    (tmp_path / "rows.csv").write_text(rows)
    examples = ["--examples", str(tmp_path / "rows.csv")] if rows else []
    assert says in refused(run_train("--adopt", tmp_path / "theirs.onnx", *examples, *more))


def test_columns_that_nobody_counted_are_asked_for(adopt: Adopt) -> None:
    assert "takes 3 columns, but" in refused(adopt(linear(1), rows="a,b,c,d\n1,2,3,4\n"))
    assert "takes 3 columns, but --features names 2" in refused(adopt(linear(1), "--features", "a,b"))
    assert "does not say how many columns it takes" in refused(adopt(linear(1, columns=None), rows=""))
    assert "a name of its own" in refused(adopt(linear(1), "--features", "a,a,b"))


def test_a_path_that_is_no_file_is_one_line(run_train: TrainCommand, tmp_path: Path) -> None:
    assert "cannot read" in refused(run_train("--adopt", tmp_path / "none.onnx"))
    (tmp_path / "folder.onnx").mkdir()
    assert "cannot read" in refused(run_train("--adopt", tmp_path / "folder.onnx"))


def test_a_name_that_the_manifest_does_not_take_is_one_line(adopt: Adopt) -> None:
    long = "x" * 300
    assert "cannot be described" in refused(adopt(linear(1), "--features", f"{long},b,c"))
    assert "--target" in refused(adopt(linear(2), "--target", "one,two,three"))


def test_a_manifest_of_another_engine_is_refused(adopt: Adopt) -> None:
    """An artifact that is an ONNX file needs no pickle, and none is read; one that is a pickle is no ONNX file."""
    run = adopt(linear(1))
    (run.directory / "model.pkl").write_bytes(b"no pickle at all")
    assert predictor.load(run.directory).replay() == []
    document = json.loads((run.directory / "model.json").read_text())
    document["artifact"]["outputs"] = ["another"]
    (run.directory / "model.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="cannot predict the examples of its manifest"):
        predictor.load(run.directory)
    del document["artifact"]["outputs"]
    document["artifact"]["file"] = "model.pkl"
    (run.directory / "model.pkl").write_bytes((run.directory / "model.onnx").read_bytes())
    (run.directory / "model.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError):
        predictor.load(run.directory)


def test_our_own_compiled_form_can_be_brought_alone(run_train: TrainCommand, tmp_path: Path, diabetes: Path) -> None:
    run = run_train(diabetes, "--target", "target", "--compile")
    (tmp_path / "alone.onnx").write_bytes(run.files["model.onnx"])
    alone = run_train(
        "--adopt", tmp_path / "alone.onnx", "--examples", diabetes, "--target", "target", out=tmp_path / "2"
    )
    rows = np.array([example["features"] for example in manifest_of(alone)["examples"]])
    np.testing.assert_array_equal(
        predictor.load(alone.directory).predict(rows), predictor.load(run.directory).predict(rows)
    )
