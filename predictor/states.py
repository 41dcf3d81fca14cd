"""States that a pickle may give to the objects that it made.

NumPy believes a state: a dtype of objects that says it holds none makes numbers into pointers. Some estimators call
the method that their state names, or open the file.
"""

import functools
from typing import Any

import numpy as np

from predictor.structures import check_neighbours, check_tree
from predictor.structures import require as _require
from predictor.usual import IsForeign, may_be_partial

# Attributes of scikit-learn's estimators that name a method to call, and what they name.
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "auto")
METHOD_NAMES = ("stack_method_", "response_method", "_response_method", "chain_method_")
# Objects made in C, which take a copy of their state.
OF_C = {"sklearn.tree._tree": check_tree}
OF_C |= dict.fromkeys(("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"), check_neighbours)


def checked_state(instance: Any, state: Any, is_foreign: IsForeign) -> Any:
    """Return the state that an object gets; ForbiddenUse when no pickle of an estimator gives it such a one."""
    if isinstance(instance, np.dtype):
        return _of_dtype(instance, state)
    if (check := OF_C.get(type(instance).__module__)) is not None:
        check(instance, state)
    elif isinstance(instance, np.ndarray):
        # Filling an array anew frees memory that another object may look at.
        _require(instance.size == 0, instance)
    elif isinstance(instance, functools.partial):
        _require(may_be_partial(state[0], is_foreign), instance)
    elif isinstance(state, tuple) and len(state) == 2 and not hasattr(type(instance), "__setstate__"):
        _require(not state[1], instance)  # attributes set one by one, those of slots and properties
    elif isinstance(state, dict):
        return _of_estimator(instance, state)
    return state


def _of_estimator(instance: Any, state: dict[Any, Any]) -> dict[Any, Any]:
    """Return a state in which only the usual methods are named, in lists that the pickle cannot change afterwards."""
    state = dict(state)
    for name in METHOD_NAMES:
        if name not in state or not type(instance).__module__.startswith("sklearn."):
            continue
        value = state[name]
        if isinstance(value, list | tuple):
            state[name] = value = type(value)(value)
        usual = all(one in METHODS for one in (value if isinstance(value, list | tuple) else [value]))
        _require(usual, instance)
    if type(instance).__module__ == "sklearn.feature_extraction.text":
        _require(state.get("input", "content") == "content", instance)  # others open what a request names
    return state


def _of_dtype(dtype: Any, state: Any) -> Any:
    version, order, subtype, names, fields, size, alignment, flags, *more = state
    usual = version in (3, 4) and order in ("<", ">", "|", "=") and subtype is None and dtype.names is None
    _require(usual, dtype)
    if names is None:
        usual = fields is None and size in (-1, dtype.itemsize) and alignment in (-1, dtype.alignment)
        _require(usual and flags == dtype.flags and (not more or dtype.kind in "mM"), dtype)
        return state
    _require(size == dtype.itemsize and dtype.kind == "V" and not more and set(names) == set(fields), dtype)
    fields = {name: (field[0], field[1]) for name, field in fields.items()}  # a copy: NumPy keeps what it is given
    for held, offset in fields.values():
        within = type(offset) is int and 0 <= offset <= size - held.itemsize
        _require(isinstance(held, np.dtype) and held.names is None and not held.hasobject and within, dtype)
    rebuilt = np.dtype({"names": list(names), "formats": [fields[name][0] for name in names]})
    # A pickle holds one byte of them, whose highest bit says that the fields are aligned.
    expected = rebuilt.flags & 0x7F
    _require(alignment in (1, 2, 4, 8, 16) and flags in (expected, expected | 0x80), dtype)
    return (version, order, None, tuple(names), fields, size, alignment, flags)
