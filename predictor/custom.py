"""The user's own modules, in the folder custom/: deployed with the code, importable, and trusted by being there."""

import importlib
import importlib.util
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "custom"  # tests have another one


def importable() -> frozenset[str]:
    """Make the modules of custom/ importable, after all others, and return the names of those that are found there."""
    if not FOLDER.is_dir():
        return frozenset()
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
        importlib.invalidate_caches()
    names = {path.stem for path in FOLDER.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    return frozenset(name for name in names if name.isidentifier() and is_here(name))


def is_here(name: str) -> bool:
    """Whether a module is imported from custom/, and not one of that name from before it on the path."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None or not spec.has_location or spec.origin is None:
        return False
    origin, copy = Path(spec.origin).resolve(), FOLDER / f"{name}.py"
    if FOLDER.resolve() in origin.parents:
        return True
    # The file that was taken in may still stand where Python finds it first.
    return origin.name == copy.name and copy.is_file() and copy.read_bytes() == origin.read_bytes()


def is_custom(name: str, modules: Collection[str]) -> bool:
    """Whether `module:name` is of one of these modules."""
    return name.partition(":")[0].partition(".")[0] in modules


def is_defined_there(name: str, value: Any) -> bool:
    """Whether a class or function is one that the module itself defines, and not what it imported."""
    module, _, path = name.partition(":")
    return "." not in path and getattr(value, "__module__", None) == module
