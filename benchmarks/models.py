"""The models that everybody serves, trained by train.py on small tables and kept in .bench/ for the same code."""

import csv
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import BenchmarkError
from servers.running import ROOT

KEPT = ROOT / ".bench/models"
ROWS = 1000
FOREST = ["--estimator", "sklearn.ensemble.RandomForestRegressor", "--set", "n_estimators=100"]
TRAIN = [sys.executable, "train.py", "--compile", "--no-report"]
# What a model's files depend on.
SOURCES = ["train.py", "requirements.txt", "predictor", "tables", "training", "benchmarks/models.py"]

TOWNS = ["Ahlen", "Bremen", "Celle", "Duisburg", "Essen", "Fulda", "Gera", "Halle", "Ilmenau", "Jena"]
HEATINGS = ["gas", "heat pump", "oil", None]
CONDITIONS = ["new", "good", "worn"]

# A model's table and what train.py is told beside it.
MODELS = {
    "linear": ("numbers", []),
    "forest": ("numbers", FOREST),
    "mixed": ("houses", []),
    "mixed_forest": ("houses", FOREST),
}


def numbers(count: int) -> list[dict[str, Any]]:
    """Return rows of three numbers and what they sum up to."""
    random = np.random.RandomState(0)
    features = random.uniform(0, 5, (count, 3)).round(2)
    sums = features @ [3.0, 1.0, 1.0] + np.sin(features[:, 0] * 3) + random.normal(0, 0.1, count) + 10
    return [
        {"x1": a, "x2": b, "x3": c, "y": round(y, 3)}
        for (a, b, c), y in zip(features.tolist(), sums.tolist(), strict=True)
    ]


def houses(count: int) -> list[dict[str, Any]]:
    """Return rows of four numbers and three categories, some of them missing."""
    random = np.random.RandomState(0)
    rows = []
    for _ in range(count):
        area, rooms, age = random.randint(30, 200), random.randint(1, 8), random.randint(0, 90)
        town, heating, condition = (random.randint(len(words)) for words in (TOWNS, HEATINGS, CONDITIONS))
        distance = round(random.uniform(0, 30), 1)
        price = 2.5 * area + 5 * rooms - age - 2 * distance + 9 * town + 7 * heating - 20 * condition
        rows.append(
            {
                "area": None if random.uniform() < 0.05 else area,
                "rooms": rooms,
                "age": age,
                "distance": distance,
                "town": TOWNS[town],
                "heating": HEATINGS[heating],
                "condition": CONDITIONS[condition],
                "price": round(price + random.normal(0, 5), 1),
            }
        )
    return rows


TABLES = {"numbers": (numbers, "y"), "houses": (houses, "price")}


def features_of(model: str, count: int) -> list[Any]:
    """Return so many rows as a request has them: lists of numbers, or objects where the table is mixed."""
    table, _ = MODELS[model]
    make, target = TABLES[table]
    rows = [{name: value for name, value in row.items() if name != target} for row in make(count)]
    return [list(row.values()) for row in rows] if table == "numbers" else rows


def trained(model: str) -> Path:
    """Return the folder of a model, trained and compiled now or by an earlier benchmark of the same code."""
    folder = KEPT / digest() / model
    if (folder / "model.json").exists():
        return folder
    table, options = MODELS[model]
    make, target = TABLES[table]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.parent / f"{table}.csv"
    rows = make(ROWS)
    with file.open("w", newline="") as output:
        writer = csv.DictWriter(output, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done = subprocess.run(
        [*TRAIN, str(file), "--target", target, "--out", str(folder), *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchmarkError(f"the model {model} cannot be trained: {done.stderr.strip()}")
    return folder


def digest() -> str:
    """Return what tells this code, as far as a model depends on it, from any other."""
    files = [file for source in SOURCES for file in sorted([ROOT / source, *(ROOT / source).rglob("*.py")])]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()[:12]
