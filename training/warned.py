"""The warnings of what training calls: each once, whole, in one line, with what to do about it."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning

# What scikit-learn says to programmers, in the words of the command line.
NOT_CONVERGED = (
    "give it more iterations with --set max_iter=N (N above those it had), or scale the columns with --scale"
)


@contextmanager
def collected() -> Iterator[list[warnings.WarningMessage]]:
    """Give the list that every warning goes to instead of to the screen."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def sentences(caught: list[warnings.WarningMessage]) -> list[str]:
    """Return what was warned of, once where the folds differ in nothing but their numbers."""
    lines: dict[str, str] = {}
    for warning in caught:
        line = " ".join(str(warning.message).split())
        if issubclass(warning.category, ConvergenceWarning):
            line = f"{line.rstrip('.')}; {NOT_CONVERGED}"
        lines.setdefault(re.sub(r"\d[\d.,e+-]*", "0", line), line)
    return list(lines.values())
