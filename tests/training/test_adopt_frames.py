"""Adopting pipelines that were fitted on a DataFrame: proven at adoption, and served bit for bit on both hosts."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from predictor import load
from tests.models import hosts_of
from tests.training.conftest import Run, TrainCommand

RANDOM = np.random.RandomState(3)
COUNT = 60
FLATS = pd.DataFrame(
    {
        "area": RANDOM.uniform(20, 120, COUNT).round(1),
        "rooms": RANDOM.randint(1, 6, COUNT),
        "city": RANDOM.choice(["Bremen", "Köln", "Ulm, alt"], COUNT),
        "lift": RANDOM.choice([True, False], COUNT),
        "state": RANDOM.choice(["new", "old"], COUNT),
    }
)
GAPS = FLATS.assign(
    area=FLATS["area"].where(RANDOM.uniform(size=COUNT) > 0.2), city=FLATS["city"].where(FLATS.index % 7 > 0)
)
RENT = np.asarray(FLATS["area"] * 11 + FLATS["rooms"] * 30 + (FLATS["city"] == "Köln") * 200) + RANDOM.rand(COUNT)
DEAR = np.where(np.median(RENT) < RENT, "dear", "cheap")
TEXTS = [f"{'quiet' if dear == 'dear' else 'loud'} flat by the {where}" for dear, where in zip(DEAR, FLATS["city"])]  # noqa: B905
WORDS = ["city", "state"]


def one_hot(**how: Any) -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="ignore", **how)


def prepared(*, numbers: Any = None, words: Any = None) -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("numbers", numbers or StandardScaler(), ["area", "rooms"]),
            ("words", words or one_hot(), WORDS),
            ("lift", "passthrough", ["lift"]),
        ]
    )


def imputed() -> ColumnTransformer:
    return prepared(
        numbers=make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
        words=make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot()),
    )


def selected() -> ColumnTransformer:
    return make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include=np.number)),
        (one_hot(sparse_output=False), make_column_selector(dtype_exclude=np.number)),
    )


def categorical(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(WORDS, "category"))


# What a person fits, on which table, to predict what.
PIPELINES: dict[str, tuple[Callable[[], Any], pd.DataFrame, Any]] = {
    "one-hot and linear": (lambda: make_pipeline(prepared(), LinearRegression()), FLATS, RENT),
    "gaps": (lambda: make_pipeline(imputed(), Ridge()), GAPS, RENT),
    "one-hot and forest": (lambda: make_pipeline(prepared(), RandomForestRegressor(5, random_state=0)), FLATS, RENT),
    "from_dtype": (
        lambda: HistGradientBoostingRegressor(categorical_features="from_dtype", max_iter=8, min_samples_leaf=3),
        categorical(GAPS),
        RENT,
    ),
    "from_dtype behind a passthrough": (
        lambda: make_pipeline(
            make_column_transformer((StandardScaler(), ["area"]), remainder="passthrough").set_output(
                transform="pandas"
            ),
            HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=3),
        ),
        categorical(FLATS),
        DEAR,
    ),
    "ordinal and boosting": (
        lambda: make_pipeline(
            prepared(words=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
            GradientBoostingClassifier(n_estimators=5),
        ),
        FLATS,
        DEAR,
    ),
    "whole numbers as categories": (
        lambda: make_pipeline(make_column_transformer((one_hot(), ["rooms", "lift", *WORDS])), LogisticRegression()),
        FLATS.drop(columns="area"),
        DEAR,
    ),
    "numbers by name": (
        lambda: make_pipeline(make_column_transformer((StandardScaler(), ["rooms", "area"])), LinearRegression()),
        FLATS[["area", "rooms"]],
        RENT,
    ),
    "set_output": (
        lambda: make_pipeline(prepared(words=one_hot(sparse_output=False)), Ridge()).set_output(transform="pandas"),
        FLATS,
        RENT,
    ),
    "search": (
        lambda: GridSearchCV(
            make_pipeline(prepared(), LogisticRegression()), {"logisticregression__C": [0.5, 2]}, cv=3
        ),
        FLATS,
        DEAR,
    ),
    "selector": (lambda: make_pipeline(selected(), LogisticRegression()), FLATS, DEAR),
    "text column": (
        lambda: make_pipeline(
            make_column_transformer((TfidfVectorizer(), "text"), (StandardScaler(), ["area"])), LogisticRegression()
        ),
        FLATS[["area"]].assign(text=TEXTS),
        DEAR,
    ),
}
Adopt = Callable[..., Run]


@pytest.fixture
def adopt(run_train: TrainCommand, tmp_path: Path) -> Adopt:
    """Adopt a fitted estimator, with some rows of its table or without."""

    def adopt(estimator: Any, *more: str, rows: pd.DataFrame | None = None) -> Run:
        joblib.dump(estimator, tmp_path / "theirs.pkl")
        if rows is not None:
            rows.to_csv(tmp_path / "rows.csv", index=False)
            more = (*more, "--examples", str(tmp_path / "rows.csv"))
        return run_train("--adopt", tmp_path / "theirs.pkl", *more)

    return adopt


def fitted(name: str) -> tuple[Any, pd.DataFrame]:
    make, frame, answers = PIPELINES[name]
    return make().fit(frame, answers), frame


def cells(frame: pd.DataFrame, run: Run) -> list[dict[str, Any]]:
    """Return rows as somebody sends them; a boolean whose kind no step knows is the number that it stands for."""
    kinds = {column["name"]: column["kind"] for column in manifest_of(run)["features"]}
    sent = frame.astype({name: "int64" for name in frame if frame[name].dtype == bool and kinds[name] == "number"})
    return [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in sent.to_dict("records")]


def manifest_of(run: Run) -> Any:
    return json.loads(run.files["model.json"])


def check_served(run: Run, estimator: Any, instances: Sequence[Any], given: Any, **environ: str) -> None:
    """Both hosts answer what the estimator predicts, to the bit."""
    body = json.dumps({"instances": instances}).encode()
    expected = {"predictions": estimator.predict(given).tolist(), "model_version": "1.0"}
    for host in hosts_of(run.directory, **environ):
        answer = host.send(body)
        assert (answer.status, answer.json()) == (200, expected)


@pytest.mark.parametrize("with_rows", [True, False], ids=["examples", "alone"])
@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_is_served_as_it_predicts_the_frame(name: str, with_rows: bool, adopt: Adopt) -> None:
    estimator, frame = fitted(name)
    run = adopt(estimator, rows=frame if with_rows else None)
    assert (run.status, run.err) == (0, "")
    assert load(run.directory).replay() == []
    check_served(run, estimator, cells(frame, run), frame)


def test_examples_give_the_types_of_the_fit(adopt: Adopt) -> None:
    run = adopt(*fitted("gaps")[:1], rows=GAPS)
    found = {column["name"]: column for column in manifest_of(run)["features"]}
    kinds = {name: (column["kind"], column["missing"], column.get("dtype")) for name, column in found.items()}
    assert kinds == {
        "area": ("number", True, None),
        "rooms": ("number", True, None),  # an imputer stands before it
        "city": ("category", True, None),
        "lift": ("boolean", False, "bool"),
        "state": ("category", True, None),
    }
    assert set(found["city"]["values"]) == {"Bremen", "Köln", "Ulm, alt"}
    assert found["area"]["minimum"] == GAPS["area"].min()


def test_without_examples_golden_rows_are_of_what_the_steps_know(adopt: Adopt) -> None:
    run = adopt(fitted("gaps")[0])
    golden = [example["features"] for example in manifest_of(run)["examples"]]
    assert golden[0] == [GAPS["area"].median(), FLATS["rooms"].median(), "Bremen", 0.0, "new"]
    assert {row[2] for row in golden} == {"Bremen", "Köln", "Ulm, alt"}


def test_whole_numbers_of_an_encoder_are_categories(adopt: Adopt) -> None:
    run = adopt(fitted("whole numbers as categories")[0])
    found = {column["name"]: column for column in manifest_of(run)["features"]}
    assert (found["rooms"]["kind"], found["rooms"]["values"]) == ("category", [1, 2, 3, 4, 5])
    assert (found["lift"]["kind"], found["lift"]["dtype"]) == ("boolean", "bool")


def test_parquet_keeps_types(adopt: Adopt, tmp_path: Path) -> None:
    flats = duckdb.from_df(FLATS).project("area, rooms :: INTEGER AS rooms, city, lift, state")
    flats.write_parquet(str(tmp_path / "rows.parquet"))
    estimator, frame = fitted("one-hot and linear")
    run = adopt(estimator, "--examples", str(tmp_path / "rows.parquet"))
    assert [column.get("dtype") for column in manifest_of(run)["features"]] == [None, "int32", None, "bool", None]
    check_served(run, estimator, cells(frame, run), frame)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_examples_may_have_another_separator_and_a_decimal_comma(separator: str, adopt: Adopt, tmp_path: Path) -> None:
    estimator, frame = fitted("one-hot and linear")
    frame.to_csv(tmp_path / "rows.txt", sep=separator, decimal=",", index=False, encoding="utf-16")
    run = adopt(estimator, "--examples", str(tmp_path / "rows.txt"))
    assert manifest_of(run)["features"][0]["maximum"] == FLATS["area"].max()


@pytest.mark.parametrize("with_rows", [True, False], ids=["examples", "alone"])
def test_a_pipeline_of_texts_takes_strings(with_rows: bool, adopt: Adopt) -> None:
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, DEAR)
    run = adopt(estimator, rows=pd.DataFrame({"story": TEXTS}) if with_rows else None)
    manifest = manifest_of(run)
    [column] = manifest["features"]
    assert (manifest["input"], column["name"]) == ("texts", "story" if with_rows else "text")
    check_served(run, estimator, [[text] for text in TEXTS], TEXTS)
    assert all(example["features"][0] for example in manifest["examples"])


def test_a_vectorizer_that_opens_files_is_refused(adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("quiet flat")
    paths = [str(tmp_path / "a.txt")] * 2
    estimator = make_pipeline(CountVectorizer(input="filename"), LogisticRegression()).fit(paths, [0, 1])
    run = adopt(estimator, "--yes")
    assert run.status == 2
    [line] = run.err.splitlines()
    assert "opens the files that a request names; make it with input='content'" in line


def test_a_numeric_estimator_that_was_fitted_on_a_frame_takes_a_matrix(adopt: Adopt) -> None:
    run = adopt(LinearRegression().fit(FLATS[["area", "rooms"]], RENT), rows=FLATS)
    assert manifest_of(run)["input"] == "matrix"
    assert [column.get("dtype") for column in manifest_of(run)["features"]] == [None, None]


def test_a_column_that_the_estimator_drops_may_be_left_out(adopt: Adopt) -> None:
    estimator = make_pipeline(make_column_transformer((StandardScaler(), ["area"])), Ridge()).fit(FLATS, RENT)
    run = adopt(estimator, rows=FLATS)
    check_served(run, estimator, [{"area": 50.5}], FLATS.head(1).assign(area=50.5))
    run = adopt(estimator)
    assert (run.status, run.err.count("\n")) == (2, 1)
    assert "does not say what its column 'rooms' holds (nor what city, lift, state hold)" in run.err


def test_compiled_at_adoption(adopt: Adopt) -> None:
    estimator, frame = fitted("gaps")
    run = adopt(estimator, "--compile", rows=GAPS)
    assert (run.status, run.err) == (0, "")
    predictor = load(run.directory)
    assert predictor.manifest.compiled is not None
    got = predictor.predict(predictor.manifest.inputs([list(row.values()) for row in cells(frame, run)]))
    np.testing.assert_allclose(got, estimator.predict(frame), rtol=1e-12)


def own(frame: Any) -> Any:
    """Stand for code of a user's own."""
    return frame.assign(lift=frame["lift"].astype(str) == "True")[["area", "lift"]]


def test_what_steps_of_ones_own_take_is_asked_for(adopt: Adopt) -> None:
    estimator = make_pipeline(FunctionTransformer(own), Ridge()).fit(FLATS, RENT)
    run = adopt(estimator, "--yes")
    assert run.status == 2
    assert "does not say what its column 'area' holds" in run.err
    assert "--examples ROWS.csv, or --number, --category, --text or --date" in run.err
    run = adopt(estimator, "--yes", rows=FLATS)
    assert (run.status, run.err) == (0, "")
    check_served(run, estimator, cells(FLATS, run), FLATS, TRUSTED_MODULES="tests.training.test_adopt_frames")


def dated(frame: Any) -> Any:
    """Stand for code that takes dates."""
    return pd.DataFrame({"month": frame["since"].dt.month, "area": frame["area"]})


def test_dates_are_named(adopt: Adopt) -> None:
    frame = FLATS[["area"]].assign(since=pd.date_range("2025-01-01", periods=COUNT, freq="9D", unit="us"))
    estimator = make_pipeline(FunctionTransformer(dated), Ridge()).fit(frame, RENT)
    run = adopt(estimator, "--yes", rows=frame)
    assert (run.status, run.err.count("\n")) == (2, 1)
    run = adopt(estimator, "--yes", "--date", "since", rows=frame)
    assert (run.status, run.err) == (0, "")
    sent = [[area, since.isoformat()] for area, since in zip(frame["area"], frame["since"], strict=True)]
    check_served(run, estimator, sent, frame, TRUSTED_MODULES="tests.training.test_adopt_frames")


@pytest.mark.parametrize(
    ("rows", "more", "says"),
    [
        (FLATS.drop(columns="city"), [], "has no column city; the estimator was fitted on it"),
        (FLATS.head(0), [], "has no rows"),
        (FLATS.assign(city=None), [], "the column 'city' is empty"),
        (FLATS.assign(area="wide"), [], "the column 'area' must hold numbers"),
        (FLATS.assign(city="Oz").assign(area=np.nan), [], "cannot predict rows like these: Input X contains NaN"),
        (FLATS, ["--category", "town"], "the estimator has no column town"),
        (FLATS, ["--date", "city"], "the column 'city' must hold dates"),
        (FLATS, ["--features", "area"], "was fitted with the features area,rooms,city,lift,state"),
    ],
)
def test_examples_that_cannot_be_used_are_one_line(
    rows: pd.DataFrame, more: list[str], says: str, adopt: Adopt
) -> None:
    run = adopt(fitted("one-hot and linear")[0], *more, rows=rows)
    [line] = run.err.splitlines()
    assert (run.status, run.files) == (2, {})
    assert says in line


def test_a_pipeline_that_was_never_fitted_is_one_line(adopt: Adopt) -> None:
    for estimator in (
        Pipeline([("prepare", prepared()), ("model", Ridge())]),
        make_pipeline(TfidfVectorizer(), Ridge()),
    ):
        run = adopt(estimator, "--features", "area")
        assert (run.status, run.err.count("\n"), run.files) == (2, 1, {})


def test_steps_with_wild_attributes_are_one_line(adopt: Adopt) -> None:
    estimator, _ = fitted("one-hot and linear")
    estimator[0].transformers_ = 3
    run = adopt(estimator)
    assert (run.status, run.err.count("\n"), run.files) == (2, 1, {})
    assert "the Pipeline is not as scikit-learn leaves it (TypeError: " in run.err


class Booster(RegressorMixin, BaseEstimator):
    """As CatBoost's: it takes words, has names of its own for its columns, and forgets how many there are."""

    def fit(self, frame: pd.DataFrame, target: Any) -> "Booster":
        self.feature_names_ = (
            list(frame) if isinstance(frame, pd.DataFrame) else [str(i) for i in range(frame.shape[1])]
        )
        self.n_features_in_ = 0
        self.usual_ = float(np.mean(target))
        return self

    def predict(self, frame: Any) -> Any:
        if not isinstance(frame, pd.DataFrame):
            return self.usual_ + np.asarray(frame, dtype=np.float64)[:, 0]
        return np.array([self.usual_ + sum(map(len, frame["city"][:1])) + area for area in frame["area"]])


def test_an_estimator_of_another_package_may_take_words(run_train: TrainCommand, tmp_path: Path) -> None:
    frame = pd.DataFrame({"area": [50.5, 61.0, 98.5], "city": ["Ulm", "Bremen", "Ulm"]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    joblib.dump(Booster().fit(frame, [1, 2, 3]), tmp_path / "theirs.pkl")
    more = ["--examples", tmp_path / "rows.csv", "--yes"]
    run = run_train("--adopt", tmp_path / "theirs.pkl", *more)
    assert (run.status, run.err) == (0, "")
    assert [column["kind"] for column in manifest_of(run)["features"]] == ["number", "category"]
    assert load(run.directory, trusted_modules=["tests"]).replay() == []
    assert "leave --features out" in run_train("--adopt", tmp_path / "theirs.pkl", *more, "--features", "a,b").err


def test_the_numbers_of_a_matrixs_columns_are_no_names(run_train: TrainCommand, tmp_path: Path) -> None:
    joblib.dump(Booster().fit(np.ones((3, 2)), [1, 2, 3]), tmp_path / "theirs.pkl")
    run = run_train("--adopt", tmp_path / "theirs.pkl", "--features", "a,b", "--yes")
    assert [column["name"] for column in manifest_of(run)["features"]] == ["a", "b"]
    assert load(run.directory, trusted_modules=["tests"]).replay() == []
