"""What schemathesis cannot know of float64 and of a model; each replaces a check of its own, less one kind of case.

Loaded by schemathesis itself, see test_schemathesis.py.
"""

import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

PREDICT = ("/predict", "/")
NOT_FINITE = "the prediction is not a finite number for this input"
# As the description writes it, in the fewest decimal digits; the number itself is a little more.
FLOAT64_MAX = int(Decimal(repr(sys.float_info.max)))


@schemathesis.check
def valid_requests_are_answered(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """Allow for numbers without a finite prediction: the contract's one refusal of valid requests.

    Of the bodies of the other dialects the description has the keys only; their own tests have the rest.
    """
    if case.operation.path not in PREDICT:
        return None
    if response.status_code == 422 and response.json()["detail"] == NOT_FINITE:
        return None
    return positive_data_acceptance(ctx, response, case)


@schemathesis.check
def invalid_requests_are_refused(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """Allow for 413 to too many rows, and for integers over the maximum by less than float64 can tell."""
    if case.operation.path not in PREDICT and case.operation.method == "post":
        return None
    if response.status_code == 413:
        return None
    if response.status_code == 200 and any(FLOAT64_MAX < abs(n) < 2**1024 - 2**970 for n in integers(case.body)):
        return None
    return negative_data_rejection(ctx, response, case)


def integers(value: Any) -> Iterator[int]:
    """Yield the integers of a JSON value."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from integers(child)
