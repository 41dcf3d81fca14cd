"""The peer: the idiomatic FastAPI app for Tandem's contract, with pydantic models, for uvicorn.

Its view is a plain `def`, as FastAPI's documentation advises for code that blocks, such as a prediction; `app_async` is
the same with `async def`, which saves the hand-over to a thread and lets one prediction block all other requests.
"""

import json
import os
from pathlib import Path
from typing import Annotated

import joblib
import numpy as np
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field, model_validator

folder = Path(os.environ["MODEL_DIR"])
estimator = joblib.load(folder / "model.pkl")
manifest = json.loads((folder / "model.json").read_text())
names = [feature["name"] for feature in manifest["features"]]

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Row = Annotated[list[Number], Field(min_length=len(names), max_length=len(names))] | dict[str, Number]


class PredictRequest(BaseModel):
    """One row or many."""

    model_config = ConfigDict(extra="forbid")

    features: Row | None = None
    instances: Annotated[list[Row], Field(min_length=1, max_length=100_000)] | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> "PredictRequest":
        """Refuse both and none."""
        if (self.features is None) == (self.instances is None):
            raise ValueError("send either features or instances")
        return self


class Prediction(BaseModel):
    """The answer to one row."""

    model_config = ConfigDict(protected_namespaces=())

    prediction: float
    model_version: str


class Predictions(BaseModel):
    """The answer to many rows."""

    model_config = ConfigDict(protected_namespaces=())

    predictions: list[float]
    model_version: str


def answer(request: PredictRequest) -> Prediction | Predictions:
    """Predict what was asked for."""
    rows = [request.features] if request.features is not None else request.instances or []
    try:
        matrix = np.array(
            [[row[name] for name in names] if isinstance(row, dict) else row for row in rows], dtype=float
        )
    except KeyError as missing:
        raise HTTPException(422, f"{missing} is missing") from None
    predictions = estimator.predict(matrix).tolist()
    if request.features is not None:
        return Prediction(prediction=predictions[0], model_version=manifest["version"])
    return Predictions(predictions=predictions, model_version=manifest["version"])


app = FastAPI()
app_async = FastAPI()


@app.post("/predict")
def predict(request: PredictRequest) -> Prediction | Predictions:
    """Predict in a thread."""
    return answer(request)


@app_async.post("/predict")
async def predict_async(request: PredictRequest) -> Prediction | Predictions:
    """Predict in the event loop."""
    return answer(request)
