"""Both hosts of models with other outputs, adopted as their owners would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.cluster import Birch, KMeans
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

import train
from tests.dialects.conftest import Hosts

X = np.random.RandomState(0).rand(60, 2)
WORDS = np.where(X[:, 0] > 0.5, "high", "low")
YES = (X[:, 1] > 0.5).astype(int)
NUMBERS = np.column_stack([3 * X[:, 0] + 2 * X[:, 1], 1e6 * X[:, 1]])
LABELS = np.column_stack([WORDS, np.where(YES, "yes", "no")])
BITS = np.column_stack([X[:, 0] > 0.5, YES]).astype(int)
FOUR = (2 * BITS[:, 0] + YES).astype(int)
ROWS = [[0.9, 0.1], [0.2, 0.7], [0.5, 0.5]]

MODELS: dict[str, Callable[[], Any]] = {
    "numbers": lambda: MultiOutputRegressor(LinearRegression()).fit(X, NUMBERS),
    "labels": lambda: RandomForestClassifier(5, random_state=0).fit(X, LABELS),
    "each": lambda: MultiOutputClassifier(LogisticRegression()).fit(X, LABELS),
    "bits": lambda: OneVsRestClassifier(LogisticRegression()).fit(X, BITS),
    "chain": lambda: ClassifierChain(LogisticRegression(), random_state=0).fit(X, BITS),
    "odd chain": lambda: ClassifierChain(LogisticRegression(), random_state=0).fit(X, np.column_stack([FOUR, YES])),
    "scored bits": lambda: RidgeClassifier().fit(X, BITS),
    "column": lambda: LinearRegression().fit(X, NUMBERS[:, :1]),
    "forest": lambda: IsolationForest(n_estimators=10, random_state=0).fit(X),
    "factor": lambda: make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)).fit(X),
    "clusters": lambda: make_pipeline(StandardScaler(), KMeans(3, random_state=0, n_init=1)).fit(X),
    "birch": lambda: Birch(n_clusters=3, threshold=0.1).fit(X),
    "mixture": lambda: GaussianMixture(2, random_state=0).fit(X),
    "two": lambda: LinearSVC().fit(X, WORDS),
    "four": lambda: LinearSVC().fit(X, FOUR),
    "pairs": lambda: SVC(decision_function_shape="ovo").fit(X, FOUR),
    "quantile": lambda: GradientBoostingRegressor(loss="quantile", alpha=0.9, n_estimators=5).fit(X, NUMBERS[:, 0]),
}
TARGETS = {"numbers": "rent,price", "labels": "level,answer", "each": "level,answer", "quantile": "rent"}


def adopt(estimator: Any, folder: Path, target: str = "y") -> Path:
    """Adopt an estimator into a folder by train.py, and return the folder."""
    joblib.dump(estimator, folder / "theirs.pkl")
    out = folder / "model"
    more = ["--features", "a,b", "--target", target, "--name", "model", "--out", str(out)]
    train.main(["--adopt", str(folder / "theirs.pkl"), *more])
    return out


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Hosts, Any]]:
    """Return a function from the name of a model to its hosts, made once, and its estimator."""
    made: dict[str, tuple[Hosts, Any]] = {}

    def find(name: str) -> tuple[Hosts, Any]:
        if name not in made:
            folder = tmp_path_factory.mktemp("outputs")
            estimator = MODELS[name]()
            out = adopt(estimator, folder, TARGETS.get(name, "y"))
            route = {"AIP_PREDICT_ROUTE": "/vertex", "AIP_HEALTH_ROUTE": "/vertex/health"}
            made[name] = Hosts({"MODEL_DIR": str(out)} | route, folder), estimator
        return made[name]

    return find
