"""Adopting what needs code of the user's own: it is taken into custom/, trusted there, and imported on both hosts."""

import io
import json
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from predictor import custom, load
from predictor.artifact import ArtifactError
from predictor.unpickler import RestrictedUnpickler
from tests.models import hosts_of
from tests.training.conftest import Run, TrainCommand

SOURCE = textwrap.dedent(
    """
    import os
    import pandas
    from sklearn.base import BaseEstimator, TransformerMixin

    class AddRatio(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            import numpy as np
            return np.column_stack([X, X[:, 0] / (1 + X[:, 1])])
    """
)
ROWS = np.random.RandomState(0).rand(20, 2)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put custom/ elsewhere, empty."""
    monkeypatch.setattr(custom, "FOLDER", tmp_path / "custom")
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "custom").mkdir()
    yield tmp_path / "custom"
    for name in ("ratios", "notebook"):
        sys.modules.pop(name, None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "ratios.py").write_text(SOURCE)
    return tmp_path / "ratios.py"


@pytest.fixture
def theirs(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Any]:
    """Write a pickle as a notebook does: its class is of __main__."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source.read_text(), "notebook", "exec"), space)  # noqa: S102
    with monkeypatch.context() as here:
        here.setattr(sys.modules["__main__"], "AddRatio", space["AddRatio"], raising=False)
        estimator = make_pipeline(space["AddRatio"](), LinearRegression()).fit(ROWS, ROWS[:, 0] * 2)
        joblib.dump(estimator, tmp_path / "theirs.pkl")
    return tmp_path / "theirs.pkl", estimator


def refused(run: Run) -> str:
    [line] = run.err.splitlines()
    assert (run.status, run.files) == (2, {})
    return line


def test_a_class_of_a_notebook_is_taken_in(theirs: Any, source: Path, folder: Path, run_train: TrainCommand) -> None:
    path, estimator = theirs
    assert "names AddRatio of __main__" in refused(run_train("--adopt", path, "--features", "a,b"))
    run = run_train("--adopt", path, "--features", "a,b", "--code", source)
    assert (run.status, run.err) == (0, "")
    assert (folder / "ratios.py").read_text() == SOURCE
    manifest = json.loads(run.files["model.json"])
    assert "ratios:AddRatio" in manifest["globals"]
    assert set(manifest["packages"]) == {"python", "scikit-learn", "numpy", "joblib"}
    for host in hosts_of(run.directory):
        answer = host.send(json.dumps({"instances": ROWS.tolist()}).encode())
        assert answer.json()["predictions"] == estimator.predict(ROWS).tolist()


def test_without_its_module_the_model_does_not_start(
    theirs: Any, source: Path, folder: Path, run_train: TrainCommand
) -> None:
    run = run_train("--adopt", theirs[0], "--features", "a,b", "--code", source)
    (folder / "ratios.py").unlink()
    source.unlink()
    del sys.modules["ratios"]
    with pytest.raises(ArtifactError, match=r"^the pickle names ratios:AddRatio, which is not part of"):
        load(run.directory)
    with pytest.raises(ArtifactError, match=r"^the pickle needs the module 'ratios', which is not installed; "):
        load(run.directory, trusted_modules=["ratios"])


def test_a_module_that_the_pickle_names_can_be_given(tmp_path: Path, run_train: TrainCommand) -> None:
    joblib.dump(LinearRegression().fit(ROWS, ROWS[:, 0]), tmp_path / "plain.pkl")
    data = (tmp_path / "plain.pkl").read_bytes().replace(b"sklearn.linear_model._base", b"sklearn_linear_model__base")
    (tmp_path / "other.pkl").write_bytes(data)
    line = refused(run_train("--adopt", tmp_path / "other.pkl", "--features", "a,b"))
    assert "names the module sklearn_linear_model__base, which is not installed" in line
    assert "--code sklearn_linear_model__base.py" in line


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("ratios.py", "class Other: ...", "does not define AddRatio, which the pickle names"),
        ("ratios.py", "class AddRatio(: ...", "is no Python source"),
        ("ratios.py", "raise SystemExit(3)", "cannot be imported (SystemExit: 3)"),
        ("ratios.py", "import nowhere_at_all", "cannot be imported (ModuleNotFoundError"),
        ("my-ratios.py", SOURCE, "the name of a module is letters"),
        ("json.py", SOURCE, "a module json is installed, and would be taken for it"),
        ("sklearn.py", SOURCE, "a module sklearn is installed"),
    ],
)
def test_code_that_cannot_be_taken_in_is_one_line(
    name: str, content: str, says: str, theirs: Any, run_train: TrainCommand
) -> None:
    file = theirs[0].parent / "code" / name
    file.parent.mkdir()
    file.write_text(content)
    line = refused(run_train("--adopt", theirs[0], "--features", "a,b", "--code", file))
    assert says in line
    assert not list(custom.FOLDER.glob("*.py"))


def test_another_file_of_that_name_stays(theirs: Any, source: Path, folder: Path, run_train: TrainCommand) -> None:
    (folder / "ratios.py").write_text("OTHER = 1\n")
    line = refused(run_train("--adopt", theirs[0], "--features", "a,b", "--code", source))
    assert "custom/ratios.py is there and differs" in line
    assert (folder / "ratios.py").read_text() == "OTHER = 1\n"


@pytest.mark.parametrize("name", ["ratios:os", "ratios:os.system", "ratios:AddRatio.fit", "ratios:BaseEstimator"])
def test_a_pickle_gets_at_nothing_that_a_module_only_imports(name: str, source: Path, folder: Path) -> None:
    (folder / "ratios.py").write_text(source.read_text())
    source.unlink()
    module, _, path = name.partition(":")
    names = f"\x8c{chr(len(module))}{module}\x8c{chr(len(path))}{path}".encode("latin-1")
    data = b"\x80\x04" + names + b"\x93."
    with pytest.raises(Exception, match="custom/ imports but does not define"):
        RestrictedUnpickler(io.BytesIO(data), lambda _: True).load()


def test_a_module_in_custom_neither_shadows_nor_lends_trust(folder: Path) -> None:
    for name in ("os", "subprocess", "sklearn", "not-a-name"):
        (folder / f"{name}.py").write_text("")
    (folder / "mine").mkdir()
    (folder / "mine" / "__init__.py").write_text("")
    assert custom.importable() == {"mine"}
    assert sys.path[-1] == str(folder)
    assert os.path.dirname(os.__file__) != str(folder)
