"""report.html: one self-contained page that shows how good a model is, made from the same split as its metrics."""

import base64
import io
import platform
import shlex
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer

from predictor import Manifest
from training.evaluate import LEADING, beats_baseline, split
from training.fit import fit
from training.show import TITLES
from training.table import Table

FILE = "report.html"
SCORERS = {"rmse": "neg_root_mean_squared_error", "balanced_accuracy": "balanced_accuracy"}
SHUFFLES = 5
# Beyond these a report would take longer to make than the model, and no reader looks further.
MOST_ROWS = 2_000
MOST_FEATURES = 30

Progress = Callable[[int, int], Any]
Importance = tuple[str, float, float]


def training_report(
    estimator: BaseEstimator, table: Table, manifest: Manifest, arguments: Sequence[str], on_feature: Progress
) -> bytes:
    """Return the report of an estimator, fitted for it on the training rows and judged by the held-out ones.

    `arguments` are the command line's; the same ones give the same bytes. `on_feature(done, features)` is called
    after each feature whose importance is known.
    """
    from training import plots  # matplotlib is only here

    facts = manifest.training or {}
    train, test = split(table, manifest.task, facts["test_size"], facts["seed"])
    fitted = fit(estimator, table.features[train], table.target[train])
    importances = permutation_importances(fitted, table, test, manifest, on_feature)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a name in a script that the font lacks
        figures = plots.figures(fitted, table.features[test], table.target[test], manifest.task, importances)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("report.html.jinja").read_text()
    )
    page = template.render(
        manifest=manifest,
        facts=facts,
        command=shlex.join(["python", "train.py", *arguments]),
        platform=f"{platform.system()} {platform.machine()}",
        beats=beats_baseline(facts["metrics"], manifest.task),
        titles=TITLES,
        target=target_summary(table, manifest.task),
        features=feature_summary(table),
        figures=[(title, caption, as_image(figure)) for title, caption, figure in figures],
        importances=importances,
        leading=TITLES[LEADING[manifest.task]],
        shuffles=SHUFFLES,
    )
    return page.encode()


def permutation_importances(
    fitted: Any, table: Table, test: NDArray[np.intp], manifest: Manifest, on_feature: Progress
) -> list[Importance]:
    """Return (feature, mean, standard deviation) of how much worse the leading metric gets without each feature.

    Without means: with its column shuffled among the held-out rows (https://scikit-learn.org/stable/modules/
    permutation_importance.html); scikit-learn's own function has no way to tell how far it is.
    """
    random = np.random.default_rng(manifest.training["seed"] if manifest.training else 0)
    rows = test if len(test) <= MOST_ROWS else random.choice(test, MOST_ROWS, replace=False)
    features, target = table.features[rows], table.target[rows]
    scorer = get_scorer(SCORERS[LEADING[manifest.task]])
    best = scorer(fitted, features, target)
    found: list[Importance] = []
    for column, name in enumerate(table.feature_names):
        on_feature(column, len(table.feature_names))
        losses = []
        shuffled = features.copy()
        for _ in range(SHUFFLES):
            shuffled[:, column] = random.permutation(features[:, column])
            losses.append(best - scorer(fitted, shuffled, target))
        found.append((name, float(np.mean(losses)), float(np.std(losses))))
    on_feature(len(table.feature_names), len(table.feature_names))
    return sorted(found, key=lambda importance: -importance[1])[:MOST_FEATURES]


def target_summary(table: Table, task: str) -> list[tuple[str, str]]:
    """Return what the target looks like: its classes with their rows, or its spread."""
    if task == "classification":
        labels, counts = np.unique(table.target, return_counts=True)
        rows = sorted(zip(labels.tolist(), counts.tolist(), strict=True), key=lambda row: -row[1])
        shown = [(str(label), f"{count:,} rows ({count / len(table.target):.1%})") for label, count in rows]
        return shown[:MOST_FEATURES]
    return [(name, f"{value:.6g}") for name, value in spread(table.target.astype(np.float64)).items()]


def feature_summary(table: Table) -> list[dict[str, Any]]:
    """Return what each feature looks like."""
    columns = zip(table.feature_names, table.features.T, strict=True)
    return [{"name": name, "missing": int(np.isnan(values).sum())} | spread(values) for name, values in columns]


def spread(values: NDArray[np.float64]) -> dict[str, float]:
    """Return the quantiles and the mean of numbers, some of which may be missing."""
    low, middle, high = np.nanquantile(values, [0, 0.5, 1]).tolist()
    return {"minimum": low, "median": middle, "mean": float(np.nanmean(values)), "maximum": high}


def as_image(figure: Any) -> str:
    """Return a figure as a data URL; without a date in it, so that the same figure has the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
