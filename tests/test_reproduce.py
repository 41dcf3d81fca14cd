"""A model trained again from what its manifest records is the same model, or it is said that it is not."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import train
from predictor.artifact import installed_packages
from training.reproduce import main

TABLE = "".join(f"{n},{n % 7},{n % 3},{'pear' if n % 7 > 3 else 'fig'}\n" for n in range(60))
FOREST = ["--estimator", "sklearn.ensemble.RandomForestClassifier", "--set", "n_estimators=5", "--seed", "3"]
RIDGE = ["--estimator", "sklearn.linear_model.Ridge", "--scale", "--target", "b", "--drop", "fruit"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").write_text(f"a,b,c,fruit\n{TABLE}")
    return tmp_path / "table.csv"


def outcome(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    """Return the exit status, the last line on stdout, and stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    captured = capsys.readouterr()
    return ending.value.code, captured.out.splitlines()[-1] if captured.out else "", captured.err


def test_the_committed_model_is_reproduced(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, last, _ = outcome([], capsys)
    assert status == 0
    assert last.startswith("reproduced ")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the committed model was trained on x86_64")
def test_the_committed_model_is_reproduced_bit_for_bit_on_its_kind_of_cpu(root: Path) -> None:
    if json.loads((root / "model.json").read_text())["packages"] != installed_packages():
        pytest.skip("the committed model was trained with packages of other versions")
    # OpenBLAS rounds otherwise on CPUs with AVX-512.
    done = subprocess.run(
        [sys.executable, "train.py", "reproduce"],
        cwd=root, env={**os.environ, "OPENBLAS_CORETYPE": "Haswell"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "reproduced bit for bit: training again wrote the same model.pkl"


@pytest.mark.parametrize(
    "options", [["--target", "fruit", *FOREST], ["--target", "fruit", "--drop", "a", *FOREST], RIDGE]
)
def test_a_model_of_your_own_is_reproduced_bit_for_bit(
    options: list[str], table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = table.parent / "model"
    train.main([str(table), *options, "--out", str(model)])
    assert outcome([str(table), "--model", str(model)], capsys) == (
        0,
        "reproduced bit for bit: training again wrote the same model.pkl",
        "",
    )


def test_other_data_is_refused(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = table.parent / "model"
    train.main([str(table), "--target", "b", "--drop", "fruit", "--out", str(model)])
    table.write_text(table.read_text() + "1,2,3,fig\n")
    for arguments, given in [([str(table)], str(table)), ([], "the built-in example")]:
        status, _, error = outcome([*arguments, "--model", str(model)], capsys)
        assert status == 2
        assert error.startswith(f"train.py reproduce: table was not trained from {given} (sha256 ")
        assert error.endswith("…); give the CSV file that it was trained from\n")


@pytest.mark.parametrize("options", [["--target", "fruit", *FOREST], RIDGE], ids=["labels", "numbers"])
def test_a_manifest_that_tells_a_story_is_found_out(
    options: list[str], table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The artifact is sound, but it was trained from other rows than its manifest says."""
    honest, liar, other = (table.parent / name for name in ("honest", "liar", "other.csv"))
    train.main([str(table), *options, "--out", str(honest)])
    other.write_text(
        "a,b,c,fruit\n" + "".join(f"{n},{n % 5},{n % 3},{'pear' if n % 2 else 'fig'}\n" for n in range(60))
    )
    train.main([str(other), *options, "--out", str(liar)])
    manifest = json.loads((liar / "model.json").read_text())
    manifest["training"]["data_sha256"] = json.loads((honest / "model.json").read_text())["training"]["data_sha256"]
    (liar / "model.json").write_text(json.dumps(manifest))
    status, last, _ = outcome([str(table), "--model", str(liar)], capsys)
    assert (status, last) == (1, "NOT reproduced: the model trained again predicts otherwise")


def test_other_versions_may_write_another_file(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(root / "model.pkl", tmp_path)
    shutil.copy(root / "model.json", tmp_path)
    monkeypatch.setattr("training.reproduce.dump", lambda _: b"other bytes")
    expected = {
        True: "reproduced in its predictions, not bit for bit: another CPU or BLAS rounds otherwise",
        False: "reproduced in its predictions; other package versions write another model.pkl",
    }
    recorded = json.loads((root / "model.json").read_text())["packages"]
    for versions in (recorded, recorded | {"numpy": "1.0"}):
        monkeypatch.setattr("training.reproduce.installed_packages", lambda versions=versions: versions)
        status, last, _ = outcome(["--model", str(tmp_path)], capsys)
        assert (status, last) == (0, expected[versions == recorded])


def test_a_model_that_records_no_training_cannot_be_trained_again(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(root / "model.pkl", tmp_path)
    manifest = json.loads((root / "model.json").read_text()) | {"training": None}
    (tmp_path / "model.json").write_text(json.dumps(manifest))
    assert outcome(["--model", str(tmp_path)], capsys) == (
        2,
        "",
        f"train.py reproduce: {tmp_path} records nothing of its training; train it with train.py\n",
    )


def test_the_subcommand_is_the_word_alone(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of that name is one with its folder."""
    monkeypatch.chdir(table.parent)
    table.rename("reproduce")
    train.main(["./reproduce", "--target", "fruit", "--out", "model"])
    with pytest.raises(SystemExit) as ending:
        train.main(["reproduce", "reproduce", "--model", "model"])
    assert ending.value.code == 0
    assert capsys.readouterr().out.endswith("reproduced bit for bit: training again wrote the same model.pkl\n")
