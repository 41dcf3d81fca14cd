"""Modules that scikit-learn imports at its start and uses in training alone: imported when they are first used.

scipy.stats is a third of scikit-learn's import. What it is for are rank correlations, distributions of parameters to
search in, and a few transformers.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

LATE = "scipy.stats"
STOCK = frozenset({"sklearn", "numpy", "scipy", "joblib"}) | sys.stdlib_module_names


class Later(ModuleType):
    """Stands in for a module until something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            return Part(self.__name__, name)
        return getattr(real(self.__name__), name)


class Part:
    """Stands in for a function or an object of such a module."""

    def __init__(self, module: str, name: str) -> None:
        self._where = module, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._found()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._found(), name)

    def _found(self) -> Any:
        module, name = self._where
        return getattr(real(module), name)


def real(name: str) -> ModuleType:
    """Return the module itself, imported now if it was not yet."""
    if isinstance(sys.modules.get(name), Later):
        del sys.modules[name]
    return importlib.import_module(name)


def is_stock(names: Iterable[str]) -> bool:
    """Whether globals of a pickle, as module:name, are of code that is known to do without the late module at first."""
    modules = [name.partition(":")[0] for name in names]
    return all(module.partition(".")[0] in STOCK and not f"{module}.".startswith(f"{LATE}.") for module in modules)


@contextlib.contextmanager
def late_imports() -> Iterator[None]:
    """Let scikit-learn, first imported in here, have the late module without its being imported."""
    if LATE in sys.modules:
        yield
        return
    stand_in = sys.modules[LATE] = Later(LATE)
    try:
        yield
    finally:
        if sys.modules.get(LATE) is stand_in:
            del sys.modules[LATE]


def imported_late() -> list[str]:
    """Return what was imported after all."""
    return [LATE] if LATE in sys.modules else []
