"""Which modules are the user's own: those in custom/, found there and nowhere before it."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from predictor import custom


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder in the place of custom/, and before it on the path another one, `elsewhere`."""
    own, elsewhere = tmp_path / "custom", tmp_path / "elsewhere"
    own.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(custom, "FOLDER", own)
    monkeypatch.setattr(sys, "path", [str(elsewhere), *sys.path])
    importlib.invalidate_caches()
    yield own
    importlib.invalidate_caches()


def test_modules_and_packages_in_the_folder_are_the_users_own(folder: Path) -> None:
    for name in ("own_step.py", "own_package/__init__.py", "own_plain/module.py", "no-name.py", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x = 1\n")
    assert custom.importable() == {"own_step", "own_package"}
    assert custom.importable() == {"own_step", "own_package"}  # again, by a folder that is on the path already
    assert sys.path[-1] == str(folder)
    assert sys.path.count(str(folder)) == 1


def test_without_the_folder_there_are_none(folder: Path) -> None:
    folder.rmdir()
    assert custom.importable() == frozenset()
    assert str(folder) not in sys.path


@pytest.mark.parametrize(
    ("found_first", "own"), [("x = 1\n", True), ("x = 2\n", False)], ids=["the same file", "another file"]
)
def test_a_module_that_is_found_before_is_own_only_if_it_is_the_same(folder: Path, found_first: str, own: bool) -> None:
    (folder / "own_step.py").write_text("x = 1\n")
    (folder.parent / "elsewhere" / "own_step.py").write_text(found_first)
    assert custom.importable() == ({"own_step"} if own else frozenset())


@pytest.mark.parametrize("name", ["sys", "json", "own_nothing", "own.nothing", "own_plain", ""])
def test_what_is_not_found_in_the_folder_is_not_there(folder: Path, name: str) -> None:
    (folder / "own_plain").mkdir()
    custom.importable()
    assert not custom.is_here(name)


@pytest.mark.parametrize(
    ("name", "modules", "is_custom"),
    [
        ("mine:Step", {"mine"}, True),
        ("mine.parts:Step", {"mine"}, True),
        ("mine:parts.Step", {"mine"}, True),
        ("mined:Step", {"mine"}, False),
        ("other.mine:Step", {"mine"}, False),
        ("mine:Step", set(), False),
    ],
)
def test_a_name_is_custom_by_its_first_module(name: str, modules: set[str], is_custom: bool) -> None:
    assert custom.is_custom(name, modules) == is_custom


@pytest.mark.parametrize(
    ("name", "value", "defined"),
    [
        ("pathlib:Path", Path, True),
        ("mine:Path", Path, False),
        ("pathlib:Path.home", Path.home, False),
        ("mine:number", 7, False),
    ],
)
def test_what_a_module_imports_is_not_its_own(name: str, value: Any, defined: bool) -> None:
    assert custom.is_defined_there(name, value) == defined
