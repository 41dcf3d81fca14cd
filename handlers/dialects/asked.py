"""What is asked, whatever the dialect, and what may be asked for beside predictions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from handlers.dialects.inputs import Given
from handlers.responses import Problem
from predictor.columns import Inputs, kind_of

# What may be asked for beside predictions.
DETAILS = ("probabilities", "scores")


class Asked(NamedTuple):
    """The one internal request. What is asked about stands in one of three forms.

    `document` is in the form of /predict, `columns` are cells by feature in the manifest's order, all equally many, and
    `inputs` are valid already. `options` are what the dialect's own answer wants to know.
    """

    document: Any = None
    columns: Sequence[Given] | None = None
    inputs: Inputs | None = None
    probabilities: bool = False
    scores: bool = False
    options: Any = None

    def in_full(self) -> Any:
        """Return the document with what is asked for beside predictions."""
        details = {name: True for name in DETAILS if getattr(self, name)}
        return self.document | details if details else self.document


def options_of(given: Any, key: str) -> dict[str, Any]:
    """Return what the parameters of a request, an object or null, ask for beside predictions; Problem 422."""
    if given is None:
        return {}
    if type(given) is not dict:
        raise parameter_fault((key,), f"must be an object, not {kind_of(given)}")
    if unknown := [name for name in given if name not in DETAILS]:
        raise parameter_fault((key, unknown[0]), f"is unknown; there are {' and '.join(DETAILS)}, true or false")
    for name, wanted in given.items():
        if type(wanted) is not bool:
            raise parameter_fault((key, name), f"must be true or false, not {kind_of(wanted)}")
    return {name: True for name, wanted in given.items() if wanted}


def parameter_fault(path: tuple[str, ...], detail: str) -> Problem:
    """Return the refusal of a parameter."""
    return Problem(422, f"{'.'.join(path):.100} {detail}", [(path, detail)])
