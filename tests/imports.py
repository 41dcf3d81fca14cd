"""Which of the project's modules imports which, read from their source; imports inside functions count, too."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, set[str]]


def name_of(file: Path, root: Path) -> str:
    """Return a file's name as a module; that of a package is its folder's."""
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imports_of(source: str, modules: Mapping[str, Path]) -> Iterator[str]:
    """Yield what a module imports; `from package import module` is the module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else str(node.module)


def graph_of(root: Path, names: list[str]) -> Graph:
    """Return what each module imports: the project's own modules, and others by the name of their package."""
    modules = {name_of(root / name, root): root / name for name in names if name.endswith(".py")}
    return {
        name: {
            found if found in modules else found.partition(".")[0] for found in imports_of(path.read_text(), modules)
        }
        for name, path in modules.items()
    }


def circles_of(graph: Graph) -> list[list[str]]:
    """Return the shortest way of each module back to itself, from the circle's first in the alphabet."""
    circles = [way for name in sorted(graph) if (way := _way_back(graph, name)) and min(way) == name]
    return sorted(circles)


def _way_back(graph: Graph, start: str) -> list[str]:
    ways, seen = [[start]], set[str]()
    while ways:
        way = ways.pop(0)
        for following in sorted(graph.get(way[-1], ())):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []
