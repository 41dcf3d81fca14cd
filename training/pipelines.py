"""The pipeline that a table needs before an estimator: stock scikit-learn, so that the pickle needs nothing of ours."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.utils import get_tags

from predictor.columns import Category, Column, Date, Text
from training import TrainingError
from training.problem import Problem

BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
# Where these look, only the order of a column's values matters, or each column has a measure of its own.
UNSCALED = ("sklearn.tree", "sklearn.ensemble", "sklearn.naive_bayes", "sklearn.dummy")

# A category with more values is told by the mean of its target. HistGradientBoosting has 255 bins, one of them spare.
MOST_VALUES = 50
MOST_ORDINALS = 254
# The part of the rows below which a value is rare: rare and unseen ones are predicted alike.
RARE = 0.001
# How many words of a text column are looked at, by estimators that take sparse matrices and by others.
MOST_WORDS, MOST_WORDS_DENSE = 1_000, 100
# A word may have one letter: in a small table scikit-learn's own pattern may find none.
WORD = re.compile(r"(?u)\b\w+\b")
# TargetEncoder fits five folds, each of which needs both classes.
FEWEST_OF_A_CLASS = 10

Transformers = Iterator[tuple[str, Any, Any]]


def pipeline_for(estimator: BaseEstimator, problem: Problem, *, scale: bool | None, seed: int) -> BaseEstimator:
    """Return the unfitted estimator with what the table asks for before it.

    `scale` puts a StandardScaler there, None where the estimator is the better for it.
    """
    if problem.table.is_matrix:
        return matrix_pipeline(estimator, problem, wants_scaling(estimator) if scale is None else scale)
    together = of_all_targets(estimator, problem)
    parts = _Parts(problem, estimator, scale or wants_scaling(estimator), seed)
    if isinstance(estimator, BOOSTING) and estimator.categorical_features == "from_dtype":
        estimator.set_params(categorical_features=list(range(len(parts.categories))))
    transformer = ColumnTransformer(
        list(parts.transformers()), sparse_threshold=0.3 if parts.texts and parts.takes_sparse else 0
    )
    return Pipeline([("columns", transformer), ("estimator", together)])


def of_all_targets(estimator: BaseEstimator, problem: Problem) -> BaseEstimator:
    """Return what learns all targets: the estimator where it can, or else one of its kind for each."""
    if not problem.several or get_tags(estimator).target_tags.multi_output:
        return estimator
    return MultiOutputClassifier(estimator) if problem.classifies else MultiOutputRegressor(estimator)


def matrix_pipeline(estimator: BaseEstimator, problem: Problem, scale: bool) -> BaseEstimator:
    """Return what learns from a matrix: the estimator alone where it takes the gaps and nobody asked to scale."""
    gaps = any(column.missing for column in problem.table.columns)
    filled = gaps and not get_tags(estimator).input_tags.allow_nan
    steps = [imputer()] if filled else []
    if scale or (filled and wants_scaling(estimator)):
        steps.append(StandardScaler())
    together = of_all_targets(estimator, problem)
    return make_pipeline(*steps, together) if steps else together


def wants_scaling(estimator: BaseEstimator) -> bool:
    """Whether an estimator is the better for columns of one size, as all but trees are."""
    return not type(estimator).__module__.startswith(UNSCALED)


def imputer() -> SimpleImputer:
    """Return what fills gaps in numbers, and says where they were."""
    return SimpleImputer(strategy="median", add_indicator=True)


class _Parts:
    """The columns of a table, sorted by what must be done with them."""

    def __init__(self, problem: Problem, estimator: BaseEstimator, scale: bool, seed: int) -> None:
        self.problem, self.scale, self.seed = problem, scale, seed
        self.boosting = isinstance(estimator, BOOSTING)
        self.takes_nan = get_tags(estimator).input_tags.allow_nan
        self.takes_sparse = get_tags(estimator).input_tags.sparse
        columns = problem.table.columns
        self.texts = [column for column in columns if isinstance(column, Text)]
        named = [column for column in columns if isinstance(column, Category)]
        self.targets = [column.name for column in named if self.has_many_values(column)]
        self.categories = [column.name for column in named if column.name not in self.targets]
        self.cycles = [name for column in columns if isinstance(column, Date) for name in part_names(column)]
        measured = [column for column in columns if not isinstance(column, Text | Category)]
        cycles = self.cycles if scale else []
        names = [(name, column.missing) for column in measured for name in column.input_names if name not in cycles]
        self.numbers = [name for name, missing in names if not missing]
        self.gaps = [name for name, missing in names if missing]

    def has_many_values(self, column: Category) -> bool:
        """Whether a category has too many values for a number each, and the target is one that can tell them."""
        if len(column.values) <= (MOST_ORDINALS if self.boosting else MOST_VALUES):
            return False
        if self.problem.several:  # TargetEncoder knows one
            return False
        if not self.problem.classifies:
            return True
        counts = np.unique(self.problem.target, return_counts=True)[1]
        return len(counts) == 2 and int(counts.min()) >= FEWEST_OF_A_CLASS

    def transformers(self) -> Transformers:
        """Yield name, transformer and columns of each part that there is; categories first, as boosting counts them."""
        if self.categories:
            yield "categories", self.category_encoder(), self.categories
        if self.targets:
            yield "targets", self.target_encoder(), self.targets
        if self.numbers:
            yield "numbers", StandardScaler() if self.scale else "passthrough", self.numbers
        if self.gaps:
            yield "gaps", self.gap_filler(), self.gaps
        if self.cycles and self.scale:  # a month's number means nothing to a linear model
            yield "parts", OneHotEncoder(handle_unknown="ignore"), self.cycles
        for number, column in enumerate(self.texts, start=1):
            yield f"text {number}", *self.words_of(column)

    def category_encoder(self) -> BaseEstimator:
        """Return what makes numbers of categories, a missing one and an unseen one included."""
        if self.boosting:
            return OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=np.nan,
                encoded_missing_value=np.nan,
                max_categories=MOST_ORDINALS,
            )
        return OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE, max_categories=MOST_VALUES)

    def target_encoder(self) -> BaseEstimator:
        """Return what tells a category by the mean of its target."""
        kind, folds = ("binary", StratifiedKFold) if self.problem.classifies else ("continuous", KFold)
        encoder = TargetEncoder(target_type=kind, cv=folds(5, shuffle=True, random_state=self.seed))
        return make_pipeline(encoder, StandardScaler()) if self.scale else encoder

    def gap_filler(self) -> BaseEstimator | str:
        """Return what is done with numbers that may be missing."""
        if self.scale:
            return make_pipeline(imputer(), StandardScaler())
        return "passthrough" if self.takes_nan else imputer()

    def words_of(self, column: Column) -> tuple[BaseEstimator, Any]:
        """Return what makes numbers of a text, and how it selects its column.

        The vectorizer takes strings in one dimension, which is what a ColumnTransformer makes of a single name or
        number; a missing text has no words.
        """
        texts = self.problem.table.values(column)
        if not any(WORD.search(text) for text in texts if text is not None):
            raise TrainingError(
                f"column {column.name!r} holds texts without a word; --category {shlex.quote(column.name)} takes them "
                "as they are, or --drop the column"
            )
        words = TfidfVectorizer(
            token_pattern=WORD.pattern, max_features=MOST_WORDS if self.takes_sparse else MOST_WORDS_DENSE
        )
        if not column.missing:
            return words, column.name
        fill = SimpleImputer(strategy="constant", fill_value="")
        return Pipeline([("fill", fill), ("words", ColumnTransformer([("tfidf", words, 0)]))]), [column.name]


def part_names(column: Date) -> list[str]:
    """Return the names of the columns that the parts of a date become."""
    return column.input_names[1:]
