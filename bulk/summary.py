"""What a run has done, in figures."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from predictor import Predictor
from predictor.onnx_engine import CompiledModel


@dataclass(frozen=True)
class Summary:
    """Rows, time, and the model by which they were predicted."""

    files: int
    rows: int
    predicted: int
    rejected: int
    seconds: float
    workers: int
    engine: str
    model: str
    version: str
    model_sha256: str

    @classmethod
    def of(
        cls, predictor: Predictor, *, files: int, rows: int, predicted: int, seconds: float, workers: int
    ) -> "Summary":
        """Return the summary of a run of a model."""
        return cls(
            files=files,
            rows=rows,
            predicted=predicted,
            rejected=rows - predicted,
            seconds=round(seconds, 3),
            workers=workers,
            engine="onnxruntime" if isinstance(predictor.estimator, CompiledModel) else "sklearn",
            model=predictor.manifest.name,
            version=predictor.manifest.version,
            model_sha256=predictor.sha256,
        )

    def json(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def table(self) -> str:
        """Return it for a terminal."""
        shown: dict[str, Any] = {
            "files": f"{self.files:,}",
            "rows": f"{self.rows:,}",
            "predicted": f"{self.predicted:,}",
            "rejected": f"{self.rejected:,}",
            "seconds": f"{self.seconds:,.1f}",
            "rows a second": f"{self.rows / self.seconds:,.0f}" if self.seconds else "",
            "workers": self.workers,
            "engine": self.engine,
            "model": f"{self.model} {self.version}",
        }
        return "".join(f"{name:<14}{value:>16}\n" for name, value in shown.items())
