"""What a pickle may give to objects and call: everything that NumPy and scikit-learn write, and nothing beside it."""

import collections
import copyreg
import functools
import io
import pickle
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.random import _pickle as pickled_by_numpy
from scipy import sparse
from scipy.special import expit
from sklearn._loss.link import IdentityLink
from sklearn.ensemble import HistGradientBoostingRegressor, StackingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.utils.validation import check_array

from predictor.artifact import ArtifactError
from predictor.pickled import unpickle
from predictor.trusted import TRUSTED
from tests.predictor.test_structures import crafted

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Made:
    """Pickles as a call, whose result gets a state if there is one."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], *state: Any) -> None:
        self.reduced = function, arguments, *state

    def __reduce__(self) -> Any:
        return self.reduced


def loaded(value: Any, protocol: int = 4, also: frozenset[str] = frozenset()) -> Any:
    return unpickle(pickle.dumps(value, protocol), TRUSTED | also)


def with_state(kind: type, state: dict[str, Any]) -> Any:
    """Return an object of a class, without its being made, that has a state."""
    instance = kind.__new__(kind)
    vars(instance).update(state)
    return instance


def refusal(value: Any) -> str:
    with pytest.raises(ArtifactError) as refused:
        loaded(value)
    return str(refused.value)


FIELDS = [("a", "u1"), ("b", "f8"), ("c", "U2")]
DTYPES = [
    *(np.dtype(code) for code in ("?", "u1", "<f4", ">f8", "U3", ">U3", "S2", "V8", "O", "c16")),
    *(np.dtype(code) for code in ("M8[s]", "M8[25ns]", "m8[D]", ">m8[us]")),
    np.dtype(FIELDS),
    *(np.dtype([("a", code)], align=True) for code in ("u1", "u2", "f4", "f8", "g")),
    np.dtype({"names": ["a", "b"], "formats": ["u1", "u2"], "offsets": [6, 1], "itemsize": 9}),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_a_dtype_comes_back(dtype: Any, protocol: int) -> None:
    again = loaded(dtype, protocol)
    assert again == dtype
    for fact in ("str", "itemsize", "alignment", "isalignedstruct", "flags", "names", "fields"):
        assert getattr(again, fact) == getattr(dtype, fact)


def test_no_dtype_of_this_process_is_changed() -> None:
    assert loaded([np.dtype(">f8"), np.dtype(">M8[s]")])[0].byteorder == ">"
    assert np.dtype("f8").isnative
    assert np.dtype("M8") == np.dtype("<M8")


U1, F8 = np.dtype("u1"), np.dtype("f8")
ONE_FIELD = (3, "|", None, ("a",), {"a": (U1, 0)}, 4, 1, 16)


def but(state: tuple[Any, ...], **changes: Any) -> tuple[Any, ...]:
    """Return a state of a dtype with other parts."""
    parts = ("version", "order", "subtype", "names", "fields", "size", "alignment", "flags")
    return *(changes.pop(part, value) for part, value in zip(parts, state, strict=True)), *changes.values()


def one_field(name: Any = "a", kind: Any = U1, offset: Any = 0) -> dict[Any, Any]:
    return {name: (kind, offset)}


PLAIN = (3, "<", None, None, None, -1, -1, 0)
METADATA = (None, (b"s", 1, 1, 1))


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("f8", PLAIN),
        ("f8", but(PLAIN, version=4)),
        ("f8", but(PLAIN, order="=")),
        ("f8", but(PLAIN, size=8, alignment=8)),
        ("V4", ONE_FIELD),
        ("V4", but(ONE_FIELD, fields=one_field(offset=3))),
        ("V4", but(ONE_FIELD, flags=16 | 128)),
    ],
)
def test_a_state_that_fits_a_dtype_is_given(code: str, state: Any) -> None:
    assert loaded(Made(np.dtype, (code,), state)).itemsize == np.dtype(code).itemsize


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("f8", but(PLAIN, version=2)),
        ("f8", but(PLAIN, version=5)),
        ("f8", but(PLAIN, order="?")),
        ("f8", but(PLAIN, subtype=(U1, (8,)))),
        ("f8", but(PLAIN, fields={})),
        ("f8", but(PLAIN, size=4)),
        ("f8", but(PLAIN, alignment=1)),
        ("f8", but(PLAIN, flags=1)),
        ("f8", but(PLAIN, more=METADATA)),
        ("O8", but(PLAIN, order="|", flags=0)),
        ("U2", but(PLAIN, size=80, alignment=4, flags=8)),
        ("V4", but(ONE_FIELD, version=5)),
        ("V4", but(ONE_FIELD, subtype=(U1, (4,)))),
        ("V4", but(ONE_FIELD, size=8)),
        ("V4", but(ONE_FIELD, alignment=3)),
        ("V4", but(ONE_FIELD, flags=17)),
        ("V4", but(ONE_FIELD, flags=0)),
        ("V4", but(ONE_FIELD, more=METADATA)),
        ("V4", but(ONE_FIELD, names=("b",))),
        ("V4", but(ONE_FIELD, names=("a", "b"))),
        ("V4", but(ONE_FIELD, fields=one_field(offset=4))),
        ("V4", but(ONE_FIELD, fields=one_field(offset=-1))),
        ("V4", but(ONE_FIELD, fields=one_field(offset=0.0))),
        ("V4", but(ONE_FIELD, fields=one_field(kind=F8))),
        ("V4", but(ONE_FIELD, fields=one_field(kind=np.dtype([("a", "u1")])))),
        ("V8", but(ONE_FIELD, size=8, fields=one_field(kind=np.dtype("O")))),
        ("V8", but(ONE_FIELD, size=8, fields=one_field(kind=np.float64(1)))),
        ("f8", but(ONE_FIELD, size=8)),
    ],
)
def test_a_state_that_lies_about_a_dtype_is_refused(code: str, state: Any) -> None:
    kind = type(np.dtype(code)).__name__
    assert refusal(Made(np.dtype, (code,), state)) == (
        f"the pickle wants to give a {kind} an unusual state, which no estimator does; do not trust it"
    )


def test_a_dtype_with_fields_gets_no_others() -> None:
    twice = pickle.dumps(np.dtype([("a", "u1")]), 2)[:-1] + pickle.dumps(but(ONE_FIELD, size=1), 2)[2:-1] + b"b."
    with pytest.raises(ArtifactError, match="the pickle wants to give a VoidDType an unusual state"):
        unpickle(twice, TRUSTED)


ROWS = np.random.RandomState(0).rand(60, 2)
BOOSTING = HistGradientBoostingRegressor(early_stopping=True, scoring="r2", max_iter=2).fit(ROWS, ROWS.sum(axis=1))


def numbers(generators: Any) -> list[float]:
    return [generator.normal() for generator in generators]


USUAL: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    # value, what of it must be the same again
    "bytes": (b"\x00\xe9\xff", repr),
    "an array": (np.arange(6.0).reshape(2, 3), repr),
    "an array of objects": (np.array(["a", None], dtype=object), repr),
    "a masked array": (np.ma.masked_array([1.0, 2.0], [False, True]), repr),
    "a sparse array": (sparse.csr_array(np.eye(2)), str),
    "an index": (pd.Index(["a", "b"]), repr),
    "a set": ({1, 2}, repr),
    "a set of one": ({1}, repr),
    "a frozen set": (frozenset({1, 2}), repr),
    "a byte array": (bytearray(b"\xe9"), repr),
    "a complex number": (1 + 2j, repr),
    "a dictionary": ({"a": 1, "b": 2}, repr),
    "an ordered dictionary": (collections.OrderedDict(a=1), repr),
    "a dictionary with a default": (collections.defaultdict(list, a=[1]), repr),
    "a dictionary with no default": (collections.defaultdict(None, a=1), repr),
    "a function of arrays": ([np.log1p, expit], repr),
    "a check of arrays": (functools.partial(check_array, ensure_2d=False), lambda one: (one.func, one.keywords)),
    "generators": ([np.random.RandomState(3), np.random.Generator(np.random.Philox(3))], numbers),
    "early stopping": (BOOSTING, lambda one: one.predict(ROWS).tolist()),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", USUAL)
def test_what_estimators_are_made_of_comes_back(name: str, protocol: int) -> None:
    value, fact = USUAL[name]
    again = loaded(value, protocol)
    assert type(again) is type(value)
    assert fact(again) == fact(value)


@pytest.mark.parametrize("name", ["PCG64", "MT19937", "SFC64"])
def test_generators_of_older_numpy_are_named(name: str) -> None:
    made = loaded(
        [Made(pickled_by_numpy.__bit_generator_ctor, (name,)), Made(pickled_by_numpy.__generator_ctor, (name,))]
    )
    assert [type(made[0]).__name__, type(made[1].bit_generator).__name__] == [name, name]


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (getattr, (BOOSTING, "fit"), "read an attribute"),
        (getattr, (LinearRegression(), "_raw_predict"), "read an attribute"),
        (pickled_by_numpy.__bit_generator_ctor, ("system",), "make an unusual bit generator"),
        (pickled_by_numpy.__bit_generator_ctor, (dict,), "make an unusual bit generator"),
        (np.dtype, ("f8,O",), "make an unusual dtype"),
        (np.dtype, (float,), "make an unusual dtype"),
        (functools.partial, (np.mean,), "make a partial of another function than check_array"),
        (collections.defaultdict, (LinearRegression,), "make an unusual defaultdict"),
        (copyreg._reconstructor, (LinearRegression, float, 1.0), "make an object of another base"),  # type: ignore[attr-defined]
    ],
)
def test_no_estimator_calls_a_function_otherwise(function: Any, arguments: Any, says: str) -> None:
    assert refusal(Made(function, arguments)) == f"the pickle wants to {says}, which no estimator does; do not trust it"


def own_function(value: Any = None) -> Any:
    return value


class OwnBase:
    def __init__(self, state: Any) -> None:
        self.state = state


class OwnList(list[Any]):
    pass


def own_maker() -> Callable[[int], int]:
    return lambda number: number + 1


class OwnKeywords:
    def __new__(cls, *, size: int) -> "OwnKeywords":
        made = super().__new__(cls)
        made.size = size  # type: ignore[attr-defined]
        return made

    def __getnewargs_ex__(self) -> Any:
        return (), {"size": self.size}  # type: ignore[attr-defined]


class OwnBag:
    """What is filled by pickle as a list and a dictionary are, and is neither."""

    def __init__(self) -> None:
        self.held: list[Any] = []

    def append(self, value: Any) -> None:
        self.held.append(value)

    def extend(self, values: Any) -> None:
        self.held.extend(values)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.held.append((key, value))

    def __reduce__(self) -> Any:
        listed = [value for value in self.held if not isinstance(value, tuple)]
        return OwnBag, (), None, iter(listed), iter([pair for pair in self.held if isinstance(pair, tuple)])


class MadeFunction(Made):
    def __call__(self) -> None:
        """Be what pickle takes for a function."""


OWN = frozenset(
    f"{__name__}:{name}" for name in ("own_function", "own_maker", "OwnBase", "OwnBag", "OwnKeywords", "OwnList")
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("held", [[], [1], [1, 2], [("a", 1)], [1, 2, ("a", 1), ("b", 2)]])
def test_what_the_user_answers_for_is_filled_in_its_own_way(held: list[Any], protocol: int) -> None:
    bag = OwnBag()
    bag.held = held
    assert loaded(bag, protocol, also=OWN).held == held


def test_what_the_user_answers_for_may_be_more() -> None:
    assert loaded(Made(MadeFunction(own_maker, ()), (2,)), also=OWN) == 3
    assert loaded(OwnKeywords(size=3), also=OWN).size == 3
    assert loaded(functools.partial(own_function), also=OWN).func is own_function
    assert loaded(collections.defaultdict(own_function), also=OWN).default_factory is own_function
    assert loaded(OwnList([1, 2]), protocol=0, also=OWN) == OwnList([1, 2])
    assert loaded(Made(copyreg._reconstructor, (OwnBase, OwnBase, 7)), also=OWN).state == 7  # type: ignore[attr-defined]


def test_a_function_that_the_users_code_made_is_not_changed() -> None:
    with pytest.raises(ArtifactError, match=r"^the pickle wants to change function, which no estimator does"):
        loaded(Made(own_maker, (), {"__name__": "other"}), also=OWN)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_another_byte_order_become_this_machines(protocol: int) -> None:
    buffer = io.BytesIO()
    joblib.dump(np.arange(3, dtype=">i4"), buffer, protocol=protocol)
    again = unpickle(buffer.getvalue(), TRUSTED)
    assert (again.dtype, again.tolist()) == (np.dtype("int32"), [0, 1, 2])


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (StackingRegressor, {"stack_method_": ["predict", "predict_proba", "decision_function"]}),
        (StackingRegressor, {"stack_method_": ("predict_log_proba",)}),
        (FixedThresholdClassifier, {"response_method": "auto"}),
        (CountVectorizer, {"input": "content"}),
        (CountVectorizer, {"lowercase": False}),
        (LinearRegression, {"input": "filename"}),
        (OwnBase, {"response_method": "tofile"}),
    ],
)
def test_a_state_that_estimators_have_is_given(kind: type, state: dict[str, Any]) -> None:
    assert vars(loaded(with_state(kind, state), also=OWN)) == state


@pytest.mark.parametrize("text", ["filename", "file", "CONTENT", ["content"], None])
def test_no_estimator_opens_files(text: Any) -> None:
    assert refusal(with_state(CountVectorizer, {"input": text})) == (
        "the pickle wants to give a CountVectorizer an unusual state, which no estimator does; do not trust it"
    )


@pytest.mark.parametrize("name", ["stack_method_", "response_method", "_response_method", "chain_method_"])
@pytest.mark.parametrize("value", ["tofile", ["predict", "tofile"], ("tofile",), None])
def test_no_estimator_calls_other_methods(name: str, value: Any) -> None:
    assert refusal(with_state(LinearRegression, {name: value})) == (
        "the pickle wants to give a LinearRegression an unusual state, which no estimator does; do not trust it"
    )


@pytest.mark.parametrize("slots", [None, {}])
def test_a_state_may_say_that_there_are_no_slots(slots: Any) -> None:
    assert type(unpickle(crafted(IdentityLink(), "IdentityLink", lambda _: ({}, slots)), TRUSTED)) is IdentityLink
