"""A small table with columns of every kind and gaps, and the pipelines that people put before an estimator."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from predictor.columns import Boolean, Category, Column, Date, Number, Text, Values
from predictor.frames import frame_maker

ROWS = 300
RANDOM = np.random.RandomState(0)
WORDS = ["gut", "schlecht", "Ärger", "sehr gut", "großartig", "a", "B2", "naïve", "don't"]


def objects(values: Any) -> Values:
    made = np.empty(len(values), dtype=object)
    made[:] = list(values)
    return made


def with_gaps(values: Values, gap: Any) -> Values:
    gapped = values.copy()
    gapped[RANDOM.uniform(size=ROWS) < 0.1] = gap
    return gapped


def sentences() -> Values:
    return objects([" ".join(RANDOM.choice(WORDS, RANDOM.randint(1, 9))) for _ in range(ROWS)])


AGE = RANDOM.uniform(18, 90, ROWS)
MEMBER = RANDOM.randint(0, 2, ROWS).astype(np.float64)
CITIES = ["Bern", "Graz", "Köln", "Łódź"]
CITY = objects(RANDOM.choice(CITIES, ROWS))
STREET = objects([f"street {number}" for number in RANDOM.randint(0, 60, ROWS)])
STORY = sentences()
SECONDS = RANDOM.randint(0, 900 * 86_400, ROWS).astype("timedelta64[s]")
DAY = np.datetime64("2024-01-01", "us") + SECONDS.astype("timedelta64[us]")

COLUMNS: list[Column] = [
    Number("age", missing=True),
    Boolean("member"),
    Category("city", missing=True, values=CITIES),
    Category("street", values=sorted(set(STREET))),
    Date("since", missing=True, parts=["month"]),
    Text("story", longest=80),
    Text("note", missing=True, longest=80),
]
ARRAYS = [
    with_gaps(AGE, np.nan), MEMBER, with_gaps(CITY, None), STREET,
    with_gaps(DAY, np.datetime64("NaT", "us")), STORY, with_gaps(sentences(), None),
]  # fmt: skip
FRAME = frame_maker(COLUMNS)(ARRAYS)

NUMBERS = AGE / 10 + 3 * (CITY == "Bern") + 2 * MEMBER + objects([text.count("gut") for text in STORY]).astype(float)
NUMBERS = NUMBERS + RANDOM.normal(size=ROWS) / 3
HIGH = np.median(NUMBERS) < NUMBERS
THIRDS = np.array(["low", "middle", "high"])[np.digitize(NUMBERS, np.quantile(NUMBERS, [0.3, 0.6]))]

HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def scaled(estimator: Any) -> Pipeline:
    """Return what goes before an estimator that takes no gaps and wants its columns scaled."""
    fill = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    once = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.02, max_categories=50)
    words = ColumnTransformer([("words", TfidfVectorizer(max_features=30), 0)])
    kind = "binary" if is_classifier(estimator) else "continuous"
    steps = [
        ("categories", once, ["city"]),
        ("targets", make_pipeline(TargetEncoder(target_type=kind), StandardScaler()), ["street"]),
        ("numbers", StandardScaler(), ["member"]),
        ("gaps", fill, ["age", "since"]),
        ("parts", OneHotEncoder(handle_unknown="ignore"), ["since month"]),
        ("story", TfidfVectorizer(max_features=30), "story"),
        ("note", make_pipeline(SimpleImputer(strategy="constant", fill_value=""), words), ["note"]),
    ]
    return Pipeline([("columns", ColumnTransformer(steps, sparse_threshold=0)), ("estimator", estimator)])


def ordinal(estimator: Any) -> Pipeline:
    """Return what goes before trees that take gaps and categories as they are."""
    numbered = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    steps = [
        ("categories", numbered, ["city", "street"]),
        ("numbers", "passthrough", ["member", "age", "since", "since month"]),
        ("story", TfidfVectorizer(max_features=20), "story"),
    ]
    if isinstance(estimator, HISTOGRAMS):
        estimator.set_params(categorical_features=[0, 1])
    return Pipeline([("columns", ColumnTransformer(steps, sparse_threshold=0)), ("estimator", estimator)])
