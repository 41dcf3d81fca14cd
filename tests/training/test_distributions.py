"""How training's values lie, in the manifest: of tables and of the examples of adopted models; and the bars of it."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from predictor import ArtifactError, load
from predictor.columns import Category, Column, Number
from predictor.loading import read_manifest
from tests.models import mixed_regressor
from tests.training.conftest import TrainCommand
from webapp.fields import HEIGHT, WIDTH, field_of

RANDOM = np.random.RandomState(0)
ROWS = 100
CITIES = ["Ulm"] * 50 + ["Bremen"] * 30 + ["Köln"] * 20
FRAME = pd.DataFrame({"area": RANDOM.rand(ROWS).round(3), "city": CITIES, "floor": [1, 2, 2, 3] * 25})


def features_of(folder: Path) -> Mapping[str, Column]:
    return {column.name: column for column in read_manifest(folder / "model.json").features}


def adopted(run_train: TrainCommand, folder: Path, frame: pd.DataFrame) -> Mapping[str, Any]:
    fitted = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city", "floor"]), remainder="passthrough"), LinearRegression()
    ).fit(frame, frame["area"])
    joblib.dump(fitted, folder / "theirs.pkl")
    frame.to_csv(folder / "rows.csv", index=False)
    run = run_train("--adopt", folder / "theirs.pkl", "--examples", folder / "rows.csv")
    assert (run.status, run.err) == (0, "")
    assert load(run.directory).replay() == []
    return features_of(run.directory)


def test_training_tells_how_often_each_category_was_there(run_train: TrainCommand, tmp_path: Path) -> None:
    FRAME.assign(rent=RANDOM.rand(ROWS)).to_csv(tmp_path / "t.csv", index=False)
    found = features_of(run_train(tmp_path / "t.csv", "--target", "rent", "--category", "floor").directory)
    assert found["city"].describe()["shares"] == [0.5, 0.3, 0.2]
    assert found["floor"].describe()["shares"] == [0.5, 0.25, 0.25]
    assert found["floor"].describe()["values"] == [2, 1, 3]


def test_gaps_are_no_part_of_it(run_train: TrainCommand, tmp_path: Path) -> None:
    table = FRAME.assign(rent=RANDOM.rand(ROWS), city=FRAME["city"].where(FRAME.index % 2 == 0))
    table.to_csv(tmp_path / "t.csv", index=False)
    assert features_of(run_train(tmp_path / "t.csv", "--target", "rent").directory)["city"].describe()["shares"] == [
        0.5, 0.3, 0.2,
    ]  # fmt: skip


def test_examples_tell_it_of_an_adopted_model(run_train: TrainCommand, tmp_path: Path) -> None:
    found = adopted(run_train, tmp_path, FRAME)
    assert dict(found["city"].frequent) == {"Ulm": 0.5, "Bremen": 0.3, "Köln": 0.2}
    assert dict(found["floor"].frequent) == {2: 0.5, 1: 0.25, 3: 0.25}
    area = found["area"]
    assert len(area.deciles) == 9
    below = [(FRAME["area"] <= decile).mean() for decile in area.deciles]
    assert area.cumulative == pytest.approx(below)


def test_few_examples_tell_nothing_of_it(run_train: TrainCommand, tmp_path: Path) -> None:
    found = adopted(run_train, tmp_path, FRAME[::3])
    assert (found["city"].shares, found["area"].deciles) == ([], [])


@pytest.mark.parametrize(
    "change",
    [{"shares": [0.5, 0.3, 0.2, 0.1]}, {"shares": [2]}, {"shares": ["a"]}, {"shares": [-0.1]}, {"shares": 0.5}],
    ids=str,
)
def test_shares_that_are_none_are_refused(change: Any, tmp_path: Path) -> None:
    mixed_regressor(tmp_path)  # whose manifest has none, as those of before
    document = json.loads((tmp_path / "model.json").read_text())
    next(column for column in document["features"] if column["name"] == "city").update(change)
    (tmp_path / "model.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="is not a manifest"):
        load(tmp_path)


def number(values: Any) -> Number:
    array = np.asarray(values, dtype=np.float64)
    return Number("x", minimum=array.min(), maximum=array.max()).with_deciles(array, np.ones(len(array)))


@pytest.mark.parametrize(
    "column",
    [
        number(RANDOM.rand(500)),
        number(RANDOM.lognormal(0, 2, 500)),
        number([0.0] * 300 + [*range(200)]),
        number([7.75] * 200 + [*RANDOM.exponential(30, 300)]),
        number([1.0, 2.0] * 50),
        Category("c", values=["a", "b"], shares=[0.9, 0.1]),
        Category("c", values=[*map(str, range(40))], shares=[0.025] * 40),
    ],
    ids=["even", "skewed", "zeros", "one price", "two", "categories", "many"],
)
def test_bars_stand_side_by_side_and_fill_their_place(column: Column) -> None:
    """No two overlap, which would show as a darker stripe."""
    bars = field_of(column, [None]).bars
    assert bars[0].x == 0
    assert bars[-1].x + bars[-1].width == pytest.approx(WIDTH, abs=0.1)
    assert all(abs(bar.x + bar.width - following.x) < 0.02 for bar, following in pairwise(bars))
    assert max(bar.height for bar in bars) == HEIGHT
    assert min(bar.width for bar in bars) > 1


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        (Category("c", values=["a", "b"]), "2 known values, or another"),
        (Category("c", values=["a"]), "1 known value, or another"),
        (Category("c", values=["a", "b"], shares=[0.25, 0.75]), "2 known values (b 75%, a 25%), or another"),
        (
            Category("c", values=["a", "b", "x" * 300, "d"], shares=[0.4, 0.3, 0.2, 0.1]),
            f"4 known values (a 40%, b 30%, {'x' * 20} 20%, …), or another",
        ),
        (Category("c", values=[3, 1], shares=[1, 0]), "2 known values (3 100%, …), or another"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_field_says_which_values_are_frequent(column: Column, hint: str) -> None:
    assert field_of(column, [column.values[0]]).hint == hint  # type: ignore[attr-defined]
