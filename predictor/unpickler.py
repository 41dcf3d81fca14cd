"""Unpickling that builds only what the trusted list knows, in no other way than scikit-learn's estimators need.

A pickle is a program. `find_class` is the door through which it reaches classes and functions
(https://docs.python.org/3/library/pickle.html#restricting-globals); here that door has a list. What it may do with
them has one, too: call the few that are made for it, fill objects that it made itself, and nothing else.
"""

import _compat_pickle
import io
import pickle
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from predictor.custom import importable, is_custom, is_defined_there
from predictor.states import checked_state
from predictor.structures import check_of
from predictor.trusted import MAY_BE_CALLED, MAY_BE_MADE, NAME, TRUSTED
from predictor.usual import USUAL_CALLS, ForbiddenUse

UNCHANGEABLE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


class ForbiddenGlobal(pickle.UnpicklingError):
    """The pickle names something that it may not; it was not imported."""


def global_name(module: str, name: str) -> str:
    """Return how the manifest writes a global; the colon keeps `a.b:c` and `a:b.c` apart."""
    full_name = f"{module}:{name}"
    if not NAME.match(full_name):
        raise ForbiddenUse(f"use {full_name!a:.80}, which is no name of anything")
    return full_name


def present_name(module: str, name: str, protocol: int) -> tuple[str, str]:
    """Return what pickle makes of a name: the first protocols write those of Python 2."""
    if protocol >= 3:
        return module, name
    renamed = _compat_pickle.IMPORT_MAPPING.get(module, module), name
    return _compat_pickle.NAME_MAPPING.get((module, name), renamed)


class RestrictedUnpickler(NumpyUnpickler):  # type: ignore[misc]
    """joblib's unpickler, object arrays nested in it included, for what `permits` lets through by its name.

    A name that it lets through and the trusted list does not know is foreign: its user answers for it, so it may be
    called and made, and so may what it makes.
    """

    dispatch = dict(NumpyUnpickler.dispatch)

    def __init__(self, file: Any, permits: Callable[[str], bool]) -> None:
        super().__init__("", file, ensure_native_byte_order=True)
        self.permits = permits
        self.custom = importable()
        self.named: dict[int, tuple[str, Any]] = {}  # by id; the object beside it keeps the id its own
        self.foreign_made: dict[int, Any] = {}
        self.to_check: list[tuple[Callable[[Any], None], Any]] = []

    def load(self) -> Any:
        """Return the object in the file, when all that C code will follow in it leads somewhere."""
        loaded = super().load()
        for check, instance in self.to_check:
            check(instance)
        return loaded

    def find_class(self, module: str, name: str) -> Any:
        """Import a global that is permitted; ForbiddenGlobal for any other, before its module is imported."""
        module, name = present_name(module, name, self.proto)
        full_name = global_name(module, name)
        if not self.permits(full_name):
            raise ForbiddenGlobal(full_name)
        value = super().find_class(module, name)
        if is_custom(full_name, self.custom) and not is_defined_there(full_name, value):
            raise ForbiddenUse(f"use {full_name}, which custom/ imports but does not define")
        return self.hand_out(full_name, value)

    def hand_out(self, name: str, value: Any) -> Any:
        """Return what a name stands for, and remember that it came from outside."""
        self.named[id(value)] = (name, value)
        return value

    def is_foreign(self, value: Any) -> bool:
        """Whether the user answers for this object, class or function."""
        name, _ = self.named.get(id(value), ("", None))
        return id(value) in self.foreign_made or (name != "" and name not in TRUSTED)

    def call(self, function: Any, arguments: Any) -> Any:
        """Return what a function makes, if it is one that pickles of estimators call."""
        if self.is_foreign(function):
            instance = function(*arguments)
            self.foreign_made[id(instance)] = instance
            return instance
        name, _ = self.named.get(id(function), ("", None))
        if name not in MAY_BE_CALLED:
            raise ForbiddenUse(f"call {name or type(function).__name__}")
        usual = USUAL_CALLS.get(name)
        return usual(self.is_foreign, *arguments) if usual else function(*arguments)

    def load_reduce(self) -> None:
        """REDUCE: call a function."""
        arguments = self.stack.pop()
        self.stack[-1] = self.call(self.stack[-1], arguments)

    def _instantiate(self, klass: Any, args: Any) -> None:
        """OBJ and INST: call a class."""
        self.append(self.call(klass, args))

    def load_newobj(self) -> None:
        """NEWOBJ: make an empty object of a class."""
        kind = self.stack[-2]
        if not (self.named.get(id(kind), ("",))[0] in MAY_BE_MADE or self.is_foreign(kind)):
            raise ForbiddenUse(f"make a {getattr(kind, '__name__', type(kind).__name__)}")
        super().load_newobj()

    def load_newobj_ex(self) -> None:
        """NEWOBJ_EX: the same with keywords, which no estimator needs."""
        if not self.is_foreign(self.stack[-3]):
            raise ForbiddenUse("make an object with keywords")
        super().load_newobj_ex()

    def load_build(self) -> None:
        """BUILD: give an object its state; in the place of joblib's stand-in for an array, read the array."""
        instance, state = self.stack[-2:]
        if id(instance) in self.named or isinstance(instance, UNCHANGEABLE):
            raise ForbiddenUse(f"change {self.named.get(id(instance), (type(instance).__name__,))[0]}")
        if not self.is_foreign(type(instance)):
            self.stack[-1] = checked_state(instance, state, self.is_foreign)
            if check := check_of(instance):
                self.to_check.append((check, instance))
        super(NumpyUnpickler, self).load_build()
        if type(instance) is NumpyArrayWrapper:
            self.stack[-1] = self.read_array(instance)

    def read_array(self, wrapper: Any) -> Any:
        """Return the array that follows in the file: its bytes, or for objects a pickle, read as this one is."""
        if wrapper.dtype.hasobject:
            return type(self)(self.file_handle, self.permits).load()
        return NumpyArrayWrapper.read(wrapper, self, self.ensure_native_byte_order)

    def load_fill(self, kind: type, container: Any, load: Callable[[Any], None]) -> None:
        """Put values into a container of this kind, by its own method."""
        if not (isinstance(container, kind) or self.is_foreign(type(container))):
            raise ForbiddenUse(f"fill a {type(container).__name__}")
        load(self)

    def load_append(self) -> None:
        """Put a value into a list: APPEND."""
        self.load_fill(list, self.stack[-2], NumpyUnpickler.load_append)

    def load_appends(self) -> None:
        """Put several: APPENDS."""
        self.load_fill(list, self.metastack[-1][-1], NumpyUnpickler.load_appends)

    def load_setitem(self) -> None:
        """Put a value into a dictionary: SETITEM."""
        self.load_fill(dict, self.stack[-3], NumpyUnpickler.load_setitem)

    def load_setitems(self) -> None:
        """Put several into a dictionary: SETITEMS."""
        self.load_fill(dict, self.metastack[-1][-1], NumpyUnpickler.load_setitems)

    def load_additems(self) -> None:
        """Put several into a set: ADDITEMS."""
        self.load_fill(set, self.metastack[-1][-1], NumpyUnpickler.load_additems)

    for opcode, method in {
        pickle.REDUCE: load_reduce,
        pickle.NEWOBJ: load_newobj,
        pickle.NEWOBJ_EX: load_newobj_ex,
        pickle.BUILD: load_build,
        pickle.APPEND: load_append,
        pickle.APPENDS: load_appends,
        pickle.SETITEM: load_setitem,
        pickle.SETITEMS: load_setitems,
        pickle.ADDITEMS: load_additems,
    }.items():
        dispatch[opcode[0]] = method
    del opcode, method


def globals_of_trusted(data: bytes) -> list[str]:
    """Return the globals that a pickle names, sorted, by loading it: only for bytes that this process dumped."""
    names: set[str] = set()

    def record(name: str) -> bool:
        names.add(name)
        return True

    RestrictedUnpickler(io.BytesIO(data), record).load()
    return sorted(names)
