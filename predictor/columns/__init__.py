"""What a cell of each column may be, and how cells become what the estimator takes: the one place that knows kinds.

Reading, training, validation, the API's description, the page, the CSV command and both engines ask it. A new kind is
a file here, a line in `kinds.KINDS`, and an input on the page. Nothing here imports pandas.
"""

from predictor.columns.boolean import Boolean
from predictor.columns.category import Category
from predictor.columns.column import NUMBERS, Cells, Column, Inputs, Values, kind_of
from predictor.columns.date import Date, moment
from predictor.columns.kinds import KINDS, ColumnField, to_arrays
from predictor.columns.number import Number, is_finite
from predictor.columns.strings import LONGEST_TEXT, MISSING, strings
from predictor.columns.text import Text

__all__ = [
    "KINDS", "LONGEST_TEXT", "MISSING", "NUMBERS", "Boolean", "Category", "Cells", "Column", "ColumnField", "Date",
    "Inputs", "Number", "Text", "Values", "is_finite", "kind_of", "moment", "strings", "to_arrays",
]  # fmt: skip
