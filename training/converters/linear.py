"""Linear models: what scikit-learn computes as one product of matrices."""

from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lars,
    LarsCV,
    Lasso,
    LassoCV,
    LassoLars,
    LassoLarsCV,
    LassoLarsIC,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    OrthogonalMatchingPursuit,
    OrthogonalMatchingPursuitCV,
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)  # fmt: skip
from sklearn.svm import LinearSVC, LinearSVR

from training.converters.boosting import labels
from training.converters.graph import Columns, Graph, NotConvertedError, Prediction
from training.converters.others import predict_by_skl2onnx
from training.converters.registry import predicts
from training.converters.scalers import ones

REGRESSORS = (
    ARDRegression, BayesianRidge, ElasticNet, ElasticNetCV, HuberRegressor, Lars, LarsCV, Lasso, LassoCV, LassoLars,
    LassoLarsCV, LassoLarsIC, LinearRegression, LinearSVR, OrthogonalMatchingPursuit, OrthogonalMatchingPursuitCV,
    PassiveAggressiveRegressor, QuantileRegressor, Ridge, RidgeCV, SGDRegressor, TheilSenRegressor,
)  # fmt: skip
CLASSIFIERS = (LinearSVC, PassiveAggressiveClassifier, Perceptron, RidgeClassifier, RidgeClassifierCV)


@predicts(*REGRESSORS)
def convert_linear_regressor(graph: Graph, model: Any, columns: Columns) -> Prediction:
    """Convert a weighted sum."""
    return Prediction(weighted_sum(graph, model, columns))


@predicts(PoissonRegressor, GammaRegressor, TweedieRegressor)
def convert_generalized(graph: Graph, model: Any, columns: Columns) -> Prediction:
    """Convert a weighted sum behind the inverse of its link."""
    value = weighted_sum(graph, model, columns)
    link = type(model._base_loss.link).__name__
    if link not in ("LogLink", "IdentityLink"):
        raise NotConvertedError(f"its link is {link}")
    return Prediction(graph.node("Exp", value) if link == "LogLink" else value)


@predicts(LogisticRegression, LogisticRegressionCV, LinearDiscriminantAnalysis)
def convert_logistic(graph: Graph, model: Any, columns: Columns) -> Prediction:
    """Convert logistic regression, the multinomial one where there are more than two labels."""
    raw = weighted_sum(graph, model, columns)
    if len(model.classes_) > 2 and model.solver == "liblinear":
        raise NotConvertedError("liblinear fits one model a label")
    return labels(graph, raw, raw, len(model.classes_), "Greater")


@predicts(*CLASSIFIERS)
def convert_linear_classifier(graph: Graph, model: Any, columns: Columns) -> Prediction:
    """Convert a classifier without probabilities."""
    raw = weighted_sum(graph, model, columns)
    prediction = labels(graph, raw, raw, len(model.classes_), "Greater")
    return Prediction(prediction.value, decision=raw)


@predicts(SGDClassifier)
def convert_sgd_classifier(graph: Graph, model: Any, columns: Columns) -> Prediction:
    """Convert the losses without probabilities, and the logistic one of two labels."""
    if model.loss == "log_loss" and len(model.classes_) == 2:
        raw = weighted_sum(graph, model, columns)
        return labels(graph, raw, raw, 2, "Greater")
    if model.loss in ("log_loss", "modified_huber"):
        return predict_by_skl2onnx(graph, model, columns)
    return convert_linear_classifier(graph, model, columns)


def weighted_sum(graph: Graph, model: Any, columns: Columns) -> str:
    """Return columns @ coefficients + intercept, of shape (rows, targets)."""
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    intercept = np.ravel(model.intercept_).astype(np.float64)
    product = graph.node("MatMul", graph.matrix(columns), graph.constant(weights.T))
    return graph.node("Add", product, graph.constant(intercept)) if intercept.any() else product


@predicts(DummyRegressor)
def convert_dummy_regressor(graph: Graph, dummy: Any, columns: Columns) -> Prediction:
    """Convert a constant."""
    one = ones(graph, graph.matrix(columns))
    return Prediction(graph.node("Mul", one, graph.constant(dummy.constant_.reshape(1, -1))))


@predicts(DummyClassifier)
def convert_dummy_classifier(graph: Graph, dummy: Any, columns: Columns) -> Prediction:
    """Convert constant probabilities."""
    if dummy.strategy not in ("prior", "most_frequent", "constant"):
        raise NotConvertedError("it draws lots")
    row = dummy.predict_proba(np.zeros((1, dummy.n_features_in_)))
    one = ones(graph, graph.matrix(columns))
    return Prediction(
        graph.node("ArgMax", graph.node("Mul", one, graph.constant(row)), axis=1, keepdims=0),
        graph.node("Mul", one, graph.constant(row)),
    )
