"""The arrows of docs/architecture.md: which package may import which."""

from pathlib import Path

import pytest

from servers.running import ROOT
from tests.files import project_files
from tests.imports import Graph, circles_of, graph_of

ARROWS = {
    "predictor": set(),
    "handlers": {"predictor"},
    "webapp": {"handlers", "predictor", "tables"},
    "worker": {"handlers", "predictor"},
    "gunicorn.conf": {"worker", "webapp", "handlers", "predictor"},
    "main": {"handlers"},
    "tables": {"predictor"},
    "training": {"predictor", "tables"},
    "train": {"predictor", "tables", "training"},
    "bulk": {"predictor", "tables"},
    "custom": set(),
    "servers": set(),
    "benchmarks": {"predictor", "handlers", "webapp", "servers"},
    "tests": {
        "predictor", "handlers", "webapp", "worker", "main", "tables", "training", "train", "bulk", "custom", "servers",
    },
}  # fmt: skip
# Of other projects: what a package must do without, because it runs where that is not wanted or not installed.
STRANGERS = {
    "predictor": {"flask", "werkzeug", "gunicorn", "duckdb"},
    "handlers": {"gunicorn", "sklearn", "duckdb"},
    "worker": {"sklearn", "numpy", "orjson", "marshmallow"},
}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(ROOT, project_files())


def package_of(module: str) -> str:
    return module if module in ARROWS else module.partition(".")[0]


def test_each_package_imports_only_what_lies_below_it(graph: Graph) -> None:
    found = {
        f"{module} -> {other}"
        for module, imported in graph.items()
        for other in imported
        if package_of(other) in ARROWS
        and package_of(other) not in ARROWS.get(package_of(module), set()) | {package_of(module)}
    }
    assert found == set()


def test_what_a_package_must_do_without_is_not_imported(graph: Graph) -> None:
    found = {
        f"{module} -> {other}" for module, imported in graph.items()
        for other in imported & STRANGERS.get(package_of(module), set())
    }  # fmt: skip
    assert found == set()


def test_no_module_imports_itself_by_way_of_others(graph: Graph) -> None:
    assert circles_of(graph) == []


@pytest.mark.parametrize(
    ("sources", "expected", "circles"),
    [
        ({"a.py": "import b", "b.py": "import json"}, {"a": {"b"}, "b": {"json"}}, []),
        ({"a.py": "import b", "b.py": "def f():\n    import a"}, {"a": {"b"}, "b": {"a"}}, [["a", "b"]]),
        (
            {"p/__init__.py": "", "p/a.py": "from p import b", "p/b.py": "import p.c", "p/c.py": "from p.a import e"},
            {"p": set(), "p.a": {"p.b"}, "p.b": {"p.c"}, "p.c": {"p.a"}},
            [["p.a", "p.b", "p.c"]],
        ),
        ({"a.py": "import flask.json"}, {"a": {"flask"}}, []),
    ],
)  # fmt: skip
def test_imports_are_found_where_they_are(
    sources: dict[str, str], expected: dict[str, set[str]], circles: list[list[str]], tmp_path: Path
) -> None:
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    found = graph_of(tmp_path, list(sources))
    assert (found, circles_of(found)) == (expected, circles)
