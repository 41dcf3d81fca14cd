"""The measurement of bulk prediction, with fewer rows: it runs, its predictions are the server's, memory stays flat."""

import json
import subprocess
import sys

from servers.running import ROOT


def test_ten_times_the_rows_take_no_more_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bulk", "--rows", "100000", "1000000", "--workers", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs = json.loads("".join(done.stdout[done.stdout.rindex("[{") :].splitlines()))
    assert [(run["rows"], run["engine"]) for run in runs] == [
        (rows, engine) for rows in (100_000, 1_000_000) for engine in ("auto", "sklearn")
    ]
    for few, many in zip(runs[:2], runs[2:], strict=True):
        assert max(many["peaks"]) < max(few["peaks"]) + 150_000_000
