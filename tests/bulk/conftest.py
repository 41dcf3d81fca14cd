"""One process with Beam for all tests of bulk prediction that need no other."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from servers.running import ROOT
from tests.files import copy_model

PYTHON = ROOT / ".bench" / "bulk" / "bin" / "python"


class Done(NamedTuple):
    """What became of a run."""

    status: int
    out: str
    err: str


Bulk = Callable[..., Done]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Beam has an environment of its own, 880 MB of it: `make test-all` makes it, `make test` does without."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(
                pytest.mark.skipif(
                    not PYTHON.exists() and "CI" not in os.environ, reason="make .bench/bulk installs Apache Beam"
                )
            )


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the committed model."""
    return copy_model(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="session")
def bulk(example: Path) -> Iterator[Bulk]:
    """Return the function that runs `python -m bulk` with some arguments, by default with the committed model."""
    process = subprocess.Popen(
        [str(PYTHON), "-W", "error::UserWarning", "-m", "tests.bulk.answering"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout

    def run(*arguments: Any, **environ: Any) -> Done:
        assert process.stdin
        assert process.stdout
        settings = {name: str(value) for name, value in ({"MODEL_DIR": example} | environ).items()}
        process.stdin.write(json.dumps([[*map(str, arguments)], settings]) + "\n")
        process.stdin.flush()
        return Done(*json.loads(process.stdout.readline()))

    yield run
    process.communicate(timeout=60)


def rows_of(pattern: Path | str) -> list[dict[str, Any]]:
    """Return the rows of Parquet files, in order."""
    with duckdb.connect() as database:
        found = database.execute("SELECT * FROM read_parquet(?) ORDER BY filename, file_row_number", [str(pattern)])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def write_parquet(path: Path, query: str, rows_a_group: int = 122_880) -> Path:
    """Write what SQL selects."""
    with duckdb.connect() as database:
        database.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {rows_a_group})")
    return path
