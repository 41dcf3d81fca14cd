"""The figures of the training report. The one module that imports matplotlib."""

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator
from numpy.typing import NDArray
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
    confusion_matrix,
)

from training.answers import Answers

# Names of features and classes are anybody's: "$" in them is no formula. The salt makes equal figures equal bytes.
mpl.rcParams.update({"text.parse_math": False, "svg.hashsalt": "tandem", "font.size": 9, "axes.grid": True})
mpl.rcParams.update({"grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})
mpl.rcParams.update({"legend.frameon": False})

BLUE, ORANGE = "#3b6fd4", "#d9730d"
MOST_TARGETS = 10
# More curves or cells than these cannot be told apart.
MOST_CURVES = 8
MOST_CELLS = 25
MANY_POINTS = 1_000
# Of a class with a smaller part of the rows, a ROC curve looks good when the predictions are not.
RARE = 0.2

Titled = tuple[str, str, Figure]
Labels = NDArray[Any]


def figures(answers: dict[str, Answers], task: str, importances: list[tuple[str, float, float]]) -> Iterator[Titled]:
    """Yield title, caption and figure of each plot that these answers for held-out rows allow."""
    for name, answer in list(answers.items())[:MOST_TARGETS]:
        of = f" of {short(name)}" if len(answers) > 1 else ""
        for title, caption, figure in figures_of(answer, task):
            yield title + of, caption, figure
    yield importance(importances)


def figures_of(answer: Answers, task: str) -> Iterator[Titled]:
    """Yield the figures of one target."""
    if task == "regression":
        yield from regression(answer.truth.astype(np.float64), answer.predicted)
        return
    labels = np.asarray(answer.labels)
    yield confusion(answer.truth, answer.predicted, labels)
    if answer.probabilities is not None:
        yield from chances(answer.truth, answer.probabilities, labels)


def regression(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> Iterator[Titled]:
    """Yield actual against predicted, and the residuals."""
    points = {"s": 14, "alpha": 0.6, "color": BLUE, "rasterized": len(actual) > MANY_POINTS}
    display = PredictionErrorDisplay(y_true=actual, y_pred=predicted)
    texts = {
        "actual_vs_predicted": (
            "Predicted against actual",
            "Each point is a held-out row; on the line the prediction is right.",
        ),
        "residual_vs_predicted": ("Residuals", "What the model misses: a pattern here is something it has not learnt."),
    }
    for kind, (title, caption) in texts.items():
        figure, axes = blank()
        display.plot(ax=axes, kind=kind, scatter_kwargs=points, line_kwargs={"color": ORANGE, "alpha": 1})
        axes.set(xlabel="predicted", ylabel="actual" if kind == "actual_vs_predicted" else "actual - predicted")
        axes.xaxis.set_major_locator(AutoLocator())
        axes.yaxis.set_major_locator(AutoLocator())
        yield title, caption, figure


def confusion(target: Labels, predicted: Labels, labels: Labels) -> Titled:
    """Return the confusion matrix, of the most frequent classes."""
    frequent = sorted(labels.tolist(), key=lambda label: -int((target == label).sum()))[:MOST_CELLS]
    shown = [label for label in labels.tolist() if label in frequent]
    size = max(4.0, 1.2 + 0.45 * len(shown))
    figure, axes = blank(size + 0.6, size)
    axes.grid(visible=False)
    counts = confusion_matrix(target, predicted, labels=shown)
    display = ConfusionMatrixDisplay(counts, display_labels=[short(label) for label in shown])
    display.plot(ax=axes, cmap="Blues", colorbar=False, values_format="d")
    axes.set_xticks(axes.get_xticks(), axes.get_xticklabels(), rotation=45, ha="right")
    axes.set(xlabel="predicted", ylabel="actual")
    return "Confusion matrix", "How many held-out rows of each class got which prediction.", figure


def chances(target: Labels, probabilities: NDArray[np.float64], labels: Labels) -> Iterator[Titled]:
    """Yield the ROC curves, the precision-recall curves of rare classes, and the calibration of the probabilities."""
    columns = [1] if len(labels) == 2 else list(range(min(len(labels), MOST_CURVES)))
    known = [column for column in columns if 0 < (target == labels[column]).mean() < 1]
    figure, axes = blank()
    for column in known:
        RocCurveDisplay.from_predictions(
            target == labels[column], probabilities[:, column], ax=axes, name=short(labels[column])
        )
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    axes.legend(title="class")
    yield "ROC", "How well each class is told from the others, whatever the threshold.", figure
    shares = {column: float((target == labels[column]).mean()) for column in range(len(labels))}
    rare = sorted((column for column in shares if 0 < shares[column] < RARE), key=lambda column: shares[column])
    if rare:
        yield precision_and_recall(target, probabilities, labels, rare[:MOST_CURVES])
    yield calibration(target, probabilities, labels)


def precision_and_recall(target: Labels, probabilities: NDArray[np.float64], labels: Labels, rare: list[int]) -> Titled:
    """Return the precision-recall curves of rare classes."""
    figure, axes = blank()
    for column in rare:
        PrecisionRecallDisplay.from_predictions(
            target == labels[column], probabilities[:, column], ax=axes, name=short(labels[column])
        )
    axes.set(xlabel="recall: how many of the class are found", ylabel="precision: how many found are right")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="auto")
    axes.legend(title="rare class")
    return "Precision and recall", "What finding more of a rare class costs in false alarms.", figure


def calibration(target: Labels, probabilities: NDArray[np.float64], labels: Labels) -> Titled:
    """Return how often what was predicted came true, by its probability."""
    if len(labels) == 2:
        happened, chance = target == labels[1], probabilities[:, 1]
        what = f"of {short(labels[1])}"
    else:
        happened, chance = target == labels[probabilities.argmax(axis=1)], probabilities.max(axis=1)
        what = "of the predicted class"
    figure, axes = blank()
    CalibrationDisplay.from_predictions(
        happened, np.clip(chance, 0, 1), n_bins=10, ax=axes, name="model", color=BLUE, pos_label=True
    )
    axes.set(xlabel=f"mean probability {what}", ylabel="how often it was so", xlim=(0, 1), ylim=(0, 1.02))
    return "Calibration", "Whether the probabilities mean what they say.", figure


def importance(importances: list[tuple[str, float, float]]) -> Titled:
    """Return the bars of the permutation importances."""
    names, means, deviations = zip(*reversed(importances), strict=True)
    figure, axes = blank(5.0, max(2.0, 1 + 0.26 * len(names)))
    axes.barh(range(len(names)), means, xerr=deviations, color=BLUE, ecolor="grey")
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.locator_params(axis="x", nbins=5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("how much worse")
    return "Permutation importance", "How much worse the model gets when a column's values are shuffled.", figure


def blank(width: float = 5.0, height: float = 4.0) -> tuple[Figure, Any]:
    """Return a figure of one plot; made without pyplot, it needs no screen and leaves nothing behind."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def short(name: Any) -> str:
    """Return a name that leaves room for the plot."""
    text = str(name)
    return text if len(text) <= 28 else text[:27] + "…"
