"""METRICS=1 counts what comes in beside what training saw; the drift query's arithmetic finds a stream that shifts."""

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from handlers.service import Service, load_service
from predictor import ArtifactError, load
from predictor.columns import Column, Number
from servers.processes import wait_until
from tests.files import copy_model
from tests.hosts import InProcess
from tests.models import ROWS, Sample, mixed_regressor, save_model
from webapp import create_app
from webapp.watching import Watch

SAMPLE = re.compile(r"tandem_feature_(\w+(?:total|ratio))\{(.*)\} (\S+)")


def counted(host: InProcess) -> dict[tuple[str, str, str], float]:
    """Return the samples of features: what, feature (and bin), version -> value."""
    text = host.send(method="GET", path="/metrics", headers={}).body.decode()
    found = {}
    for what, labels, value in SAMPLE.findall(text):
        named: Mapping[str, str] = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        found[what, " ".join(filter(None, (named["feature"], named.get("bin")))), named["version"]] = float(value)
    return found


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS", "1")


def host_of(folder: Path, version: str) -> InProcess:
    """Return the app of a model under a version of its own: the counts of a process are of all its apps."""
    manifest = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(manifest | {"version": version}))
    return InProcess("web", create_app(load_service({"MODEL_DIR": str(folder)})))


@pytest.mark.usefixtures("counting")
def test_every_kind_of_column_is_watched(tmp_path: Path) -> None:
    mixed_regressor(tmp_path / "model")
    host = host_of(tmp_path / "model", "every-kind")
    rows: list[list[Any]] = [
        ROWS[0],
        [30.9, True, "Bremen", "", "2024-01-14"],
        [98.1, True, "Rom", "", "2026-02-12T00:00:01"],
        [None, True, None, "", "2024-01-15"],
        [31, True, "bremen", "", "2026-02-11"],
    ]
    assert host.send(json.dumps({"instances": rows}).encode()).status == 200
    assert host.send(json.dumps({"features": rows[2]}).encode()).status == 200
    refused = [rows[2][:4], [None, None, *rows[2][2:]], [1e999, *rows[2][1:]]]
    for row in refused:
        assert host.send(json.dumps({"features": row}).encode()).status in {400, 422}
    found = {key[:2]: value for key, value in counted(host).items() if key[2] == "every-kind"}
    assert found == {
        ("missing_total", "area"): 1, ("missing_total", "city"): 1,
        ("outside_total", "area"): 3, ("outside_total", "since"): 3,
        ("unseen_total", "city"): 3,
    }  # fmt: skip


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize(
    ("sent", "least", "most"),
    [
        (lambda draw: draw.normal(0, 1, 4000), 0, 0.02),
        (lambda draw: draw.normal(0.8, 1, 4000), 0.25, 2),
        (lambda draw: np.full(4000, 50.0), 2, 20),
    ],
    ids=["the same", "shifted", "stuck"],
)
def test_the_population_stability_index_tells_a_stream_that_shifts(
    tmp_path: Path, request: pytest.FixtureRequest, sent: Any, least: float, most: float
) -> None:
    trained = np.random.default_rng(1).normal(0, 1, 5000)
    column = Number("x", minimum=float(trained.min()), maximum=float(trained.max()))
    columns: list[Column] = [column.with_deciles(trained, np.ones(len(trained))), Number("whole", False, "", 0, 3)]
    columns[1] = columns[1].with_deciles(np.array([0.0, 1, 2, 3]), np.array([7, 1, 1, 1]))  # type: ignore[attr-defined]
    rows = [[1.0, 2.0], [2.0, 0.0], [3.0, 1.0]]
    version = request.node.callspec.id.replace(" ", "-")
    save_model(tmp_path / "model", LinearRegression(), np.column_stack, Sample(columns, rows, [1.0, 2.0, 3.0]))
    host = host_of(tmp_path / "model", version)
    draw = np.random.default_rng(2)
    stream = np.column_stack([sent(draw), draw.choice(4, 4000, p=[0.7, 0.1, 0.1, 0.1])])
    for part in np.array_split(stream, 40):
        assert host.send(json.dumps({"instances": part.tolist()}).encode()).status == 200
    found = {key[:2]: value for key, value in counted(host).items() if key[2] == version}
    assert least <= stability_index(found, "x") <= most
    assert stability_index(found, "whole") < 0.02  # though its parts are not tenths
    assert sum(value for (what, _), value in found.items() if what == "bin_total") == 2 * 4000


def stability_index(found: Mapping[tuple[str, str], float], feature: str) -> float:
    """Return what docs/metrics.md asks Prometheus for."""
    expected = {name: value for (what, name), value in found.items() if what == "bin_training_ratio"}
    expected = {name: value for name, value in expected.items() if name.split()[0] == feature}
    total = sum(found["bin_total", name] for name in expected)
    actual = {name: max(found["bin_total", name] / total, 0.0001) for name in expected}
    return sum((actual[name] - share) * math.log(actual[name] / share) for name, share in expected.items())


def test_what_waits_is_counted_soon_without_being_asked(tmp_path: Path) -> None:
    manifest = dataclasses.replace(load(copy_model(tmp_path)).manifest, version="soon")
    watch = Watch(manifest)
    watch(np.array([[9.0, 1.0, 1.0]]))
    wait_until(lambda: not watch.waiting, "it is counted", 10)
    watch(np.zeros((20_000, 3)))
    assert not watch.waiting  # so many do not wait


@pytest.mark.parametrize(
    ("values", "counts", "deciles", "cumulative"),
    [
        (range(1, 101), [1] * 100, [10, 20, 30, 40, 50, 60, 70, 80, 90], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        ([0, 1], [95, 5], [0], [0.95]),
        ([0, 1], [5, 95], [], []),
        ([0, 0, 1], [3, 2, 5], [0], [0.5]),
        ([7], [10], [], []),
        ([3, 1, 2], [1, 1, 1], [1, 2], [0.333333, 0.666667]),
    ],
)
def test_deciles_part_what_training_saw(values: Any, counts: Any, deciles: Any, cumulative: Any) -> None:
    column = Number("x").with_deciles(np.array(values, dtype=float), np.array(counts))
    assert (column.deciles, column.cumulative) == (deciles, cumulative)
    assert (sum(column.shares) == pytest.approx(1)) or not deciles


@pytest.mark.parametrize(
    "keys",
    [
        {"deciles": [1.0, 1.0], "cumulative": [0.1, 0.2]},
        {"deciles": [2.0, 1.0], "cumulative": [0.1, 0.2]},
        {"deciles": [1.0], "cumulative": []},
        {"deciles": [1.0], "cumulative": [1.0]},
        {"deciles": [1.0], "cumulative": [0.0]},
        {"deciles": ["x"], "cumulative": [0.5]},
        {"deciles": list(range(10)), "cumulative": [n / 11 for n in range(1, 11)]},
        {"deciles": 3},
        {"cumulative": None},
    ],
)
def test_deciles_of_a_manifest_that_are_none_are_refused(tmp_path: Path, keys: dict[str, Any]) -> None:
    manifest = json.loads((copy_model(tmp_path) / "model.json").read_text())
    manifest["features"][0] |= keys
    (tmp_path / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="is not a manifest"):
        load(tmp_path)


def test_off_nothing_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METRICS", raising=False)
    service: Service = load_service()
    create_app(service)
    assert service.watchers == []
