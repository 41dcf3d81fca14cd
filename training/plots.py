"""The figures of the training report. The one module that imports matplotlib."""

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import auc, confusion_matrix, roc_curve

# Names of features and classes are anybody's: "$" in them is no formula. The salt makes equal figures equal bytes.
mpl.rcParams.update({"text.parse_math": False, "svg.hashsalt": "tandem", "font.size": 9, "axes.grid": True})
mpl.rcParams.update({"grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})

BLUE, ORANGE = "#3b6fd4", "#d9730d"
# More curves or cells than these cannot be told apart.
MOST_CURVES = 8
MOST_CELLS = 25

Titled = tuple[str, str, Figure]


def figures(
    fitted: Any,
    features: NDArray[np.float64],
    target: NDArray[Any],
    task: str,
    importances: list[tuple[str, float, float]],
) -> Iterator[Titled]:
    """Yield title, caption and figure of each plot that these held-out rows allow."""
    predicted = fitted.predict(features)
    if task == "regression":
        yield from regression(target.astype(np.float64), predicted)
    else:
        yield confusion(target, predicted, fitted.classes_)
        if hasattr(fitted, "predict_proba"):
            yield from chances(target, fitted.predict_proba(features), fitted.classes_)
    yield importance(importances)


def regression(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> Iterator[Titled]:
    """Yield predicted against actual, and the residuals."""
    figure, axes = blank()
    axes.plot([actual.min(), actual.max()], [actual.min(), actual.max()], color=ORANGE, label="perfect")
    axes.scatter(actual, predicted, s=14, alpha=0.6, color=BLUE, rasterized=len(actual) > 1_000)
    axes.set(xlabel="actual", ylabel="predicted")
    axes.legend(frameon=False)
    yield "Predicted against actual", "Each point is a held-out row; on the line the prediction is right.", figure
    figure, axes = blank()
    axes.axhline(0, color=ORANGE)
    axes.scatter(predicted, actual - predicted, s=14, alpha=0.6, color=BLUE, rasterized=len(actual) > 1_000)
    axes.set(xlabel="predicted", ylabel="actual - predicted")
    yield "Residuals", "What the model misses: a pattern here is something that it has not learnt.", figure


def confusion(target: NDArray[Any], predicted: NDArray[Any], labels: NDArray[Any]) -> Titled:
    """Return the confusion matrix, of the most frequent classes."""
    frequent = sorted(labels.tolist(), key=lambda label: -int((target == label).sum()))[:MOST_CELLS]
    shown = [label for label in labels.tolist() if label in frequent]
    counts = confusion_matrix(target, predicted, labels=shown)
    size = max(4.0, 1.2 + 0.45 * len(shown))
    figure, axes = blank(size + 0.6, size)
    axes.imshow(counts, cmap="Blues")
    axes.grid(visible=False)
    names = [short(label) for label in shown]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="actual")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if count > counts.max() / 2 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    return "Confusion matrix", "How many held-out rows of each class got which prediction.", figure


def chances(target: NDArray[Any], probabilities: NDArray[np.float64], labels: NDArray[Any]) -> Iterator[Titled]:
    """Yield the ROC curves, one class against the rest, and the calibration of the probabilities."""
    figure, axes = blank()
    columns = [1] if len(labels) == 2 else range(min(len(labels), MOST_CURVES))
    for column in columns:
        is_class = target == labels[column]
        if is_class.any() and not is_class.all():
            wrong, right, _ = roc_curve(is_class, probabilities[:, column])
            axes.plot(wrong, right, label=f"{short(labels[column])} ({auc(wrong, right):.3f})")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    axes.legend(frameon=False, title="class (area)")
    yield "ROC", "How well each class is told from the others, whatever the threshold.", figure
    if len(labels) == 2:
        happened, chance = target == labels[1], probabilities[:, 1]
        what = f"of {short(labels[1])}"
    else:
        happened, chance = target == labels[probabilities.argmax(axis=1)], probabilities.max(axis=1)
        what = "of the predicted class"
    seen, told = calibration_curve(happened, np.clip(chance, 0, 1), n_bins=10)
    figure, axes = blank()
    axes.plot([0, 1], [0, 1], color=ORANGE, label="perfect")
    axes.plot(told, seen, marker="o", color=BLUE, label="model")
    axes.set(xlabel=f"mean probability {what}", ylabel="how often it was so", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False)
    yield "Calibration", "Whether the probabilities mean what they say.", figure


def importance(importances: list[tuple[str, float, float]]) -> Titled:
    """Return the bars of the permutation importances."""
    names, means, deviations = zip(*reversed(importances), strict=True)
    figure, axes = blank(5.0, 1 + 0.26 * len(names))
    axes.barh(range(len(names)), means, xerr=deviations, color=BLUE, ecolor="grey")
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("how much worse")
    return "Permutation importance", "How much worse the model gets when a feature's values are shuffled.", figure


def blank(width: float = 5.0, height: float = 4.0) -> tuple[Figure, Any]:
    """Return a figure of one plot; made without pyplot, it needs no screen and leaves nothing behind."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def short(name: Any) -> str:
    """Return a name that leaves room for the plot."""
    text = str(name)
    return text if len(text) <= 28 else text[:27] + "…"
