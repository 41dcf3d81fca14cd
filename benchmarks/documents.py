"""What is written of a result: results.json, the tables in docs/performance.md and the README, and one picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.contenders import FASTAPI, FASTAPI_PANDAS
from benchmarks.report import MEASURES, TITLES, Measure, is_missed, quantity, shown

RESULTS, PAGE, README, PICTURE = "benchmarks/results.json", "docs/performance.md", "README.md", "docs/performance.svg"
BEGIN, END = "<!-- made by make bench -->\n", "<!-- until here -->\n"

IN_README = {
    "linear-1-c16.cpu_us": "CPU of a request for one row, 16 connections",
    "linear-1-c16.p99_ms": "p99 of the same",
    "linear-1000-c1.cpu_us": "CPU of a request for 1,000 rows",
    "forest-1-c16.cpu_us": "CPU of one row, forest of 100 trees, 16 connections",
    "mixed-1-c16.cpu_us": "CPU of one mixed row, 16 connections, to FastAPI + pandas",
    "linear.start_seconds": "cold start",
}
OURS = ["sklearn", "compiled"]
# The picture's rows; its bars say what part of FastAPI's each engine takes.
ROW_HEIGHT, BAR_WIDTH, TOP, LEFT = 36, 360, 56, 340


def write_documents(result: Mapping[str, Any], root: Path) -> list[str]:
    """Write everything that shows a result, and return the names of the files."""
    texts = {RESULTS: as_json(result), PICTURE: picture(result)}
    texts |= {
        name: between_marks((root / name).read_text(), lines)
        for name, lines in {PAGE: page_lines(result), README: readme_lines(result)}.items()
    }
    for name, text in texts.items():
        (root / name).write_text(text)
    return list(texts)


def as_json(result: Mapping[str, Any]) -> str:
    """Return a result as JSON, each measure in a line of its own."""
    text = json.dumps(dict(result) | {"measures": {}}, indent=1)
    measures = ",\n".join(f"  {json.dumps(name)}: {json.dumps(found)}" for name, found in result["measures"].items())
    return text.replace('"measures": {}', f'"measures": {{\n{measures}\n }}') + "\n"


def between_marks(text: str, lines: Sequence[str]) -> str:
    """Return a page with other lines between its two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"a page needs one {BEGIN.strip()} and one {END.strip()} after it")
    return before + begin + "".join(f"{line}\n" for line in lines) + end + after


def page_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the whole table, and what was measured where."""
    machine = result["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    columns = [key for key in TITLES if key not in {FASTAPI, FASTAPI_PANDAS}]
    rows = [["", "FastAPI", *(TITLES[key] for key in columns)], ["---"] * (2 + len(columns))]
    for measure in MEASURES:
        figures = result["measures"][measure.name]
        first = "" if measure.is_of_a_limit else quantity(figures[measure.baseline][0], measure.unit)
        rows.append([measure.title, first, *(page_cell(measure, key, figures.get(key)) for key in columns)])
    where = f"{result['rounds']} rounds, {result['seconds_per_load']} s a load"
    return [
        f"{where}; {machine['cpu']}, {machine['cores']} cores; Python {machine['python']}; {packages}.",
        "",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def page_cell(measure: Measure, key: str, figure: Sequence[float] | None) -> str:
    """Return a ratio with its spread and its aim, in bold where the aim is missed."""
    if figure is None:
        return ""
    _, ratio, spread = figure
    text = f"**{shown(ratio)}**" if is_missed(measure, key, ratio) else shown(ratio)
    return f"{text} ±{shown(spread)}" + (f" (aim {measure.aims[key]:g})" if key in measure.aims else "")


def readme_lines(result: Mapping[str, Any]) -> list[str]:
    """Return six lines of the table for the README."""
    rows = [["", "FastAPI", *(f"{TITLES[key]} engine" for key in OURS)], ["---"] * 4]
    for measure in measures_in_readme():
        figures = result["measures"][measure.name]
        first = quantity(figures[measure.baseline][0], measure.unit)
        rows.append([IN_README[measure.name], first, *(shown(figures[key][1]) for key in OURS)])
    return [f"| {' | '.join(row)} |" for row in rows]


def measures_in_readme() -> list[Measure]:
    """Return the measures that the README shows, in its order."""
    return [next(measure for measure in MEASURES if measure.name == name) for name in IN_README]


def picture(result: Mapping[str, Any]) -> str:
    """Return an SVG of bars: what each engine takes of what FastAPI takes."""
    rows = [
        {
            "title": IN_README[measure.name],
            "y": TOP + number * ROW_HEIGHT,
            "bars": [
                {"engine": key, "ratio": shown(result["measures"][measure.name][key][1])} for key in OURS
            ],
        }
        for number, measure in enumerate(measures_in_readme())
    ]  # fmt: skip
    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, undefined=StrictUndefined)
    size = {"left": LEFT, "width": BAR_WIDTH, "top": TOP, "row_height": ROW_HEIGHT}
    engines = {key: TITLES[key] for key in OURS}
    return environment.get_template("picture.svg.jinja").render(rows=rows, engines=engines, **size)
