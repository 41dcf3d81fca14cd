"""Every dialect on a compiled model of every kind of column: the answers of /predict for the same rows."""

import csv
import random
from typing import Any

import orjson
import pytest

import train
from tests.dialects.conftest import ROUTES, Hosts
from tests.hosts import JSON

NAMES = ["area", "furnished", "city", "story", "since"]
TYPES = ["FP64", "BOOL", "BYTES", "BYTES", "BYTES"]
ROWS: list[list[Any]] = [
    [52.5, True, "Ulm", "quiet street by the river", "2024-01-15"],
    [None, False, None, "loud and bright garden", "2025-07-30"],
]
CHANCES = {"probabilities": True}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Hosts:
    """Return both hosts of a classifier with strings for labels, trained and compiled."""
    folder = tmp_path_factory.mktemp("compiled")
    chance = random.Random(0)  # noqa: S311
    words = ["quiet", "loud", "bright", "dark", "small", "wide", "garden", "river", "street"]
    with (folder / "flats.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*NAMES, "rent"])
        for day in range(120):
            area = chance.choice(["", *range(20, 120)])
            story = " ".join(chance.choices(words, k=8))
            row = [area, chance.choice(["true", "false"]), chance.choice(["", "Ulm", "Rom", "Bonn"]), story]
            date = f"2024-{day % 12 + 1:02}-{day % 28 + 1:02}"
            writer.writerow([*row, date, "high" if (area or 60) > 60 else "low"])
    out = folder / "model"
    how = ["--target", "rent", "--text", "story", "--keep", "story", "--compile", "--no-report", "--name", "flats"]
    train.main([str(folder / "flats.csv"), *how, "--out", str(out)])
    hosts = Hosts({"MODEL_DIR": str(out)} | ROUTES, folder)
    assert hosts.get("/v2/models/flats").json()["inputs"] == [
        {"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in zip(NAMES, TYPES, strict=True)
    ]
    return hosts


def test_bigquery(here: Hosts) -> None:
    plain = here.post("/predict", {"instances": ROWS} | CHANCES).json()
    by_name = [[dict(zip(NAMES, row, strict=True))] for row in ROWS]
    for calls in (ROWS, by_name, [[orjson.dumps(row[0]).decode()] for row in by_name]):
        assert here.post("/bigquery", {"calls": calls}).json() == {"replies": plain["predictions"]}
    context = {"output": "probabilities"}
    got = here.post("/bigquery", {"calls": ROWS, "userDefinedContext": context}).json()
    assert got == {"replies": plain["probabilities"]}


def test_rows_with_labels_and_probabilities(here: Hosts) -> None:
    plain = here.post("/predict", {"instances": ROWS} | CHANCES).json()
    labelled = [
        {"label": label, "probabilities": chances}
        for label, chances in zip(plain["predictions"], plain["probabilities"], strict=True)
    ]
    frame = {"columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}
    for path, document in (
        (ROUTES["AIP_PREDICT_ROUTE"], {"instances": ROWS, "parameters": CHANCES}),
        ("/invocations", {"dataframe_split": frame, "params": CHANCES}),
        ("/invocations", {"inputs": dict(zip(NAMES, zip(*ROWS, strict=True), strict=True)), "params": CHANCES}),
    ):
        assert here.post(path, document).json()["predictions"] == labelled
    got = here.post("/v1/models/flats:predict", {"instances": ROWS})
    assert got.json()["predictions"] == plain["predictions"]
    lines = b"52.5,true,Ulm,quiet street by the river,2024-01-15\n,0,,loud and bright garden,2025-07-30"
    got = here.post("/invocations", lines, {"Content-Type": "text/csv", "Accept": "text/csv"})
    assert got.body.decode().split("\n") == plain["predictions"]


def test_tensors(here: Hosts) -> None:
    plain = here.post("/predict", {"instances": ROWS} | CHANCES).json()
    columns = zip(NAMES, TYPES, zip(*ROWS, strict=True), strict=True)
    inputs = [{"name": name, "shape": [2], "datatype": kind, "data": cells} for name, kind, cells in columns]
    outputs = [{"name": "predict"}, {"name": "predict_proba"}]
    got = here.post("/v2/models/flats/infer", {"inputs": inputs, "outputs": outputs}, JSON).json()["outputs"]
    assert got[0]["data"] == plain["predictions"]
    assert got[1]["data"] == [chance for row in plain["probabilities"] for chance in row.values()]
    assert got[1]["parameters"] == {"classes": '["high","low"]'}
