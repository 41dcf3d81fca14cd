"""Run by the Python that has Beam: pipelines for runners that are not at hand, as far as they go; it prints them."""

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.testing.util import assert_that, equal_to
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bulk import bigquery, runners
from bulk.forms import Head
from bulk.model import Model
from bulk.outputs import Asked
from bulk.parts import Job
from bulk.pipeline import build


def of_bigquery(model: str, temporary: str) -> Any:
    """Return the names of the steps from a table to another one."""
    options = runners.options_of("FnApiRunner", 1, [f"--temp_location={temporary}", "--project=p"])
    pipeline = beam.Pipeline(options=options)
    job = bigquery.RowsJob(Model(directory=model), Asked(probabilities=True))
    bigquery.build(pipeline, job, "bigquery:my-project.a.rows", "bigquery:my-project.a.predictions")
    transforms = pipeline.to_runner_api().components.transforms.values()
    return sorted({transform.unique_name.split("/")[0] for transform in transforms} - {""})


def of_rows(model: str) -> Any:
    """Predict rows as they come from BigQuery, and return how many of each kind there were."""
    given = json.loads(sys.stdin.read())
    rows = [row | {"since": date.fromisoformat(row["since"])} for row in given["rows"]]
    job = bigquery.RowsJob(Model(directory=model), Asked(probabilities=True, model_version=True))
    pipeline = beam.Pipeline(options=runners.options_of("FnApiRunner", 1, []))
    found = bigquery.predicted(pipeline | beam.Create(rows), job)
    expected = [rounded(row | more) for row, more in zip(rows, given["added"], strict=False)]
    assert_that(found.predicted | beam.Map(rounded), equal_to(expected), label="predicted")
    reasons = found.rejected | beam.Map(lambda row: (json.loads(row["row"])["id"], row["column"], row["reason"]))
    assert_that(reasons, equal_to([tuple(reason) for reason in given["reasons"]]), label="rejected")
    return bigquery.counts_of(runners.run(pipeline, "FnApiRunner", sys.exit))


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its numbers rounded: in another batch the last digits may differ."""
    return {name: round(value, 9) if type(value) is float else value for name, value in row.items()}


def of_dataflow(folder: str) -> Any:
    """Make a template for Dataflow, by its client and for an account that is none, and return what it says."""
    os.environ |= {"GOOGLE_APPLICATION_CREDENTIALS": account(folder), "NO_GCE_CHECK": "true"}
    GoogleCloudOptions.validate = lambda *_: []  # it would look for the bucket; here a folder is in its place
    further = ["--project=my-project", "--region=europe-west1", "--sdk_location=container", "--max_num_workers=3"]
    for name in ("temp", "staging"):
        Path(folder, name).mkdir()
    further += [f"--{name}_location={folder}/{name}" for name in ("temp", "staging", "template")]
    options = runners.options_of("DataflowRunner", 1, [*further, "--sdk_container_image=europe/p/tandem/bulk:1"])
    pipeline = beam.Pipeline(options=options)
    job = Job(Model(sha256="0" * 64), Asked(), "gs://my-bucket/out.partial-1", Head("Parquet"))
    build(pipeline, job, ["gs://my-bucket/a.parquet", "gs://my-bucket/b.parquet"])
    pipeline.run()
    return json.loads(Path(folder, "template").read_text())


def account(folder: str) -> str:
    """Return the path of a key that nobody knows."""
    key = rsa.generate_private_key(65_537, 2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    made = {
        "type": "service_account",
        "client_email": "nobody@my-project",
        "private_key": pem,
        "token_uri": "http://[::1]:1",
    }
    Path(folder, "key.json").write_text(json.dumps(made))
    return str(Path(folder, "key.json"))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))  # noqa: T201
