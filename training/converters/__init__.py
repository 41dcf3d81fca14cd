"""From a fitted scikit-learn estimator to an ONNX model in double precision, one file a family of estimators."""

from training.converters import (  # noqa: F401  # each registers its converters
    boosting,
    encoders,
    imputers,
    kernels,
    linear,
    pipelines,
    scalers,
    text,
    trees,
    voting,
)
