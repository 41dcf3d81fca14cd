"""Other runners than this machine's own, and BigQuery, as far as they go without an account."""

import json
import subprocess
from pathlib import Path
from typing import Any

from servers.processes import wait_until
from servers.running import ROOT, end, free_port
from tests.bulk.conftest import PYTHON, Bulk, rows_of, write_parquet
from tests.models import COLUMNS, ROWS, hosts_of, mixed_classifier
from tests.test_install import unmet_extras


def graph(name: str, *arguments: object, given: Any = None) -> Any:
    done = subprocess.run(
        [str(PYTHON), "-m", "tests.bulk.graphs", name, *map(str, arguments)],
        cwd=ROOT, input=json.dumps(given), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_dataflows_client_makes_a_job_of_the_pipeline(tmp_path: Path) -> None:
    job = graph("of_dataflow", tmp_path)
    [pool] = job["environment"]["workerPools"]
    assert job["type"] == "JOB_TYPE_BATCH"
    assert pool["sdkHarnessContainerImages"][0]["containerImage"] == "europe/p/tandem/bulk:1"
    pipeline = (tmp_path / "staging" / "pipeline.pb").read_bytes()
    for step in (b"Find parts", b"Predict", b"Collect results"):
        assert step in pipeline
    # Nothing of this machine goes there: no main session, no code beside what the image has.
    assert {path.name for path in (tmp_path / "staging").iterdir()} == {
        "pipeline.pb", "submission_environment_dependencies.txt"
    }  # fmt: skip


def test_a_table_of_bigquery_becomes_another_one(tmp_path: Path) -> None:
    mixed_classifier(tmp_path / "model")
    steps = graph("of_bigquery", tmp_path / "model", "gs://my-bucket/temporary")
    assert {"Read", "Batch", "Predict", "Write predicted", "Write rejected"} <= set(steps)


def test_rows_of_bigquery_are_predicted_as_by_the_server(tmp_path: Path) -> None:
    mixed_classifier(tmp_path / "model")
    web, _ = hosts_of(tmp_path / "model")
    names = [column.name for column in COLUMNS]
    rows = [dict(zip(names, [*row[:4], row[4][:10]], strict=True)) for row in ROWS]
    answer = web.send(json.dumps({"instances": rows, "probabilities": True}).encode(), path="/predict").json()
    added = [
        {"prediction": label, "model_version": "1.0"} | {f"probability_{name}": chance for name, chance in of.items()}
        for label, of in zip(answer["predictions"], answer["probabilities"], strict=True)
    ]
    bad = [rows[1] | {"furnished": None}, rows[1] | {"city": 3}]
    counts = graph(
        "of_rows",
        tmp_path / "model",
        given={
            "rows": [row | {"id": number} for number, row in enumerate([*rows, *bad])],
            "added": added,
            "reasons": [
                [8, "furnished", "must be true or false, not null"],
                [9, "city", 'must be one of "Bremen", "Köln", "Ulm" or another text or null, not a number'],
            ],
        },
    )
    assert counts == {"rows": 10, "predicted": 8}


def test_tables_go_to_tables_only(bulk: Bulk, tmp_path: Path) -> None:
    for arguments, says in [
        (["a.csv", "--out", "bigquery:p.d.t"], "bulk: bigquery: goes from one table to another; between tables and"),
        (["bigquery:p.d.t", "--out", tmp_path / "out"], "bulk: bigquery: goes from one table to another; between"),
        (["bigquery:t", "--out", "bigquery:p.d.t"], "bulk: bigquery:t names no table; it must look like bigquery:PR"),
    ]:
        done = bulk(*arguments)
        assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
        assert done.err.startswith(says)


def test_a_runner_that_is_given_jobs_over_the_network_gives_the_same_rows(
    bulk: Bulk, example: Path, tmp_path: Path
) -> None:
    # By the interface that Flink's and Spark's runners have, which are not at hand.
    source = write_parquet(tmp_path / "rows.parquet", "SELECT i AS x1, 2 AS x2, 3 AS x3 FROM range(5000) AS t(i)")
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen(
            [str(PYTHON), "-m", "apache_beam.runners.portability.local_job_service_main", "-p", str(port)],
            cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(lambda: f"port {port}" in (tmp_path / "log").read_text(), "it listens", seconds=60)
        further = ["--", f"--job_endpoint=localhost:{port}", "--environment_type=LOOPBACK"]
        done = bulk(source, "--out", tmp_path / "out", *further, RUNNER="PortableRunner")
    finally:
        end(service)
    assert (done.status, done.err) == (0, "")
    assert [row["prediction"] for row in rows_of(tmp_path / "out" / "*.parquet")] == [3 * i + 7 for i in range(5000)]


def test_any_pip_installs_the_lock() -> None:
    [packages] = PYTHON.parent.parent.glob("lib/python*/site-packages")
    assert unmet_extras(ROOT / "bulk" / "requirements.txt", packages) == []
