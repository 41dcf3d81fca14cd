"""The model, with no HTTP in it: its manifest, how it is saved, loaded and verified, and its predictions."""

from predictor.artifact import ArtifactError, save
from predictor.loading import load
from predictor.manifest import Manifest
from predictor.model import Predictor
from predictor.refusals import NotPredictable

__all__ = ["ArtifactError", "Manifest", "NotPredictable", "Predictor", "load", "save"]
