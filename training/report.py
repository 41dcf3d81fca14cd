"""report.html: one self-contained page that shows how good a model is, made from the same split as its metrics."""

import base64
import dataclasses
import io
import platform
import shlex
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance
from sklearn.metrics import get_scorer, precision_recall_fscore_support

from predictor import Manifest
from training.evaluate import LEADING, beats_baseline, split
from training.fit import fit
from training.problem import Problem, Rows
from training.show import TITLES, digits, learner, with_deviation
from training.summary import column_rows, pipeline_lines, target_rows

FILE = "report.html"
SCORERS = {"rmse": "neg_root_mean_squared_error", "balanced_accuracy": "balanced_accuracy"}
SHUFFLES = 5
# Beyond these a report would take longer to make than the model, and no reader looks further.
MOST_ROWS = 1_000
MOST_BARS = 15
MOST_CLASSES = 30

Importance = tuple[str, float, float]


def training_report(estimator: BaseEstimator, problem: Problem, manifest: Manifest, arguments: Sequence[str]) -> bytes:
    """Return the report of an estimator, fitted for it on the training rows and judged by the held-out ones.

    `arguments` are the command line's; the same ones give the same bytes.
    """
    from training import plots  # matplotlib is only here

    facts = manifest.training or {}
    train, test = split(problem, facts["test_size"], facts["seed"])
    fitted = fit(estimator, *problem.take(train))
    importances = permutation_importances(fitted, problem, test, facts["seed"])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a name in a script that the font lacks
        figures = [
            (title, caption, as_image(figure))
            for title, caption, figure in plots.figures(fitted, *problem.take(test), problem.task, importances)
        ]
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("report.html.jinja").read_text()
    )
    page = template.render(
        manifest=manifest,
        facts={"warnings": [], "left_out": {}, "rows_left_out": None, "compared": []} | facts,
        command=shlex.join(["python", "train.py", *arguments]),
        platform=f"{platform.system()} {platform.machine()}",
        beats=beats_baseline(facts["metrics"], manifest.task),
        titles=TITLES,
        digits=digits,
        with_deviation=with_deviation,
        why=problem.table.why if problem.table.task == problem.task else "",
        target=target_rows(problem),
        columns=column_rows(problem.table),
        classes=by_class(fitted, problem, test) if problem.classifies else [],
        figures=figures,
        learner=learner(manifest),
        pipeline=pipeline_lines(manifest.estimator),
        leading=TITLES[LEADING[manifest.task]],
        shuffles=SHUFFLES,
    )
    return page.encode()


def permutation_importances(fitted: Any, problem: Problem, test: Rows, seed: int) -> list[Importance]:
    """Return (column, mean, standard deviation) of how much worse the leading metric gets without each column.

    Without means: with its values shuffled among the held-out rows, those of a date with all its parts.
    """
    frame = problem.table.frame.iloc[test]
    scorer = get_scorer(SCORERS[LEADING[problem.task]])

    def score(_: Any, shuffled: Any, target: Any) -> float:
        return float(scorer(fitted, dataclasses.replace(problem.table, frame=shuffled).inputs(), target))

    importances = permutation_importance(
        fitted,
        frame,
        problem.target[test],
        scoring=score,
        n_repeats=SHUFFLES,
        random_state=seed,
        max_samples=min(MOST_ROWS, len(test)),
    )
    means, deviations = importances.importances_mean.tolist(), importances.importances_std.tolist()
    rows = zip(problem.table.feature_names, means, deviations, strict=True)
    return sorted(rows, key=lambda importance: -importance[1])[:MOST_BARS]


def by_class(fitted: Any, problem: Problem, test: Rows) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of each class on the held-out rows, the rarest first."""
    inputs, target = problem.take(test)
    scores = precision_recall_fscore_support(target, fitted.predict(inputs), labels=fitted.classes_, zero_division=0)
    rows = [
        {"label": str(label), "precision": precision, "recall": recall, "f1": f1, "rows": int(rows)}
        for label, precision, recall, f1, rows in zip(fitted.classes_.tolist(), *scores, strict=True)
    ]
    return sorted(rows, key=lambda row: row["rows"])[:MOST_CLASSES]


def as_image(figure: Any) -> str:
    """Return a figure as a data URL; without a date in it, so that the same figure has the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
