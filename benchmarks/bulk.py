"""`make bulk-bench`: rows a second and the peak memory of each process, by rows, engine and workers.

It makes a mixed table and a model of it, predicts the table, and holds 10,000 of its predictions against the server's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from handlers.service import load_service
from servers.processes import cpu_seconds, peak_memory, tree
from servers.running import ROOT, environment
from webapp import create_app

PYTHON = ROOT / ".bench" / "bulk" / "bin" / "python"
FILES = 10
COLUMNS = """
    CASE WHEN i % 10 = 3 THEN NULL ELSE (i * 7919 % 100000) / 100.0 END AS size, (i * 31 % 97) / 10.0 AS age,
    i % 3 = 0 AS used, ['red', 'green', 'blue', 'black', NULL][i % 5 + 1] AS colour,
    DATE '2020-01-01' + (i % 1500)::INTEGER AS sold, 'item ' || i AS id
"""
PRICE = "coalesce(size, 50) * 2 + age * 3 + CASE colour WHEN 'red' THEN 20 ELSE 0 END + i % 7"
COMPARED = 10_000
SAMPLES_A_FORK, BYTES_A_SHELL = 20, 20_000_000


@dataclass(frozen=True)
class Measured:
    """One run: its seconds, and the peak memory of the process that runs it and of those that predict, in bytes."""

    rows: int
    engine: str
    workers: int
    seconds: float
    cpu_seconds: float  # of all processes
    peaks: list[int]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--estimator", default="sklearn.linear_model.LinearRegression")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tandem-bulk-") as folder:
        measured = list(measure_all(Path(folder), options))
    show(measured)


def measure_all(folder: Path, options: argparse.Namespace) -> Iterator[Measured]:
    """Yield what was measured, each run as it ends."""
    train(folder, options.estimator)
    for rows in options.rows:
        source = folder / f"{rows}"
        write_table(source, rows)
        for engine in ("auto", "sklearn"):
            for workers in options.workers:
                out = folder / f"out-{rows}-{engine}-{workers}"
                found = run(source, out, folder / "model", (rows, engine, workers))
                check(out, rows, folder / "model", engine)
                sys.stderr.write(f"{found}\n")
                yield found


def train(folder: Path, estimator: str) -> None:
    """Train a model of the table, and compile it."""
    with duckdb.connect() as database:
        query = f"SELECT *, {PRICE} AS price FROM (SELECT {COLUMNS}, i FROM range(3000) AS t(i))"  # noqa: S608
        query = f"SELECT * EXCLUDE (i, id) FROM ({query})"  # noqa: S608
        database.execute(f"COPY ({query}) TO '{folder}/train.csv' (HEADER)")
    command = ["train.py", f"{folder}/train.csv", "--target", "price", "--estimator", estimator, "--compile"]
    subprocess.run(
        [sys.executable, *command, "--no-report", "--out", f"{folder}/model"],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def write_table(folder: Path, rows: int) -> None:
    """Write a table as Parquet files."""
    folder.mkdir()
    with duckdb.connect() as database:
        for file in range(FILES):
            these = f"range({rows * file // FILES}, {rows * (file + 1) // FILES})"
            query = f"SELECT {COLUMNS} FROM {these} AS t(i)"  # noqa: S608
            database.execute(f"COPY ({query}) TO '{folder}/{file}.parquet' (FORMAT parquet)")


def run(source: Path, out: Path, model: Path, what: tuple[int, str, int]) -> Measured:
    """Predict a table, and watch the memory of every process that takes part."""
    rows, engine, workers = what
    begun = time.monotonic()
    process = subprocess.Popen(
        [str(PYTHON), "-m", "bulk", str(source), "--out", str(out), "--workers", str(workers)],
        cwd=ROOT, env=environment(MODEL_DIR=str(model), ENGINE=engine), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    peaks: dict[int, list[int]] = {}
    cpu: dict[int, float] = {}
    while process.poll() is None:
        for pid in alive(process.pid):
            with suppress(FileNotFoundError, ProcessLookupError, LookupError):
                peaks.setdefault(pid, []).append(peak_memory(pid))
                cpu[pid] = cpu_seconds(pid)
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    if process.returncode:
        sys.exit(f"bulk ended with {process.returncode}")
    # Not the shells of Beam's, nor the forks in which a model is tried.
    lasting = [max(sizes) for sizes in peaks.values() if len(sizes) > SAMPLES_A_FORK and max(sizes) > BYTES_A_SHELL]
    return Measured(rows, engine, workers, seconds, sum(cpu.values()), lasting)


def alive(pid: int) -> list[int]:
    """Return a process and its descendants, as far as they are still there."""
    try:
        return tree(pid)
    except (FileNotFoundError, ProcessLookupError):
        return []


def check(out: Path, rows: int, model: Path, engine: str) -> None:
    """Compare the number of rows, and some predictions with a server's answers."""
    with duckdb.connect() as database:
        table = f"read_parquet('{out}/predictions-*.parquet')"
        [(count, different)] = database.execute(f"SELECT count(*), count(DISTINCT id) FROM {table}").fetchall()  # noqa: S608
        if not count == different == rows:
            sys.exit(f"of {rows} rows, {count} were predicted, {different} different ones")
        query = f"SELECT size, age, used, colour, CAST(sold AS VARCHAR), prediction FROM {table} LIMIT {COMPARED}"  # noqa: S608
        found = database.execute(query).fetchall()
    client = create_app(load_service({"MODEL_DIR": str(model), "ENGINE": engine})).test_client()
    answer = client.post("/predict", json={"instances": [row[:5] for row in found]}).get_json()
    np.testing.assert_allclose([row[5] for row in found], answer["predictions"], rtol=1e-12)


def show(measured: list[Measured]) -> None:
    """Print a table, and each run as a line of JSON."""
    table = Table("rows", "engine", "workers", "seconds", "CPU s", "rows a second", "peak memory of each process, MB")
    for found in measured:
        rate, peaks = found.rows / found.seconds, ", ".join(f"{size / 1e6:,.0f}" for size in found.peaks)
        cells = [f"{found.rows:,}", found.engine, f"{found.workers}", f"{found.seconds:.1f}"]
        table.add_row(*cells, f"{found.cpu_seconds:.1f}", f"{rate:,.0f}", peaks)
    console = Console()
    console.print(table)
    console.print(json.dumps([vars(found) for found in measured]))


if __name__ == "__main__":
    main()
