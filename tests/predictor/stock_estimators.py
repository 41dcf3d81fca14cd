"""Every estimator of scikit-learn, fitted, in the variations that change what a pickle of it names."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import (
    calibration,
    cluster,
    compose,
    decomposition,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    mixture,
    model_selection,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.experimental import (  # noqa: F401  # they are estimators once these are imported
    enable_halving_search_cv,
    enable_iterative_imputer,
)
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import kernels
from sklearn.utils._test_common.instance_generator import _construct_instances
from sklearn.utils.discovery import all_estimators

RANDOM = np.random.RandomState(0)
X = RANDOM.uniform(0.1, 1, (48, 3))
NUMBERS = X @ [1.0, 2.0, 3.0]
LABELS = np.where(np.median(NUMBERS) < NUMBERS, 1, 0)
WORDS = np.where(LABELS == 1, "high", "low")
TEXTS = ["red wine", "white wine", "beer", "red beer"] * 12
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(
    word=pd.Series(["x", "y", "z"] * 16, dtype="str"),
    object=pd.Series(["x", "y", None] * 16, dtype=object),
    kind=pd.Series(["k", "l", "m"] * 16, dtype="category"),
    yes=[True, False] * 24,
    day=pd.date_range("2024-01-01", periods=48),
    whole=pd.Series([1, 2, None] * 16, dtype="Int64"),
)
# What scikit-learn's own tests do not make.
BY_HAND: dict[str, Any] = {
    "FrozenEstimator": lambda: [FrozenEstimator(linear_model.LinearRegression().fit(X, NUMBERS))],
    "SparseCoder": lambda: [decomposition.SparseCoder(np.eye(3))],
}
GAPS = np.where(RANDOM.rand(48, 3) < 0.2, np.nan, X)


def every_estimator() -> Iterator[tuple[str, Any]]:
    """Yield a name and a fitted estimator for each class that scikit-learn has, then for each variation."""
    for name, kind in all_estimators():
        for number, made in enumerate(BY_HAND[name]() if name in BY_HAND else _construct_instances(kind)):
            yield f"{name} {number}", fitted(made)
    for name, (made, table, target) in variations().items():
        yield name, fit(made, table, target)


def fitted(estimator: Any) -> Any:
    """Fit an estimator on the first table and target that it takes; an AssertionError if there is none."""
    tables: list[Any] = [X, TEXTS, WORDS, [{"a": 1.0, "b": "x"}] * 48, [["a", "b"], ["c"]] * 24, X[:, 0], X @ X.T]
    refusals = []
    for target in (LABELS, np.arange(48) % 2, NUMBERS, X, np.column_stack([LABELS, LABELS]), [["a", "b"], ["c"]] * 24):
        for table in tables:
            try:
                return fit(estimator, table, target)
            except Exception as error:  # any, of estimators that want other tables
                refusals.append(f"{type(error).__name__}: {error}")
    raise AssertionError(f"{estimator} takes no table of the test: {refusals}")


def fit(estimator: Any, table: Any, target: Any) -> Any:
    """Return the estimator, fitted, or by labels alone where that is what it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return estimator.fit(table, target)
        except TypeError:  # LabelEncoder and its like
            return estimator.fit(table)


def variations() -> dict[str, tuple[Any, Any, Any]]:
    """Return estimators whose parameters or tables bring other names into a pickle, with their table and target."""
    return (
        _of_numbers()
        | _of_searches()
        | _of_frames()
        | _of_kernels()
        | _of_neighbours()
        | _of_losses()
        | _of_selection()
    )


def _of_numbers() -> dict[str, tuple[Any, Any, Any]]:
    logistic = linear_model.LogisticRegression()
    made: dict[str, Any] = {
        "a pipeline": pipeline.make_pipeline(preprocessing.StandardScaler(), "passthrough", logistic),
        "a union": pipeline.make_pipeline(
            pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA()), logistic
        ),
        "a state": ensemble.RandomForestClassifier(2, random_state=np.random.RandomState(0)),
        "a generator": neighbors.KNeighborsClassifier().set_params(metric_params=None),
        "voting": ensemble.VotingClassifier([("a", logistic), ("b", naive_bayes.GaussianNB())]),
        "stacking": ensemble.StackingClassifier([("a", logistic), ("b", naive_bayes.GaussianNB())], cv=2),
        "calibrated by sigmoid": calibration.CalibratedClassifierCV(svm.LinearSVC(), method="sigmoid", cv=2),
        "calibrated by isotonic": calibration.CalibratedClassifierCV(svm.LinearSVC(), method="isotonic", cv=2),
        "calibrated by temperature": calibration.CalibratedClassifierCV(logistic, method="temperature", cv=2),
        "calibrated, frozen": calibration.CalibratedClassifierCV(logistic, ensemble=False, cv=2),
        "bagging": ensemble.BaggingClassifier(tree.DecisionTreeClassifier(), 2, oob_score=False),
        "Ada": ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=1), n_estimators=2),
        "boosting on trees": ensemble.GradientBoostingClassifier(n_estimators=2, init="zero"),
        "boosting on a model": ensemble.GradientBoostingClassifier(n_estimators=2, init=logistic),
        "extra trees": ensemble.ExtraTreesClassifier(2, criterion="entropy"),
        "best first": tree.DecisionTreeClassifier(splitter="random", max_leaf_nodes=4),
        "net": neural_network.MLPClassifier((3,), max_iter=3),
        "net by sgd": neural_network.MLPClassifier((3,), max_iter=3, solver="sgd", early_stopping=True),
        "net by lbfgs": neural_network.MLPClassifier((3,), max_iter=3, solver="lbfgs"),
        "a function": pipeline.make_pipeline(preprocessing.FunctionTransformer(np.log1p, np.expm1), logistic),
        "no function": pipeline.make_pipeline(preprocessing.FunctionTransformer(), logistic),
        "splines": pipeline.make_pipeline(preprocessing.SplineTransformer(extrapolation="periodic"), logistic),
        "sparse splines": pipeline.make_pipeline(preprocessing.SplineTransformer(sparse_output=True), logistic),
        "binned": pipeline.make_pipeline(preprocessing.KBinsDiscretizer(3, quantile_method="linear"), logistic),
        "quantiles": pipeline.make_pipeline(preprocessing.QuantileTransformer(n_quantiles=9), logistic),
        "powers": pipeline.make_pipeline(preprocessing.PowerTransformer(), logistic),
        "polynomial": pipeline.make_pipeline(preprocessing.PolynomialFeatures(), logistic),
        "forest embedding": pipeline.make_pipeline(ensemble.RandomTreesEmbedding(2), logistic),
        "Nystroem": pipeline.make_pipeline(kernel_approximation.Nystroem(n_components=3), logistic),
        "mixture": mixture.BayesianGaussianMixture(n_components=2),
        "k-means": pipeline.make_pipeline(cluster.KMeans(2, n_init=1), logistic),
        "agglomerated": pipeline.make_pipeline(cluster.FeatureAgglomeration(2), logistic),
        "frozen": model_selection.FixedThresholdClassifier(logistic),
        "tuned": model_selection.TunedThresholdClassifierCV(logistic, cv=2),
        "sparse coefficients": linear_model.SGDClassifier(max_iter=5, tol=None),
        "penalty with ratio": linear_model.LogisticRegressionCV(cv=2, l1_ratios=(0,), use_legacy_attributes=False),
    }
    cases: dict[str, tuple[Any, Any, Any]] = {name: (one, X, WORDS) for name, one in made.items()}
    cases["a sparse matrix"] = (svm.SVC(), sparse.csr_matrix(X), WORDS)
    cases["a sparse array"] = (svm.SVC(), sparse.csr_array(X), WORDS)
    cases["sparse neighbours"] = (neighbors.KNeighborsClassifier(), sparse.csc_matrix(X), WORDS)
    cases["sparsified"] = (_Sparsified(max_iter=5, tol=None), X, WORDS)
    cases["gaps"] = (pipeline.make_pipeline(impute.SimpleImputer(add_indicator=True), logistic), GAPS, WORDS)
    cases["gaps by neighbours"] = (pipeline.make_pipeline(impute.KNNImputer(), logistic), GAPS, WORDS)
    cases["gaps by models"] = (pipeline.make_pipeline(impute.IterativeImputer(max_iter=2), logistic), GAPS, WORDS)
    cases["several outputs"] = (multioutput.MultiOutputRegressor(linear_model.Ridge()), X, X)
    cases["a chain"] = (multioutput.RegressorChain(linear_model.Ridge()), X, X)
    cases["transformed target"] = (
        compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1),
        X,
        NUMBERS,
    )
    cases["scaled target"] = (
        compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler()),
        X,
        NUMBERS,
    )
    cases["whole labels"] = (logistic, X, LABELS.astype(np.int32))
    cases["true and false"] = (logistic, X, LABELS == 1)
    cases["objects"] = (logistic, X, WORDS.astype(object))
    cases["text of several"] = (
        pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(stop_words="english"), naive_bayes.MultinomialNB()
        ),
        TEXTS,
        WORDS,
    )
    cases["text, counted"] = (
        pipeline.make_pipeline(feature_extraction.text.CountVectorizer(vocabulary=["red", "beer"]), svm.LinearSVC()),
        TEXTS,
        WORDS,
    )
    cases["text, hashed"] = (
        pipeline.make_pipeline(feature_extraction.text.HashingVectorizer(n_features=8), svm.LinearSVC()),
        TEXTS,
        WORDS,
    )
    cases["text by characters"] = (
        pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(analyzer="char_wb", dtype=np.float32), svm.SVC()
        ),
        TEXTS,
        WORDS,
    )
    return cases


class _Sparsified(linear_model.SGDClassifier):
    """An SGDClassifier whose coefficients are made sparse; it pickles as scikit-learn's own."""

    def fit(self, table: Any, target: Any) -> Any:
        stock = linear_model.SGDClassifier(**self.get_params())
        return stock.fit(table, target).sparsify()


def _of_searches() -> dict[str, tuple[Any, Any, Any]]:
    logistic, grid = linear_model.LogisticRegression(), {"C": [0.1, 1.0]}
    folds = model_selection
    made: dict[str, Any] = {
        "a grid": folds.GridSearchCV(logistic, grid, cv=2),
        "a numpy grid": folds.GridSearchCV(logistic, {"C": np.logspace(-1, 1, 3)}, cv=2),
        "a grid by name": folds.GridSearchCV(logistic, grid, scoring="accuracy", cv=folds.StratifiedKFold(2)),
        "a grid by names": folds.GridSearchCV(
            logistic, grid, scoring=["accuracy", "roc_auc"], refit="roc_auc", cv=folds.KFold(2)
        ),
        "a grid of steps": folds.GridSearchCV(
            pipeline.Pipeline([("scale", preprocessing.StandardScaler()), ("model", logistic)]),
            {"scale": ["passthrough", preprocessing.MinMaxScaler()], "model__C": [1]},
            cv=folds.ShuffleSplit(2),
        ),
        "at random": folds.RandomizedSearchCV(logistic, {"C": [0.1, 1, 2]}, n_iter=2, cv=2, random_state=0),
        "halving": folds.HalvingGridSearchCV(logistic, grid, cv=2),
        "repeated": folds.GridSearchCV(logistic, grid, cv=folds.RepeatedStratifiedKFold(n_splits=2, n_repeats=1)),
        "shuffled": folds.GridSearchCV(logistic, grid, cv=folds.StratifiedShuffleSplit(2)),
        "in time": folds.GridSearchCV(logistic, grid, cv=folds.TimeSeriesSplit(2), error_score=0),
        "ridge with folds": linear_model.RidgeClassifierCV(cv=folds.KFold(2)),
    }
    return {name: (one, X, WORDS) for name, one in made.items()}


def _columns(*transformers: Any, **more: Any) -> Any:
    return pipeline.Pipeline(
        [
            ("columns", compose.ColumnTransformer(list(transformers), **more)),
            ("model", linear_model.LogisticRegression()),
        ]
    )


def _of_frames() -> dict[str, tuple[Any, Any, Any]]:
    scale, hot = preprocessing.StandardScaler(), preprocessing.OneHotEncoder(handle_unknown="ignore")
    numbers = compose.make_column_selector(dtype_include="number")
    words = compose.make_column_selector(pattern="word|kind")
    boosting = ensemble.HistGradientBoostingClassifier(max_iter=2, categorical_features="from_dtype")
    simple = FRAME[["a", "b", "c", "word", "object", "kind", "yes"]]
    made: dict[str, tuple[Any, Any, Any]] = {
        "columns by name": (_columns(("n", scale, ["a", "b"]), ("w", hot, ["word"])), FRAME, WORDS),
        "columns by one name": (
            _columns(("t", feature_extraction.text.CountVectorizer(analyzer="char"), "word")),
            FRAME,
            WORDS,
        ),
        "columns by slice": (_columns(("n", scale, slice(0, 2)), ("w", hot, slice("word", "kind"))), FRAME, WORDS),
        "columns by mask": (_columns(("n", scale, [True, True, True] + [False] * 6)), FRAME, WORDS),
        "columns by numpy": (_columns(("n", scale, np.array([0, 1]))), FRAME, WORDS),
        "columns by type": (
            _columns(("n", scale, numbers), ("w", hot, words)),
            FRAME[["a", "b", "word", "kind"]],
            WORDS,
        ),
        "columns by python type": (
            _columns(
                ("n", scale, compose.make_column_selector(dtype_include=np.number)),
                ("b", "passthrough", compose.make_column_selector(dtype_include=[bool, np.float32])),
                ("f", "passthrough", compose.make_column_selector(dtype_include=float)),
                ("w", hot, compose.make_column_selector(dtype_include=["str", "category"])),
                ("o", hot, compose.make_column_selector(dtype_exclude=[object, int], dtype_include=str)),
            ),
            FRAME[["a", "b", "word", "kind", "yes"]],
            WORDS,
        ),
        "the remainder": (_columns(("w", hot, ["word", "kind", "object"]), remainder="passthrough"), simple, WORDS),
        "the remainder, scaled": (_columns(("w", hot, ["word", "kind", "object"]), remainder=scale), simple, WORDS),
        "an index of columns": (_columns(("n", scale, FRAME.columns[:2])), FRAME, WORDS),
        "ordinal": (_columns(("w", preprocessing.OrdinalEncoder(), ["word", "kind", "yes"])), FRAME, WORDS),
        "ordinal, unknown": (
            _columns(
                ("w", preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), ["word"]),
                (
                    "v",
                    preprocessing.OrdinalEncoder(
                        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
                    ),
                    ["word"],
                ),
            ),
            FRAME,
            WORDS,
        ),
        "given categories": (
            _columns(("w", preprocessing.OneHotEncoder(categories=[["x", "y", "z"]], drop="first"), ["word"])),
            FRAME,
            WORDS,
        ),
        "rare ones": (
            _columns(
                (
                    "w",
                    preprocessing.OneHotEncoder(min_frequency=17, drop="if_binary", sparse_output=False),
                    ["word", "kind"],
                )
            ),
            FRAME,
            WORDS,
        ),
        "by target": (_columns(("w", preprocessing.TargetEncoder(cv=2), ["word", "kind"])), FRAME, WORDS),
        "most frequent": (
            _columns(
                ("w", pipeline.make_pipeline(impute.SimpleImputer(strategy="most_frequent"), hot), ["word", "object"])
            ),
            FRAME,
            WORDS,
        ),
        "filled": (
            _columns(
                (
                    "w",
                    pipeline.make_pipeline(impute.SimpleImputer(strategy="constant", fill_value="none"), hot),
                    ["word"],
                ),
                ("n", impute.SimpleImputer(strategy="median", add_indicator=True), ["a", "whole"]),
                ("d", "drop", ["object"]),
            ),
            FRAME,
            WORDS,
        ),
        "NA as what is missing": (
            _columns(("n", impute.SimpleImputer(missing_values=pd.NA, strategy="constant", fill_value=0), ["whole"])),
            FRAME,
            WORDS,
        ),
        "categories of the frame": (boosting, FRAME[["a", "b", "kind"]], WORDS),
        "categories by name": (
            ensemble.HistGradientBoostingRegressor(max_iter=2, categorical_features=["kind"]),
            FRAME[["a", "kind"]],
            NUMBERS,
        ),
        "categories by number": (
            ensemble.HistGradientBoostingRegressor(max_iter=2, categorical_features=[0]),
            np.round(X * 4),
            NUMBERS,
        ),
        "categories by mask": (
            ensemble.HistGradientBoostingRegressor(max_iter=2, categorical_features=[False, True]),
            FRAME[["a", "kind"]],
            NUMBERS,
        ),
        "frames out": (
            _columns(
                ("n", scale, ["a", "b"]), ("w", preprocessing.OneHotEncoder(sparse_output=False), ["word"])
            ).set_output(transform="pandas"),
            FRAME,
            WORDS,
        ),
        "a series of labels": (linear_model.LogisticRegression(), FRAME[["a"]], pd.Series(WORDS)),
        "a category of labels": (linear_model.LogisticRegression(), FRAME[["a"]], pd.Series(WORDS, dtype="category")),
        "an object of labels": (linear_model.LogisticRegression(), FRAME[["a"]], pd.Series(WORDS, dtype=object)),
        "a series of numbers": (linear_model.Ridge(), FRAME[["a"]], pd.Series(NUMBERS)),
        "neighbours of a frame": (neighbors.KNeighborsRegressor(), FRAME[["a", "b"]], pd.Series(NUMBERS)),
        "text of a column": (
            _columns(("t", feature_extraction.text.TfidfVectorizer(), "text"), ("n", scale, ["a"])),
            FRAME.assign(text=TEXTS),
            WORDS,
        ),
        "boosting of columns": (
            pipeline.make_pipeline(
                compose.make_column_transformer(
                    (preprocessing.OrdinalEncoder(), ["word", "kind"]), remainder="passthrough"
                ),
                ensemble.HistGradientBoostingClassifier(max_iter=2, categorical_features=[0, 1]),
            ),
            FRAME[["a", "word", "kind"]],
            WORDS,
        ),
    }
    return made


def _of_kernels() -> dict[str, tuple[Any, Any, Any]]:
    rbf = kernels.RBF()
    made = {
        "sum": kernels.ConstantKernel() * rbf + kernels.WhiteKernel(),
        "matern": kernels.Matern() ** 2,
        "quadratic": kernels.RationalQuadratic() + kernels.DotProduct(),
        "periodic": kernels.ExpSineSquared() + kernels.PairwiseKernel(metric="laplacian") + kernels.WhiteKernel(1.0),
    }
    cases: dict[str, tuple[Any, Any, Any]] = {
        f"process {name}": (gaussian_process.GaussianProcessRegressor(kernel, optimizer=None), X, NUMBERS)
        for name, kernel in made.items()
    }
    cases["process of three"] = (gaussian_process.GaussianProcessClassifier(rbf, optimizer=None), X, np.arange(48) % 3)
    cases["process one against one"] = (
        gaussian_process.GaussianProcessClassifier(rbf, optimizer=None, multi_class="one_vs_one"),
        X,
        np.arange(48) % 3,
    )
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        cases[f"SVC {kernel}"] = (svm.SVC(kernel=kernel), X, WORDS)
        cases[f"ridge {kernel}"] = (kernel_ridge.KernelRidge(kernel=kernel), X, NUMBERS)
    return cases


def _of_neighbours() -> dict[str, tuple[Any, Any, Any]]:
    cases: dict[str, tuple[Any, Any, Any]] = {}
    metrics = {
        "euclidean": {},
        "manhattan": {},
        "chebyshev": {},
        "minkowski": {"p": 3},
        "canberra": {},
        "braycurtis": {},
        "hamming": {},
        "seuclidean": {"metric_params": {"V": np.ones(3)}},
        "mahalanobis": {"metric_params": {"VI": np.eye(3)}},
        "jaccard": {},
        "dice": {},
        "rogerstanimoto": {},
        "russellrao": {},
        "sokalsneath": {},
        "yule": {},
        "cosine": {},
    }
    for algorithm in ("kd_tree", "ball_tree", "brute"):
        for metric, more in metrics.items():
            known = {"kd_tree": neighbors.KDTree, "ball_tree": neighbors.BallTree}.get(algorithm)
            if known and metric not in known.valid_metrics:
                continue
            table = (
                X > 0.5 if metric in {"jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath", "yule"} else X
            )
            made = neighbors.KNeighborsClassifier(algorithm=algorithm, metric=metric, **more)
            cases[f"neighbours {algorithm} {metric}"] = (made, table, WORDS)
        cases[f"weighted {algorithm}"] = (
            neighbors.KNeighborsRegressor(weights="distance", algorithm=algorithm),
            X,
            NUMBERS,
        )
        cases[f"in float32 {algorithm}"] = (
            neighbors.KNeighborsRegressor(algorithm=algorithm),
            X.astype(np.float32),
            NUMBERS,
        )
        cases[f"radius {algorithm}"] = (neighbors.RadiusNeighborsClassifier(3, algorithm=algorithm), X, WORDS)
        if algorithm != "brute":
            cases[f"outliers {algorithm}"] = (
                neighbors.LocalOutlierFactor(5, novelty=True, algorithm=algorithm),
                X,
                None,
            )
            cases[f"density {algorithm}"] = (neighbors.KernelDensity(algorithm=algorithm), X, None)
    cases["haversine"] = (neighbors.KNeighborsClassifier(metric="haversine", algorithm="ball_tree"), X[:, :2], WORDS)
    return cases


def _of_losses() -> dict[str, tuple[Any, Any, Any]]:
    cases: dict[str, tuple[Any, Any, Any]] = {}
    for loss in ("squared_error", "absolute_error", "gamma", "poisson", "quantile"):
        made = ensemble.HistGradientBoostingRegressor(
            max_iter=2, loss=loss, quantile=0.5 if loss == "quantile" else None
        )
        cases[f"histogram boosting {loss}"] = (made, X, NUMBERS)
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        cases[f"boosting {loss}"] = (ensemble.GradientBoostingRegressor(n_estimators=2, loss=loss), X, NUMBERS)
    for loss in ("log_loss", "exponential"):
        cases[f"boosting {loss}"] = (ensemble.GradientBoostingClassifier(n_estimators=2, loss=loss), X, WORDS)
    for criterion in ("squared_error", "absolute_error", "friedman_mse", "poisson"):
        cases[f"tree {criterion}"] = (tree.DecisionTreeRegressor(max_depth=2, criterion=criterion), X, NUMBERS)
    losses = "hinge log_loss modified_huber squared_hinge perceptron squared_error huber epsilon_insensitive"
    for loss in [*losses.split(), "squared_epsilon_insensitive"]:
        cases[f"SGD {loss}"] = (linear_model.SGDClassifier(loss=loss, max_iter=5, tol=None, average=True), X, WORDS)
    for power in (0, 1, 1.5, 2, 3):
        for link in ("auto", "log", "identity"):
            made = linear_model.TweedieRegressor(power=power, link=link, max_iter=1)
            cases[f"Tweedie {power} {link}"] = (made, X, NUMBERS)
    cases["boosting of three"] = (ensemble.GradientBoostingClassifier(n_estimators=2), X, np.arange(48) % 3)
    cases["histogram boosting of three"] = (ensemble.HistGradientBoostingClassifier(max_iter=2), X, np.arange(48) % 3)
    cases["histogram boosting, stopped"] = (
        ensemble.HistGradientBoostingClassifier(max_iter=3, early_stopping=True, scoring="roc_auc"),
        X,
        WORDS,
    )
    cases["histogram boosting, bound"] = (
        ensemble.HistGradientBoostingRegressor(max_iter=2, monotonic_cst=[1, 0, -1], interaction_cst="pairwise"),
        X,
        NUMBERS,
    )
    return cases


def _of_selection() -> dict[str, tuple[Any, Any, Any]]:
    selection, logistic = feature_selection, linear_model.LogisticRegression()
    made: dict[str, Any] = {
        score.__name__: selection.SelectKBest(score, k=2)
        for score in (selection.f_classif, selection.chi2, selection.mutual_info_classif)
    }
    made |= {
        "by a model": selection.SelectFromModel(logistic),
        "step by step": selection.SequentialFeatureSelector(logistic, n_features_to_select=1, cv=2),
        "recursively": selection.RFECV(logistic, cv=2),
        "by variance": selection.VarianceThreshold(),
    }
    cases: dict[str, tuple[Any, Any, Any]] = {
        f"selection {name}": (pipeline.make_pipeline(one, logistic), X, WORDS) for name, one in made.items()
    }
    for score in (selection.f_regression, selection.r_regression, selection.mutual_info_regression):
        cases[f"selection {score.__name__}"] = (
            pipeline.make_pipeline(selection.SelectKBest(score, k=2), linear_model.Ridge()),
            X,
            NUMBERS,
        )
    return cases
