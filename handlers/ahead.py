"""Predicting for requests that are there already, in one call, before each of them is answered as any other."""

import time
from collections.abc import Sequence

from handlers.http import parse_json
from handlers.schemas import Instances, validate
from handlers.service import Service
from predictor.together import MOST_ROWS, Together

__all__ = ["MOST_ROWS", "Ahead"]


class Ahead:
    """What is predicted for the requests of one turn of a server's main loop, by a service whose model is slow."""

    def __init__(self, service: Service, together: Together) -> None:
        self.service = service
        self.together = together
        self.seconds = 0.0  # that the requests of this turn waited for it

    @classmethod
    def of(cls, service: Service) -> "Ahead | None":
        """Return one, if the model is predicted together."""
        together = service.predictor.together
        return cls(service, together) if together else None

    def forget(self) -> None:
        """Begin another turn."""
        self.together.ahead.clear()
        self.seconds = 0.0

    def predict(self, bodies: Sequence[bytes]) -> bool:
        """Predict what valid bodies of POST /predict ask for, a row each; return False when that fails.

        What is not valid is left to the handler, which says why. It validates again, and finds its prediction here.
        """
        began = time.perf_counter()
        asked = [instances for body in bodies if (instances := self.valid(body))]
        predictor = self.service.predictor
        wanted = {
            "predict": asked,
            "predict_proba": [each for each in asked if each.probabilities and predictor.gives_probabilities],
            "decision_function": [each for each in asked if each.scores and predictor.gives_scores],
        }
        done = all(
            self.together.call_ahead(name, [each.inputs for each in some])
            for name, some in wanted.items()
            if len(some) > 1
        )
        self.seconds = time.perf_counter() - began
        return done

    def valid(self, body: bytes) -> Instances | None:
        """Return the instances of a body; None of one that is refused, or at which we fail: its handler tells."""
        try:
            return validate(self.service.request_schema, parse_json(body))
        except Exception:
            return None
