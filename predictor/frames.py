"""What an estimator that was fitted on a pandas DataFrame gets: a frame of exactly those types, and when pandas loads.

pandas takes a third of a second and 80 MB, so only a model that needs a frame imports it.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from predictor.columns import Column, Inputs, Values

if TYPE_CHECKING:
    import pandas as pd

Convert = Callable[[Values], Any]


@contextlib.contextmanager
def without_pandas() -> Iterator[None]:
    """Keep scikit-learn, first imported in here, from importing pandas, which it does where it is installed."""
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # Python answers ImportError
    try:
        yield
    finally:
        sys.modules.pop("pandas", None)


def frame_maker(columns: Sequence[Column]) -> Callable[[Inputs], "pd.DataFrame"]:
    """Return the function from arrays, as Column.array makes them, to the frame that the estimator was fitted on."""
    import pandas as pd

    converters = {name: converter(column) for column in columns for name in column.input_names}

    def frame(arrays: Inputs) -> "pd.DataFrame":
        converted: dict[str, Any] = {}
        for column, array in zip(columns, arrays, strict=True):
            for name, values in column.inputs(array).items():
                converted[name] = converters[name](values)
        return pd.DataFrame(converted, index=pd.RangeIndex(len(arrays[0])), copy=False)

    return frame


def converter(column: Column) -> Convert:
    """Return the function from an array of one of the estimator's columns to the same in its type."""
    import pandas as pd

    dtype = column.dtype or column.own_dtype
    if dtype == "category":
        return categories(column)
    if dtype == "object":
        # Where pandas reads a table, a gap among objects is NaN. Of an array of numpy's it would make strings again.
        return lambda values: pd.Series(
            [np.nan if (cell := column.cell(value)) is None else cell for value in values], dtype=object
        )
    if dtype == "Int64":
        return lambda values: pd.array(values, dtype="Int64")
    if dtype == "boolean":
        return lambda values: pd.array([column.cell(value) for value in values], dtype="boolean")
    if dtype in {"str", "string"}:
        string_dtype: Any = pd.StringDtype(na_value=np.nan) if dtype == "str" else pd.StringDtype()
        return lambda values: pd.array(values, dtype=string_dtype)
    return lambda values: values.astype(dtype, copy=False)


def categories(column: Column) -> Convert:
    """Return the function to pandas' category: the known values are its categories, and unseen ones after them."""
    import pandas as pd

    known = pd.CategoricalDtype(list(getattr(column, "values", ())))
    codes = {value: code for code, value in enumerate(known.categories)}

    def convert(values: Values) -> Any:
        cells = [column.cell(value) for value in values]
        unseen = [cell for cell in dict.fromkeys(cells) if cell is not None and cell not in codes]
        if not unseen:
            return pd.Categorical.from_codes([codes.get(cell, -1) for cell in cells], dtype=known)
        return pd.Categorical(cells, categories=[*known.categories, *unseen])

    return convert
