"""How much CPU the same rows take in each dialect, beside POST /predict: python -m benchmarks.dialects.

In one process, without a server around it, which costs every dialect the same. The forms take turns, so that a busy
machine slows all of them alike; the medians of the rounds are compared.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table
from werkzeug.test import EnvironBuilder

from handlers.service import load_service
from webapp import create_app

ROUTE = "/v1/endpoints/7/deployedModels/8:predict"
LENGTH = "Inference-Header-Content-Length"
INFER = "/v2/models/example/infer"
# Rows a request -> requests a round; of each there are so many rounds.
REQUESTS = {1: 50, 1000: 4}
ROUNDS = 60


class Form(NamedTuple):
    """A request: where it goes, what it is, and the headers beside its length."""

    path: str
    body: bytes
    headers: Mapping[str, str] = {"Content-Type": "application/json"}


def forms_of(rows: np.ndarray[Any, Any]) -> dict[str, Form]:
    """Return requests for the same predictions by name: /predict's own, and those to compare with it."""
    lists, columns = rows.tolist(), rows.T.tolist()
    names = ["x1", "x2", "x3"]
    objects = [dict(zip(names, row, strict=True)) for row in lists]
    by_column = [tensor(name, [len(rows)], data=cells) for name, cells in zip(names, columns, strict=True)]
    csv = "\n".join(",".join(map(str, row)) for row in lists)
    return {
        "/predict": json_form("/predict", instances=lists),
        "Vertex AI": json_form(ROUTE, instances=lists, parameters={}),
        "BigQuery": json_form("/bigquery", requestId="124ab1c", calls=lists),
        "BigQuery, numbers in strings": json_form("/bigquery", calls=[[*map(str, row)] for row in lists]),
        "KServe V1": json_form("/v1/models/example:predict", instances=lists),
        "MLflow, rows": json_form("/invocations", inputs=lists),
        "MLflow, dataframe_split": json_form("/invocations", dataframe_split={"columns": names, "data": lists}),
        "SageMaker, JSON": Form("/invocations", orjson.dumps(lists)),
        "SageMaker, CSV": Form("/invocations", csv.encode(), {"Content-Type": "text/csv", "Accept": "text/csv"}),
        "Open Inference, JSON": json_form(INFER, inputs=[tensor("x", [len(rows), 3], data=rows.ravel().tolist())]),
        "Open Inference, bytes": bytes_form(("x", rows)),
        "/predict, by name": json_form("/predict", instances=objects),
        "KServe V1, by name": json_form("/v1/models/example:predict", instances=objects),
        "MLflow, dataframe_records": json_form("/invocations", dataframe_records=objects),
        "MLflow, columns": json_form("/invocations", inputs=dict(zip(names, columns, strict=True))),
        "Open Inference, JSON, columns": json_form(INFER, inputs=by_column),
        "Open Inference, bytes, columns": bytes_form(*zip(names, rows.T, strict=True)),
    }


def json_form(path: str, **document: Any) -> Form:
    """Return a request of a JSON document."""
    return Form(path, orjson.dumps(document))


def tensor(name: str, shape: list[int], **more: Any) -> dict[str, Any]:
    """Return an input of the Open Inference Protocol."""
    return {"name": name, "shape": shape, "datatype": "FP64"} | more


def bytes_form(*tensors: tuple[str, np.ndarray[Any, Any]]) -> Form:
    """Return a request whose inputs and outputs are bytes, as tritonclient's are."""
    inputs = [tensor(name, [*a.shape], parameters={"binary_data_size": a.nbytes}) for name, a in tensors]
    head = orjson.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}})
    return Form(INFER, head + b"".join(array.tobytes() for _, array in tensors), {LENGTH: str(len(head))})


def caller_of(app: Any, form: Form) -> Callable[[], bytes]:
    """Return a function that sends the app a request and returns the answer's body."""
    environ = EnvironBuilder(path=form.path, method="POST", headers=[*form.headers.items()]).get_environ()
    environ["CONTENT_LENGTH"] = str(len(form.body))

    def start_response(status: str, *_: Any) -> None:
        if not status.startswith("200"):
            sys.exit(f"benchmarks.dialects: {form.path} answers {status}")

    def call() -> bytes:
        return b"".join(app(environ | {"wsgi.input": io.BytesIO(form.body)}, start_response))

    return call


def measured(app: Any, rows: int) -> dict[str, float]:
    """Return the microseconds of CPU that a request takes, by its form."""
    forms = forms_of(np.random.default_rng(0).normal(size=(rows, 3)))
    calls = {name: caller_of(app, form) for name, form in forms.items()}
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            began = time.thread_time()
            for _ in range(REQUESTS[rows]):
                call()
            rounds[name].append((time.thread_time() - began) / REQUESTS[rows] * 1e6)
    return {name: statistics.median(times) for name, times in rounds.items()}


def ratios_of(times: Mapping[str, float]) -> dict[str, float]:
    """Return each form's time beside that of the form of /predict before it."""
    ratios, base = {}, 0.0
    for name, time_of_it in times.items():
        base = time_of_it if name.startswith("/predict") else base
        ratios[name] = time_of_it / base
    return ratios


def main() -> None:
    """Print a table."""
    app = create_app(load_service({"AIP_PREDICT_ROUTE": ROUTE}))
    found = {rows: measured(app, rows) for rows in REQUESTS}
    table = Table("CPU beside /predict", *(f"{rows:,} rows{unit}" for rows in REQUESTS for unit in ("", ", µs")))
    ratios = {rows: ratios_of(times) for rows, times in found.items()}
    for name in found[1]:
        cells = [(ratios[rows][name], found[rows][name]) for rows in found]
        table.add_row(
            name, *(f"{value:.{digits}f}" for cell in cells for value, digits in zip(cell, (2, 0), strict=True))
        )
    Console().print(table)


if __name__ == "__main__":
    main()
