"""What an adopted estimator is tried with, and served with from then on: a matrix, a frame or texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import LONGEST_TEXT, Boolean, Column, Number, Text
from predictor.frames import frame_maker
from training import TrainingError
from training.adopting.columns import arrays_of, cells_of, column_of, columns_known, likely_rows
from training.adopting.knowledge import NUMBER, Known, knowledge_of, takes_texts, terms_of
from training.adopting.proof import ROUNDING, one_line, predicts_alike, refuse_difference, refused_gaps
from training.adopting.rows import read_all, read_rows

if TYPE_CHECKING:
    import pandas as pd

Knowledge = dict[str, Known]
Kinds = Mapping[str, str]


@dataclass(frozen=True)
class Inputs:
    """What an adopted estimator is tried with: columns, one array each, and the same as its predict takes it."""

    form: str  # the manifest's "input"
    columns: list[Column]
    arrays: list[Any]
    given: Any


def inputs_of(estimator: Any, features: Sequence[str], examples: Path | None, kinds: Kinds) -> Inputs:
    """Return what to try an estimator with; TrainingError when its columns are not known, or not proven."""
    if asked(takes_texts, estimator):
        return inputs_of_texts(estimator, features, examples)
    names = feature_names_of(estimator, features)
    if unknown := sorted(set(kinds) - set(names)):
        raise TrainingError(f"the estimator has no column {', '.join(unknown)}; its columns are {', '.join(names)}")
    knowledge: Knowledge = asked(knowledge_of, estimator, names)
    if examples is None:
        return inputs_known(estimator, names, knowledge, kinds)
    numbers = [name for name, found in knowledge.items() if found.kind == NUMBER and not found.guessed]
    said = dict.fromkeys(numbers, NUMBER) | dict(kinds)
    frame = read_rows(examples, names, said)

    def shown() -> list[Column]:
        return [column_of(frame[name], knowledge[name], kinds.get(name, "")) for name in names]

    cells = [cells_of(column, frame[column.name]) for column in shown()]
    rows = list(zip(*cells, strict=True))
    without_gaps(knowledge, refused_gaps(estimator, shown(), rows))
    return proven(estimator, shown(), rows, frame)


def asked(question: Callable[..., Any], estimator: Any, *more: Any) -> Any:
    """Return what a question finds out of an estimator, whose attributes, in a pickle, can be anything."""
    try:
        return question(estimator, *more)
    except Exception as error:
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise TrainingError(f"the {type(estimator).__name__} is not as scikit-learn leaves it ({reason})") from None


def inputs_known(estimator: Any, names: Sequence[str], knowledge: Knowledge, kinds: Kinds) -> Inputs:
    """Return likely rows of the columns that the estimator's steps know."""
    if not fitted_names(estimator) and not kinds:
        return inputs_of_numbers(names)  # fitted on a matrix
    columns = columns_known(knowledge, kinds)
    without_gaps(knowledge, refused_gaps(estimator, columns, likely_rows(columns, knowledge)))
    columns = columns_known(knowledge, kinds)
    if all(type(column) is Number and not column.missing for column in columns) and takes_matrix(estimator, names):
        return inputs_of_numbers(names)
    return proven(estimator, columns, likely_rows(columns, knowledge), None)


def without_gaps(knowledge: Knowledge, refused: Sequence[str]) -> None:
    """Take note of the columns in which the estimator takes no gaps."""
    for name in refused:
        knowledge[name].missing = knowledge[name].dropped = False


def inputs_of_texts(estimator: Any, features: Sequence[str], examples: Path | None) -> Inputs:
    """Return texts: those of the examples, or some terms that the estimator knows."""
    if len(features) > 1:
        raise TrainingError("the estimator takes one column of texts; --features must give one name")
    texts, longest = terms_of(estimator) or ["text"], LONGEST_TEXT
    name = features[0] if features else "text"
    if examples:
        table = read_all(examples)
        if not features and len(table.columns) > 1:
            raise TrainingError(f"--examples {examples} has several columns; say with --features which holds the texts")
        name = features[0] if features else str(table.columns[0])
        texts = read_rows(examples, [name], {})[name].dropna().astype(str).tolist()
        longest = max(map(len, texts), default=0)
    column = Text(name, longest=longest)
    arrays = arrays_of([column], [[text] for text in texts])
    return Inputs("texts", [column], arrays, arrays[0])


def inputs_of_numbers(names: Sequence[str]) -> Inputs:
    """Return a matrix of numbers where nothing is known of them: 1, 2, 3 and so on, zeros, ones."""
    rows = default_rows(len(names))
    return Inputs("matrix", [Number(name) for name in names], list(rows.T), rows)


def default_rows(width: int) -> NDArray[np.float64]:
    """Return rows to make golden examples from where none are given."""
    return np.array([np.arange(1.0, width + 1), np.zeros(width), np.ones(width)])


def takes_matrix(estimator: Any, names: Sequence[str]) -> bool:
    """Whether an estimator that was fitted on a frame of numbers predicts a matrix as well."""
    import pandas as pd

    rows = default_rows(len(names))
    return predicts_alike(estimator, rows, pd.DataFrame(rows, columns=list(names)), ROUNDING)


def proven(estimator: Any, columns: list[Column], rows: Sequence[Sequence[Any]], read: "pd.DataFrame | None") -> Inputs:
    """Return rows as they will be served, proven to be predicted as the frame that was `read` from a file is."""
    arrays = arrays_of(columns, rows)
    frame = frame_maker(columns)(arrays)
    read = frame if read is None else read
    plain = [replace(column, dtype="") for column in columns]
    if all(isinstance(column, Number | Boolean) for column in columns):
        matrix = np.column_stack(arrays)
        if predicts_alike(estimator, matrix, read, ROUNDING):
            return Inputs("matrix", plain, arrays, matrix)
    if not predicts_alike(estimator, frame, read):
        refuse_difference(estimator, frame, read)
    return Inputs("frame", columns, arrays, frame)


def fitted_names(estimator: Any) -> list[str]:
    """Return the names of the features that an estimator was fitted with; of a matrix there are none."""
    catboosts = getattr(estimator, "feature_names_", ())  # which numbers a matrix's
    names = [str(name) for name in getattr(estimator, "feature_names_in_", catboosts)]
    return [] if names == [str(number) for number in range(len(names))] else names


def feature_names_of(estimator: Any, given: Sequence[str]) -> list[str]:
    """Return the names of the features: those that the estimator was fitted with, or those that were given."""
    own = fitted_names(estimator)
    if own and given and list(given) != own:
        raise TrainingError(f"the estimator was fitted with the features {','.join(own)}; leave --features out")
    names = own or list(given)
    if not names:
        raise TrainingError("the estimator does not know its features' names; give them, in order, with --features a,b")
    width = getattr(estimator, "n_features_in_", len(names))
    if width not in {0, len(names)}:  # CatBoost's forgets it in a pickle
        raise TrainingError(f"the estimator takes {width} features, --features names {len(names)}")
    if len(set(names)) < len(names) or not all(names):
        raise TrainingError("--features must give each feature a name of its own")
    return names
