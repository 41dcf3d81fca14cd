"""What the fitted steps of an estimator know of the columns of the frame that it was fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

NUMBER, CATEGORY, TEXT = "number", "category", "text"
# Attributes under which an estimator keeps the fitted one that it stands for.
INNER = ("best_estimator_", "estimator_", "regressor_")
# What a fitted step tells of the usual value of each of its columns.
CENTRES = ("statistics_", "center_", "mean_", "data_min_")
# They have a value for each of the columns that they are given, in the same order.
ONE_TO_ONE = (
    "SimpleImputer", "KNNImputer", "IterativeImputer", "StandardScaler", "RobustScaler", "MinMaxScaler", "MaxAbsScaler",
    "PowerTransformer", "QuantileTransformer", "OrdinalEncoder",
)  # fmt: skip
MOST_TERMS = 3

Names = Sequence[str | None]


@dataclass
class Known:
    """What is known of one column; an empty kind is an unknown one."""

    kind: str = ""
    values: list[Any] = field(default_factory=list)  # of a category, or terms of a text
    dtype: str = ""
    missing: bool = False
    usual: Any = None
    passed: bool = False  # on to a step that takes numbers
    dropped: bool = False
    guessed: bool = False  # to be a number, by an estimator of another package, which may take categories, too


def inner(estimator: Any) -> Any:
    """Return the fitted estimator that a search, a threshold or a transformed target stands for."""
    for name in INNER:
        found = getattr(estimator, name, None)
        if found is not None and callable(getattr(found, "predict", None)):
            return inner(found)
    return estimator


def steps_of(estimator: Any) -> list[Any]:
    """Return the steps that a row goes through, one after the other, without those that do nothing."""
    estimator = inner(estimator)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [part for _, step in estimator.steps if not does_nothing(step) for part in steps_of(step)]


def does_nothing(step: Any) -> bool:
    """Whether a step hands on what it gets."""
    return step is None or step == "passthrough" or (isinstance(step, FunctionTransformer) and step.func is None)


def takes_texts(estimator: Any) -> bool:
    """Whether an estimator takes a list of texts."""
    first = steps_of(estimator)[0]
    if isinstance(first, FeatureUnion):
        return all(takes_texts(step) for _, step in first.transformer_list if not isinstance(step, str))
    return is_vectorizer(first)


def is_vectorizer(step: Any) -> bool:
    """Whether a step counts the words of texts."""
    return hasattr(step, "build_analyzer")


def terms_of(estimator: Any) -> list[str]:
    """Return some terms of the vocabularies of an estimator that takes texts."""
    first = steps_of(estimator)[0]
    parts = [step for _, step in first.transformer_list] if isinstance(first, FeatureUnion) else [first]
    found = [term for part in parts for term in sorted(getattr(steps_of(part)[0], "vocabulary_", ()))]
    return found[:: max(1, len(found) // MOST_TERMS)][:MOST_TERMS]


def knowledge_of(estimator: Any, names: Sequence[str]) -> dict[str, Known]:
    """Return what the steps of a fitted estimator say of its columns."""
    known = {name: Known() for name in names}
    _look(steps_of(estimator), list(names), known)
    for found in known.values():
        if not found.kind and not found.dropped and found.passed:
            found.kind = CATEGORY if isinstance(found.usual, str) else NUMBER
    return known


def _look(steps: Sequence[Any], names: Names, known: dict[str, Known]) -> None:
    """Tell what steps, one after the other, say of the columns `names`; None is a column that is no longer one."""
    for step in steps:
        if is_boosting(step):
            _look_at_boosting(step, names, known)
        if isinstance(step, ColumnTransformer):
            _look_at_parts(step, names, known)
            names = []
        elif isinstance(step, FeatureUnion):
            for _, part in step.transformer_list:
                _look(steps_of(part), names, known)
            names = []
        else:
            names = _look_at(step, names, known)


def _look_at_parts(step: ColumnTransformer, names: Names, known: dict[str, Known]) -> None:
    for name, part, _ in getattr(step, "transformers_", ()):
        places = step._transformer_to_input_indices.get(name, [])
        columns = [names[place] if place < len(names) else None for place in places]
        if isinstance(part, str):
            for column in filter(None, columns):
                known[column].dropped |= part == "drop" and not known[column].kind
                known[column].passed |= part != "drop"
        else:
            _look(steps_of(part), columns, known)
            for column in filter(None, columns):
                known[column].dropped = False


def _look_at(step: Any, names: Names, known: dict[str, Known]) -> Names:
    """Tell what one step says, and return which columns it hands on."""
    columns = [(place, known[name]) for place, name in enumerate(names) if name is not None]
    if does_nothing(step):
        for _, found in columns:
            found.passed = True
        return names
    is_stock = type(step).__module__.startswith("sklearn.")
    if not is_stock and not hasattr(step, "predict"):
        return []  # of a transformer of one's own nothing is known
    for place, found in columns:
        found.guessed |= not is_stock and not found.kind
        _tell(step, place, found)
    return names if type(step).__name__ in ONE_TO_ONE else []


def _tell(step: Any, place: int, found: Known) -> None:
    """Tell what a step says of the column in one of its places."""
    categories = getattr(step, "categories_", None)
    centre = next((getattr(step, name) for name in CENTRES if getattr(step, name, None) is not None), None)
    imputes = "Imputer" in type(step).__name__
    found.missing |= imputes
    if centre is not None and found.usual is None:
        found.usual = np.asarray(centre, dtype=object)[place] if place < len(centre) else None
    if found.kind or imputes:
        found.passed = True
    elif is_vectorizer(step):
        found.kind, found.values = TEXT, terms_of(step)
    elif isinstance(categories, list) and place < len(categories):
        _tell_categories(categories[place], found)
    elif isinstance(step, FunctionTransformer) and not _is_of_numpy(step.func):
        return
    elif not is_boosting(step):
        found.kind = NUMBER
    else:
        found.passed = True
        found.missing = True  # it takes gaps whether there were any or not


def _is_of_numpy(function: Any) -> bool:
    return isinstance(function, np.ufunc) or type(function).__module__.startswith("numpy")


def _tell_categories(categories: Any, found: Known) -> None:
    """Tell what an encoder says; only NaN is a gap as a frame has them."""
    values = np.asarray(categories).tolist()
    found.kind = CATEGORY
    gaps = [isinstance(value, float) and np.isnan(value) for value in values]
    found.missing |= any(gaps)
    found.values = [value for value, gap in zip(values, gaps, strict=True) if value is not None and not gap]


def is_boosting(step: Any) -> bool:
    """Whether a step is scikit-learn's HistGradientBoosting, which takes categories as pandas has them."""
    return type(step).__name__.startswith("HistGradientBoosting")


def _look_at_boosting(step: Any, names: Names, known: dict[str, Known]) -> None:
    """Tell which columns are categories to HistGradientBoosting; behind a ColumnTransformer, by their names."""
    if getattr(step, "is_categorical_", None) is None or step._preprocessor is None:
        return
    given: Names = names or [
        name if name in known else name.partition("__")[2] for name in getattr(step, "feature_names_in_", ())
    ]
    encoded = [name for name, is_category in zip(given, step.is_categorical_, strict=False) if is_category]
    for name, categories in zip(encoded, step._preprocessor.named_transformers_["encoder"].categories_, strict=False):
        found = known.get(name or "")
        if found is None or found.kind:
            continue
        typed = isinstance(step.categorical_features, str)  # "from_dtype"
        if typed or not all(isinstance(value, int | float) for value in categories.tolist()):
            _tell_categories(categories, found)
            found.missing, found.dtype = True, "category" if typed else ""
