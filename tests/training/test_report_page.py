"""report.html: what a person looks at after training, whole in one file."""

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

from servers.running import ROOT
from tests.training.conftest import TrainCommand

REGRESSION = ["Predicted against actual", "Residuals", "Permutation importance"]
LABELS = ["Confusion matrix", "Permutation importance"]
CLASSIFICATION = ["Confusion matrix", "ROC", "Calibration", "Permutation importance"]


@pytest.mark.parametrize(
    ("table", "arguments", "figures"),
    [
        ("diabetes", [], REGRESSION),
        ("wine", ["--scale"], CLASSIFICATION),
        ("wine", ["--estimator", "sklearn.linear_model.RidgeClassifier"], LABELS),
    ],
)
def test_the_report_shows_what_the_task_asks_for(
    table: str, arguments: list[str], figures: list[str], run_train: TrainCommand, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(table)
    run = run_train(path, "--target", "target", *arguments, report=True)
    assert (run.status, run.err) == (0, "")
    assert f"wrote {run.directory / 'report.html'}" in run.out
    page = run.files["report.html"].decode()
    assert re.findall('<img .*alt="(.*?)"', page) == figures
    images = re.findall('src="data:image/svg\\+xml;base64,(.*?)"', page)
    assert all(b"<svg" in base64.b64decode(image) for image in images)
    assert len(images) == len(figures)
    command = " ".join(["python train.py", str(path), "--target target", *arguments, f"--out {run.directory}"])
    assert f"<code>{command}</code>" in page
    assert "It beats the baseline." in page


def test_the_report_needs_nothing_from_elsewhere(diabetes: Path, run_train: TrainCommand) -> None:
    page = run_train(diabetes, "--target", "target", report=True).files["report.html"].decode()
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "default-src 'none'" in page


def test_names_in_the_report_are_shown_as_they_are(tmp_path: Path, run_train: TrainCommand) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{i % 7},{i % 5},{'<i>$a_$</i>' if i % 7 > 3 else '雪'}" for i in range(40)]
    table.write_text("\n".join(["<b>x</b>,$y_$,label", *rows]))
    run = run_train(table, "--target", "label", report=True)
    assert (run.status, run.err) == (0, "")
    page = run.files["report.html"].decode()
    assert "<b>x" not in page
    assert "<i>$" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_without_a_report_none_of_another_model_stays(diabetes: Path, run_train: TrainCommand) -> None:
    assert "report.html" in run_train(diabetes, "--target", "target", report=True).files
    assert sorted(run_train(diabetes, "--target", "target").files) == ["model.json", "model.pkl"]


@pytest.mark.slow
def test_matplotlib_is_imported_for_a_report_only(diabetes: Path, tmp_path: Path) -> None:
    code = "import sys, train; train.main(sys.argv[1:]); print('matplotlib' in sys.modules)"
    arguments = [str(diabetes), "--target", "target", "--no-report", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.endswith("False\n")
