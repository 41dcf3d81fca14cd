"""What a person sees while a model is trained: progress, and the metrics beside the baseline's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from training.evaluate import is_better

TITLES = {
    "r2": "R2",
    "mae": "MAE",
    "rmse": "RMSE",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
}


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar, and give the function that moves it."""
    with Progress(console=console, transient=True, disable=not console.is_interactive) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


def metrics_table(metrics: dict[str, Any], *, lines: bool = True) -> Table:
    """Return the table of the metrics of a task: held out, cross-validated, baseline; with lines for a terminal."""
    table = Table(
        "metric",
        f"held out ({metrics['held_out_rows']} rows)",
        f"cross-validated ({metrics['folds']} folds)",
        "baseline",
        box=box.SIMPLE_HEAD if lines else None,
        header_style="bold",
    )
    for name, value in metrics["held_out"].items():
        crossed = metrics["cross_validated"].get(name)
        baseline = metrics["baseline"].get(name)
        table.add_row(
            TITLES[name],
            Text(
                f"{value:.4g}", style="" if baseline is None else "green" if is_better(name, value, baseline) else "red"
            ),
            f"{crossed['mean']:.4g} ± {crossed['std']:.2g}" if crossed else "",
            "" if baseline is None else f"{baseline:.4g}",
        )
    return table
