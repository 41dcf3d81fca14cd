"""What a BigQuery remote function is called with, beside the arguments: how many calls, and how to answer them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handlers.dialects.asked import DETAILS
from handlers.paths import Path
from handlers.responses import Problem
from handlers.schemas import Instances
from predictor.columns import kind_of

OPTIONS = {"output": ("label", *DETAILS), "nulls": ("refuse", "null")}


@dataclass(frozen=True)
class Calls:
    """How to answer: with how many replies, and which of the rows get null instead of a prediction."""

    count: int
    null: frozenset[int] = frozenset()


@dataclass
class SomeInstances(Instances):
    """Instances that are not all the rows of their request; `numbers` are those of the rows that they are."""

    numbers: Sequence[int] = ()

    def path(self, row: int) -> Path:
        """Return where a row stands in the request."""
        return super().path(self.numbers[row])


def context_of(given: Any) -> dict[str, str]:
    """Return the function's userDefinedContext; Problem when there is something in it that means nothing."""
    if given is None:
        return {}
    if type(given) is not dict:
        raise Problem(422, f"userDefinedContext must be an object, not {kind_of(given)}")
    for key, value in given.items():
        if type(value) is not str:
            raise Problem(422, f"userDefinedContext.{key:.64} must be a string, not {kind_of(value)}")
        if value not in OPTIONS.get(key, ()):
            known = ", ".join(f"{name}={' or '.join(values)}" for name, values in OPTIONS.items())
            raise Problem(422, f"userDefinedContext can have {known}; not {key:.64}={value:.64}")
    return given
