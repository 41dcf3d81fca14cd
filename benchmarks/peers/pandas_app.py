"""The peer for mixed tables: the idiomatic FastAPI app of one model, its columns as a pydantic model, with pandas."""

import json
import os
from pathlib import Path
from typing import Annotated

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, model_validator

folder = Path(os.environ["MODEL_DIR"])
estimator = joblib.load(folder / "model.pkl")
version = json.loads((folder / "model.json").read_text())["version"]

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class House(BaseModel):
    """A row of the table that the model was trained on."""

    model_config = ConfigDict(extra="forbid")

    area: Number | None
    rooms: Number
    age: Number
    distance: Number
    town: str
    heating: str | None
    condition: str


class PredictRequest(BaseModel):
    """One row or many."""

    model_config = ConfigDict(extra="forbid")

    features: House | None = None
    instances: Annotated[list[House], Field(min_length=1, max_length=100_000)] | None = None

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


app = FastAPI()


@app.post("/predict")
def predict(request: PredictRequest) -> Prediction | Predictions:
    """Predict in a thread."""
    houses = [request.features] if request.features is not None else request.instances or []
    frame = pd.DataFrame([house.model_dump() for house in houses])
    # A column of nothing but gaps would have no type.
    frame = frame.astype({"area": float, "heating": "str"})
    predictions = estimator.predict(frame).tolist()
    if request.features is not None:
        return Prediction(prediction=predictions[0], model_version=version)
    return Predictions(predictions=predictions, model_version=version)
