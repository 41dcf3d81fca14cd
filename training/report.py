"""report.html: one self-contained page that shows how good a model is, made from the same split as its metrics."""

import base64
import dataclasses
import io
import platform
import shlex
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance
from sklearn.metrics import (
    balanced_accuracy_score,
    precision_recall_fscore_support,
    r2_score,
    root_mean_squared_error,
)

from predictor import Manifest
from training.answers import Answers, answers_of
from training.evaluate import beats_baseline, leading_of, split
from training.fit import fit
from training.metric_tables import TITLES, beside_baseline, digits, with_deviation
from training.problem import Problem, Rows
from training.show import learner
from training.summary import column_rows, pipeline_lines, target_rows

FILE = "report.html"
SCORERS: dict[str, Callable[[Any, Any], float]] = {
    "r2": r2_score,
    "rmse": lambda truth, predicted: -root_mean_squared_error(truth, predicted),
    "balanced_accuracy": balanced_accuracy_score,
}
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
    facts = manifest.training or {}
    train, test = split(problem, facts["test_size"], facts["seed"])
    fitted = fit(estimator, *problem.take(train))
    leading = leading_of(facts["metrics"], problem.task)
    importances = permutation_importances(fitted, problem, test, leading, facts["seed"])
    answers = answers_of(fitted, problem, test)
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
        beside_baseline=beside_baseline,
        why=problem.table.why if problem.table.task == problem.task else "",
        targets=target_rows(problem),
        columns=column_rows(problem.table),
        classes=by_class(answers) if problem.classifies else {},
        figures=images(answers, problem.task, importances),
        learner=learner(manifest),
        pipeline=pipeline_lines(manifest.estimator),
        leading=TITLES[leading],
        shuffles=SHUFFLES,
    )
    return page.encode()


def images(answers: dict[str, Answers], task: str, importances: list[Importance]) -> list[tuple[str, str, str]]:
    """Return the plots as images, each after its title and its caption."""
    from training import plots  # matplotlib is only here

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a name in a script that the font lacks
        return [
            (title, caption, as_image(figure)) for title, caption, figure in plots.figures(answers, task, importances)
        ]


def permutation_importances(fitted: Any, problem: Problem, test: Rows, leading: str, seed: int) -> list[Importance]:
    """Return (column, mean, standard deviation) of how much worse the leading metric gets without each column.

    Without means: with its values shuffled among the held-out rows, those of a date with all its parts.
    """
    frame = problem.table.frame.iloc[test]
    count = len(problem.targets)

    def score(_: Any, shuffled: Any, target: Any) -> float:
        predicted = np.asarray(fitted.predict(dataclasses.replace(problem.table, frame=shuffled).inputs()))
        pairs = zip(target.reshape(-1, count).T, predicted.reshape(-1, count).T, strict=True)
        return float(np.mean([SCORERS[leading](*pair) for pair in pairs]))

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


def by_class(answers: dict[str, Answers]) -> dict[str, list[dict[str, Any]]]:
    """Return precision, recall and F1 of each class of each target on the held-out rows, the rarest first."""
    by_target = {}
    for name, answer in answers.items():
        scores = precision_recall_fscore_support(answer.truth, answer.predicted, labels=answer.labels, zero_division=0)
        rows = [
            {"label": str(label), "precision": precision, "recall": recall, "f1": f1, "rows": int(rows)}
            for label, precision, recall, f1, rows in zip(answer.labels, *scores, strict=True)
        ]
        by_target[name] = sorted(rows, key=lambda row: row["rows"])[:MOST_CLASSES]
    return by_target


def as_image(figure: Any) -> str:
    """Return a figure as a data URL; without a date in it, so that the same figure has the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
