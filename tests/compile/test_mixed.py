"""Compiling what takes a frame: one input a column, gaps, unseen categories and texts included."""

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, TargetEncoder

from predictor.columns import Category, Column, Number, Text
from predictor.frames import frame_maker
from predictor.onnx_engine import CompiledModel
from tests.compile import tables
from training import NotCompiledError, samples
from training.compile import Compiled, compile_model


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "RANDOM_ROWS", 1_000)


def engine(compiled: Compiled, fitted: Any, columns: list[Column]) -> CompiledModel:
    classes = fitted.classes_.tolist() if hasattr(fitted, "classes_") else None
    return CompiledModel(compiled.data, classes, compiled.facts["precision"], columns)


MODELS = {
    "linear": (tables.scaled(LinearRegression()), tables.NUMBERS),
    "logistic": (tables.scaled(LogisticRegression()), tables.HIGH),
    "grid search": (GridSearchCV(tables.scaled(Ridge()), {"estimator__alpha": [0.1, 1]}, cv=2), tables.NUMBERS),
    "boosting": (tables.scaled(GradientBoostingRegressor(n_estimators=9)), tables.NUMBERS),
    "forest": (tables.ordinal(RandomForestRegressor(9, random_state=0)), tables.NUMBERS),
    "forest of labels": (tables.ordinal(RandomForestClassifier(9, random_state=0)), tables.THIRDS),
    "extra trees": (tables.ordinal(ExtraTreesClassifier(9, random_state=0)), tables.HIGH),
    "histograms": (tables.ordinal(HistGradientBoostingRegressor(max_iter=9)), tables.NUMBERS),
    "histograms of labels": (tables.ordinal(HistGradientBoostingClassifier(max_iter=9)), tables.THIRDS),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_mixed_pipeline_compiles_in_double_precision(name: str) -> None:
    estimator, target = MODELS[name]
    fitted = estimator.fit(tables.FRAME, target)
    compiled = compile_model(fitted, tables.ARRAYS, tables.COLUMNS)
    facts = compiled.facts
    assert (facts["precision"], facts["samples"]) == ("double", tables.ROWS + 1_000)
    assert facts["largest_difference"] <= facts["tolerance"] == 1e-12
    model = engine(compiled, fitted, tables.COLUMNS)
    rows = [column[:20] for column in tables.ARRAYS]
    predicted = model.predict(rows).tolist()
    expected = fitted.predict(tables.FRAME[:20]).tolist()
    assert predicted == (expected if hasattr(fitted, "classes_") else pytest.approx(expected, rel=1e-12))
    assert {type(label) for label in predicted} == {type(label) for label in expected}


ENCODERS = {
    "one-hot, unseen are zeros": OneHotEncoder(handle_unknown="ignore"),
    "one-hot, first left out": OneHotEncoder(handle_unknown="ignore", drop="first"),
    "one-hot, one of two left out": OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    "one-hot, rare ones together": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.25),
    "one-hot, so many": OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
    "ordinal, unseen -1": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "ordinal, unseen and missing": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-2
    ),
    "ordinal, rare ones together": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=0.25
    ),
    "target": TargetEncoder(),
    "filled by the most frequent": make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    ),
    "filled by a word": make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore")
    ),
    "one-hot, unseen refused": OneHotEncoder(),
    "ordinal, unseen refused": OrdinalEncoder(),
}


def encoded(encoder: Any) -> Pipeline:
    # Trees take the NaN that an encoder may give.
    columns = ColumnTransformer([("encoded", encoder, ["city", "street"])], sparse_threshold=0)
    return make_pipeline(columns, HistGradientBoostingRegressor(max_iter=5))


@pytest.mark.parametrize("name", ENCODERS)
def test_every_way_to_encode_compiles(name: str) -> None:
    fitted = encoded(ENCODERS[name]).fit(tables.FRAME, tables.NUMBERS)
    compiled = compile_model(fitted, tables.ARRAYS, tables.COLUMNS)
    assert compiled.facts["largest_difference"] <= 1e-15


def test_a_category_that_the_encoder_refuses_is_refused() -> None:
    fitted = encoded(OneHotEncoder()).fit(tables.FRAME, tables.NUMBERS)
    model = engine(compile_model(fitted, tables.ARRAYS, tables.COLUMNS), fitted, tables.COLUMNS)
    rows = [column[:2].copy() for column in tables.ARRAYS]
    rows[2][:] = ["Bern", None]
    assert model.predict(rows).tolist() == fitted.predict(frame_maker(tables.COLUMNS)(rows)).tolist()
    for unseen in ("Paris", "bern", "Bern ", "", "\ufdd0"):
        rows[2][1] = unseen
        with pytest.raises(ValueError, match="Found unknown categories"):
            model.predict(rows)
        with pytest.raises(ValueError, match="Found unknown categories"):
            fitted.predict(frame_maker(tables.COLUMNS)(rows))


def test_whole_numbers_are_categories_too() -> None:
    random = np.random.RandomState(0)
    rooms, floor = random.choice([1, 2, 5], 200), random.choice([0.0, 1.0, 3.0, np.nan], 200)
    columns = [
        Category("rooms", values=[1, 2, 5], dtype="int64"),
        Category("floor", missing=True, values=[0, 1, 3], dtype="float64"),
    ]
    once = ColumnTransformer([("once", OneHotEncoder(handle_unknown="ignore"), ["rooms", "floor"])])
    fitted = make_pipeline(once, LinearRegression())
    fitted.fit(frame_maker(columns)([rooms, floor]), rooms + 2 * np.nan_to_num(floor, nan=7))
    assert compile_model(fitted, [rooms, floor], columns).facts["largest_difference"] <= 1e-12


TEXTS = {
    "tf-idf": TfidfVectorizer(),
    "counts of words and pairs": CountVectorizer(ngram_range=(1, 2)),
    "pairs only": TfidfVectorizer(ngram_range=(2, 3), use_idf=False),
    "whether a word is there": CountVectorizer(binary=True),
    "logarithms": TfidfVectorizer(sublinear_tf=True, norm="l1"),
    "without English stop words": TfidfVectorizer(stop_words="english"),
    "as written": TfidfVectorizer(lowercase=False, token_pattern=r"\S+"),  # noqa: S106  # no password
    "a vocabulary": CountVectorizer(vocabulary=["gut", "großartig"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_terms_are_counted_as_scikit_learn_counts_them(name: str) -> None:
    fitted = make_pipeline(TEXTS[name], Ridge()).fit(tables.STORY, tables.NUMBERS)
    columns = [Text("story", longest=80)]
    compiled = compile_model(fitted, [tables.STORY], columns, texts=True)
    model = engine(compiled, fitted, columns)
    hostile = ["", " ", "GUT gut", "İSTANBUL ΣΊΣΥΦΟΣ", "großartig\u0301 ﬁ", "९९ 9_9 a-b", "\ufdd0 \0", "x" * 5_000]
    expected = fitted.predict(hostile).tolist()
    assert model.predict([tables.objects(hostile)]).tolist() == pytest.approx(expected, rel=1e-12)


def test_columns_keep_their_names_however_odd() -> None:
    names = ["features", "prediction", "constant", "Concat", "a b", "x\ny", "ß", "x" * 200]
    random = np.random.RandomState(0)
    arrays = [random.uniform(size=100) for _ in names]
    columns = [Number(name) for name in names]
    chosen = ColumnTransformer([("chosen", "passthrough", names[::-1])])
    fitted = make_pipeline(chosen, LinearRegression()).fit(frame_maker(columns)(arrays), sum(arrays) + arrays[0])
    compiled = compile_model(fitted, arrays, columns)
    assert set(engine(compiled, fitted, columns).inputs) == set(names)


def own(values: Any) -> Any:
    return values


REFUSED = {
    "a function of one's own": (
        ColumnTransformer([("own", FunctionTransformer(own), ["member"])]),
        "FunctionTransformer: it calls own",
    ),
    "characters": (
        ColumnTransformer([("characters", TfidfVectorizer(analyzer="char"), "story")]),
        "TfidfVectorizer: it finds its terms in another way than by words",
    ),
    "a tokenizer of one's own": (
        ColumnTransformer([("own", CountVectorizer(tokenizer=str.split, token_pattern=None), "story")]),
        "CountVectorizer: it calls a tokenizer of its own",
    ),
    "words out of categories that are filled": (
        ColumnTransformer([("filled", SimpleImputer(missing_values="Bern", strategy="most_frequent"), ["street"])]),
        "SimpleImputer: it takes 'Bern' for missing",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compiled_is_refused_in_one_line(name: str) -> None:
    columns, reason = REFUSED[name]
    once = OneHotEncoder(handle_unknown="ignore")
    made = make_pipeline(columns, once, Ridge()) if "filled" in name else make_pipeline(columns, Ridge())
    fitted = made.fit(tables.FRAME, tables.NUMBERS)
    with pytest.raises(NotCompiledError) as refusal:
        compile_model(fitted, tables.ARRAYS, tables.COLUMNS)
    assert str(refusal.value) == reason
