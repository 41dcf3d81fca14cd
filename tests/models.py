"""Small models of tables with columns of every kind, fitted as a person would and saved with manifests made by hand."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from predictor import Manifest, save
from predictor.artifact import dump, installed_packages, public_class
from predictor.columns import Boolean, Category, Column, Date, Number, Text
from predictor.frames import frame_maker
from predictor.manifest import FORMAT
from predictor.unpickler import globals_of_trusted

ROWS: list[list[Any]] = [
    # area, furnished, city, story, since
    [52.5, True, "Bremen", "quiet flat by the river", "2024-01-15"],
    [None, False, "Köln", "loud street, near the station", "2024-03-02"],
    [98.0, True, None, "garden and river", "2025-07-30"],
    [31.0, False, "Bremen", "small", "2025-12-24T18:30:00"],
    [75.0, True, "Köln", "near the river, quiet", "2026-02-11"],
    [61.0, False, "Ulm", "quiet garden", "2024-11-05"],
    [None, True, "Ulm", "station", "2025-02-17"],
    [44.0, False, "Bremen", "loud and small, river", "2026-01-01"],
]
RENT = [900.0, 750.5, 1490.0, 480.25, 1180.0, 830.0, 940.0, 610.0]
QUIET = ["yes", "no", "yes", "no", "yes", "yes", "no", "no"]

COLUMNS: list[Column] = [
    Number("area", missing=True, minimum=31.0, maximum=98.0),
    Boolean("furnished"),
    Category("city", missing=True, values=["Bremen", "Köln", "Ulm"]),
    Text("story", longest=29),
    Date("since", first="2024-01-15", last="2026-02-11", parts=["month"]),
]
NUMBERS = ["furnished", "since", "since month"]


def preparation(city: Any) -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("area", SimpleImputer(add_indicator=True), ["area"]),
            ("numbers", StandardScaler(), NUMBERS),
            ("city", city, ["city"]),
            ("story", TfidfVectorizer(), "story"),
        ]
    )


def arrays(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[Any]:
    found = [column.array(cells) for column, cells in zip(columns, zip(*rows, strict=True), strict=True)]
    assert all(array is not None for array in found)
    return found


class Sample(NamedTuple):
    """What a model is fitted on."""

    columns: list[Column]
    rows: list[list[Any]]
    answers: list[Any]


def save_frame_model(folder: Path, estimator: Any, sample: Sample, **more: Any) -> Any:
    """Fit an estimator on the frame of some rows, save it in `folder`, and return it."""
    return save_model(folder, estimator, frame_maker(sample.columns), sample, input="frame", **more)


def save_model(folder: Path, estimator: Any, make: Callable[[list[Any]], Any], sample: Sample, **more: Any) -> Any:
    """Fit an estimator on what `make` makes of the columns, save it in `folder`, and return it."""
    columns, rows, answers = sample
    fitted_on = make(arrays(columns, rows))
    estimator.fit(fitted_on, answers)
    pickled = dump(estimator)
    classes = getattr(estimator, "classes_", None)
    manifest = Manifest(
        format=FORMAT,
        name=folder.name,
        version="1.0",
        artifact={"file": "model.pkl", "sha256": hashlib.sha256(pickled).hexdigest(), "size": len(pickled)},
        estimator={"class": public_class(estimator), "parameters": {}},
        task="regression" if classes is None else "classification",
        classes=None if classes is None else classes.tolist(),
        features=columns,
        target="answer",
        packages=installed_packages(),
        globals=globals_of_trusted(pickled),
        training=None,
        examples=[
            {"features": row, "prediction": prediction}
            for row, prediction in zip(rows, estimator.predict(fitted_on).tolist(), strict=True)
        ],
    )
    save(pickled, dataclasses.replace(manifest, **more), folder)
    return estimator


def mixed_regressor(folder: Path) -> Any:
    """Save a model of a number with gaps, a boolean, a category with gaps, a text and a date; return its estimator."""
    ridge = make_pipeline(preparation(OneHotEncoder(handle_unknown="ignore")), Ridge())
    training = {
        "rows": len(ROWS), "data_sha256": "0" * 64, "seed": 0, "test_size": 0.2,
        "metrics": {"held_out": {}, "held_out_rows": 2, "folds": 5, "cross_validated": {}, "baseline": {}},
        "left_out": {"id": "as many values as rows"},
    }  # fmt: skip
    return save_frame_model(folder, ridge, Sample(COLUMNS, ROWS, RENT), training=training, target="rent")


def mixed_classifier(folder: Path) -> Any:
    """Save a classifier of the same columns; return its estimator."""
    logistic = make_pipeline(preparation(OneHotEncoder(handle_unknown="ignore")), LogisticRegression())
    return save_frame_model(folder, logistic, Sample(COLUMNS, ROWS, QUIET), target="quiet")


def strict_regressor(folder: Path, encoder: Any = None) -> Any:
    """Save a model whose encoder refuses categories that it did not see; return its estimator."""
    encoder = encoder or OneHotEncoder(handle_unknown="error")
    columns: list[Column] = [
        Number("area"),
        Category("city", values=["Bremen", "Köln"]),
        Category("floor", values=[1, 2, 3]),
        Category("heating", values=["gas", "oil"]),
    ]
    rows: list[list[Any]] = [[50.0, "Bremen", 1, "gas"], [60.0, "Köln", 2, "oil"], [70.0, "Bremen", 3, "gas"]]
    prepare = ColumnTransformer(
        [
            ("area", "passthrough", ["area"]),
            ("strict", encoder, ["city", "floor"]),
            ("tolerant", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["heating"]),
        ]
    )
    return save_frame_model(folder, make_pipeline(prepare, Ridge()), Sample(columns, rows, [1.0, 2.0, 4.0]))


def text_classifier(folder: Path) -> Any:
    """Save a model of one column of texts, fitted on a list of them; return its estimator."""
    texts = [[row[3]] for row in ROWS]
    pipeline = Pipeline([("words", TfidfVectorizer()), ("model", LogisticRegression())])
    make = lambda found: found[0].tolist()  # noqa: E731
    return save_model(folder, pipeline, make, Sample([Text("story", longest=29)], texts, QUIET), input="texts")


def gappy_matrix(folder: Path) -> Any:
    """Save a model of a matrix of two numbers, one with gaps, and a boolean; return its estimator."""
    columns: list[Column] = [Number("a", missing=True), Boolean("b"), Number("c")]
    rows: list[list[Any]] = [[1.0, True, 2.0], [None, False, 1.5], [3.0, False, 0.0], [2.5, True, -1.0]]
    estimator = make_pipeline(SimpleImputer(add_indicator=True), Ridge())
    return save_model(folder, estimator, np.column_stack, Sample(columns, rows, [1.0, 2.0, 3.5, 4.0]))


def frame_of(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return the frame that a person would make of some of ROWS, by pandas alone."""
    frame = pd.DataFrame(list(rows), columns=[column.name for column in COLUMNS])
    since = pd.to_datetime(frame.pop("since"), format="ISO8601")
    frame["area"] = frame["area"].astype("float64")
    frame["furnished"] = frame["furnished"].astype("float64")
    frame = frame.astype({"city": "str", "story": "str"})
    frame["since"] = (since - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    frame["since month"] = since.dt.month.astype("float64")
    return frame
