"""Rows to compare two forms of a model on: the training rows, and random ones as requests could bring them."""

from collections.abc import Sequence

import numpy as np

from predictor.columns import Boolean, Category, Column, Date, Inputs, Text, Values

RANDOM_ROWS = 10_000
# How far beyond the training data's range the random rows go, as a part of that range.
MARGIN = 0.1
# How many cells of a column that may have gaps are missing.
MISSING_PART = 0.1
UNSEEN = "unseen before"
UNSEEN_PART = 0.05


def sample_rows(columns: Sequence[Column], rows: Inputs, seed: int) -> Inputs:
    """Return the training rows that a request could hold, then random ones of the same columns."""
    random = np.random.RandomState(seed)
    arrays = list(np.asarray(rows).T) if isinstance(rows, np.ndarray) else rows
    possible = ~np.any([~may_be(column, values) for column, values in zip(columns, arrays, strict=True)], axis=0)
    sampled = [
        np.concatenate([values[possible], draw(column, values, random)])
        for column, values in zip(columns, arrays, strict=True)
    ]
    return np.column_stack(sampled) if isinstance(rows, np.ndarray) else sampled


def is_missing(values: Values) -> Values:
    """Return where a column has gaps."""
    if values.dtype == object:
        return np.array([value is None for value in values], dtype=bool)
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def may_be(column: Column, values: Values) -> Values:
    """Return which cells a request may hold."""
    return np.full(len(values), True) if column.missing else ~is_missing(values)


def draw(column: Column, values: Values, random: np.random.RandomState) -> Values:
    """Return random cells of a column like these ones: a little beyond their range, unseen, missing."""
    seen = values[~is_missing(values)]
    drawn = _draw(column, seen, random)
    if column.missing:
        drawn = drawn.astype(np.float64) if drawn.dtype.kind == "i" else drawn
        gap = np.datetime64("NaT", "us") if drawn.dtype.kind == "M" else None if drawn.dtype == object else np.nan
        drawn[random.uniform(size=len(drawn)) < MISSING_PART] = gap
    return drawn


def _draw(column: Column, values: Values, random: np.random.RandomState) -> Values:
    if isinstance(column, Boolean):
        return random.randint(0, 2, RANDOM_ROWS).astype(np.float64)
    if isinstance(column, Category):
        return _draw_categories(column, values, random)
    if isinstance(column, Text):
        return _draw_texts(values, random)
    if isinstance(column, Date):
        days = values.astype("datetime64[us]").astype(np.int64)
        return _draw_numbers(days, random).astype(np.int64).astype("datetime64[us]")
    return _draw_numbers(values, random)


def _draw_numbers(values: Values, random: np.random.RandomState) -> Values:
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    margin = MARGIN * (high - low if high > low else max(abs(high), 1))
    drawn = random.uniform(low - margin, high + margin, RANDOM_ROWS)
    if len(values) and (values % 1 == 0).all():  # halves of whole numbers would meet no category and no tie
        whole = random.uniform(size=RANDOM_ROWS) < 1 / 2
        drawn[whole] = np.round(drawn[whole])
    return drawn


def _draw_categories(column: Category, values: Values, random: np.random.RandomState) -> Values:
    known = list(dict.fromkeys([*column.values, *values.tolist()]))
    if column.whole_numbers:
        whole = np.array(known, dtype=np.int64)
        drawn = random.choice(whole, RANDOM_ROWS)
        drawn[random.uniform(size=RANDOM_ROWS) < UNSEEN_PART] = whole.max() + 1
        return drawn
    drawn = np.empty(RANDOM_ROWS, dtype=object)
    drawn[:] = [known[index] for index in random.randint(0, len(known), RANDOM_ROWS)] if known else UNSEEN
    drawn[random.uniform(size=RANDOM_ROWS) < UNSEEN_PART] = UNSEEN
    return drawn


def _draw_texts(values: Values, random: np.random.RandomState) -> Values:
    """Return pieces of two texts each, in lower and upper case, with characters between that few tokenizers expect."""
    drawn = np.empty(RANDOM_ROWS, dtype=object)
    pairs = random.randint(0, max(len(values), 1), (RANDOM_ROWS, 2))
    joints = [" ", "", "-", "_", "é", "İß ", "\u2019s ", "\n", "  \uff19 ", "e\u0301"]
    for row, (one, other) in enumerate(pairs):
        first, second = (values[one], values[other]) if len(values) else ("", "")
        joined = first[: len(first) // 2] + joints[row % len(joints)] + second[len(second) // 2 :]
        drawn[row] = joined.upper() if row % 7 == 0 else joined
    return drawn
