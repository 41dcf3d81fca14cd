"""The tables that the tests train from, and the command line run in process."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_diabetes, load_wine

import train


@dataclass(frozen=True)
class Run:
    """What one run of the command line answered and left in its folder."""

    status: int
    out: str
    err: str
    directory: Path

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.iterdir()} if self.directory.exists() else {}

    @property
    def metrics(self) -> list[str]:
        """The names in the first column of the printed table."""
        return re.findall(r"^│ (\S.*?) +│", self.out, re.MULTILINE)


TrainCommand = Callable[..., Run]


@pytest.fixture
def run_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> TrainCommand:
    """Run `train.py *arguments --out <a folder>` in this process."""

    def run(*arguments: Any, out: Path = tmp_path / "out") -> Run:
        status = 0
        try:
            train.main([*map(str, arguments), "--out", str(out)])
        except SystemExit as exit_:
            status = exit_.code if isinstance(exit_.code, int) else 1
        printed = capsys.readouterr()
        return Run(status, printed.out, printed.err, out)

    return run


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """442 rows, 10 features, a number to predict in the column `target`."""
    path = tmp_path_factory.mktemp("tables") / "diabetes.csv"
    load_diabetes(as_frame=True).frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """178 rows, 13 features, one of three words to predict in the column `target`."""
    bunch = load_wine(as_frame=True)
    path = tmp_path_factory.mktemp("tables") / "wine.csv"
    bunch.frame.assign(target=bunch.target_names[bunch.target]).to_csv(path, index=False)
    return path


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
