"""Calls that pickles of estimators make of functions that could do more: only in the usual way.

Each is given, first, whether the user answers for an object; the arguments are those of the function in its place.
"""

import collections
import copyreg
import functools
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import _pickle as numpy_random

IsForeign = Callable[[Any], bool]

# What is as long as its bytes in the pickle, other than a range, which takes a few bytes to have any length.
WRITTEN_OUT = (list, tuple, dict, set, str, bytes, bytearray, type(None))
PLAIN_DTYPE = re.compile(r"[?a-zA-Z][0-9]{0,9}\Z")


class ForbiddenUse(pickle.UnpicklingError):
    """The pickle wants to do something that no pickle of an estimator does; it was not done."""


def _require(usual: bool, otherwise: str) -> None:
    if not usual:
        raise ForbiddenUse(otherwise)


def _dtype(_: IsForeign, text: Any, *__: Any) -> Any:
    _require(type(text) is str and bool(PLAIN_DTYPE.match(text)), "make an unusual dtype")
    return np.dtype(text, copy=True)  # a copy, so that nobody else's is changed


def _partial(is_foreign: IsForeign, function: Any) -> Any:
    _require(may_be_partial(function, is_foreign), "make a partial of another function than check_array")
    return functools.partial(function)


def may_be_partial(function: Any, is_foreign: IsForeign) -> bool:
    """Whether functools.partial may hold a function: scikit-learn's check_array, or what the user answers for."""
    from sklearn.utils.validation import check_array

    return function is check_array or is_foreign(function)


def _reconstructor(is_foreign: IsForeign, kind: Any, base: Any, state: Any) -> Any:
    usual = base in (object, dict, list, tuple, set, str) and type(state) in WRITTEN_OUT
    _require(isinstance(kind, type) and (usual or is_foreign(base)), "make an object of another base")
    return copyreg._reconstructor(kind, base, state)  # type: ignore[attr-defined]


def _getattr(_: IsForeign, instance: Any, name: Any) -> Any:
    """HistGradientBoosting with early stopping holds this method of its own."""
    usual = name == "_raw_predict" and type(instance).__name__.startswith("HistGradientBoosting")
    _require(usual, "read an attribute")
    return getattr(instance, name)


def _encode(_: IsForeign, text: Any, encoding: Any) -> bytes:
    """How the first pickle protocols write bytes."""
    _require(type(text) is str and encoding == "latin1", "encode a text")
    return bytes(text, "latin1")


def _written_out(kind: Any) -> Callable[..., Any]:
    """Return what makes sets and bytes of what the pickle holds."""

    def make(_: IsForeign, *parts: Any) -> Any:
        _require(all(type(part) in WRITTEN_OUT for part in parts), f"make an unusual {kind.__name__}")
        return kind(*parts)

    return make


def _defaultdict(is_foreign: IsForeign, *factory: Any) -> Any:
    kinds = (None, dict, list, set, int, float, str, collections.OrderedDict)
    _require(all(one in kinds or is_foreign(one) for one in factory), "make an unusual defaultdict")
    return collections.defaultdict(*factory)


def _bit_generator(_: IsForeign, kind: Any) -> Any:
    known = numpy_random.BitGenerators
    _require((type(kind) is str and kind in known) or kind in known.values(), "make an unusual bit generator")
    return numpy_random.__bit_generator_ctor(kind)


def _random_state(_: IsForeign, bits: Any, *__: Any) -> Any:
    return numpy_random.__randomstate_ctor(bits)


def _generator(_: IsForeign, bits: Any, *__: Any) -> Any:
    return numpy_random.__generator_ctor(bits)


def _masked_array(_: IsForeign, kind: Any, base: Any, shape: Any, code: Any) -> Any:
    _require(kind is np.ma.MaskedArray and base is np.ndarray, "make an unusual masked array")
    return np.ma.core._mareconstruct(kind, base, shape, code)  # type: ignore[attr-defined]


def _array(_: IsForeign, kind: Any, shape: Any, code: Any) -> Any:
    _require(kind is np.ndarray and shape == (0,), "make an unusual array")
    return np.ndarray(shape, code)


def _tree(_: IsForeign, features: Any, classes: Any, outputs: Any) -> Any:
    from sklearn.tree._tree import Tree

    usual = type(features) is type(outputs) is int and features > 0 < outputs and classes.shape == (outputs,)
    _require(usual and classes.dtype.kind == "i" and classes.min() > 0, "make an unusual tree")
    return Tree(features, classes, outputs)


def _index(_: IsForeign, kind: Any, parts: Any) -> Any:
    import pandas as pd
    from pandas.core.indexes.base import _new_Index  # type: ignore[attr-defined]

    _require(kind is pd.Index, "make an unusual pandas index")
    return _new_Index(kind, parts)


USUAL_CALLS: dict[str, Callable[..., Any]] = {
    "_codecs:encode": _encode,
    "builtins:getattr": _getattr,
    **{f"builtins:{kind.__name__}": _written_out(kind) for kind in (bytearray, bytes, frozenset, set)},
    "collections:defaultdict": _defaultdict,
    "copyreg:_reconstructor": _reconstructor,
    "functools:partial": _partial,
    "numpy:dtype": _dtype,
    "numpy._core.multiarray:_reconstruct": _array,
    "numpy.core.multiarray:_reconstruct": _array,
    "numpy.ma.core:_mareconstruct": _masked_array,
    "numpy.random._pickle:__bit_generator_ctor": _bit_generator,
    "numpy.random._pickle:__generator_ctor": _generator,
    "numpy.random._pickle:__randomstate_ctor": _random_state,
    "pandas.core.indexes.base:_new_Index": _index,
    "sklearn.tree._tree:Tree": _tree,
}
