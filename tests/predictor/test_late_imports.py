"""What scikit-learn needs for training alone is imported when it is first used, and nothing else is different."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from predictor import late_imports
from predictor.late_imports import is_stock
from predictor.proof import prove
from servers.running import ROOT

RANDOM = np.random.RandomState(0)
X = RANDOM.uniform(0.1, 1, (60, 3))
NUMBERS = X @ [1.0, 2.0, 3.0]
LABELS = (NUMBERS * 10).astype(int) % 3

NORMAL = QuantileTransformer(n_quantiles=20, output_distribution="normal")
# Whether predicting needs scipy.stats.
ESTIMATORS: dict[str, tuple[Any, Any, bool]] = {
    "linear": (LinearRegression(), NUMBERS, False),
    "logistic": (LogisticRegression(), LABELS, False),
    "forest": (RandomForestRegressor(5, random_state=0), NUMBERS, False),
    "boosting": (GradientBoostingClassifier(n_estimators=5, random_state=0), LABELS, True),
    "search": (GridSearchCV(LinearRegression(), {"fit_intercept": [True, False]}), NUMBERS, False),
    "quantiles": (make_pipeline(NORMAL, LinearRegression()), NUMBERS, True),
    "powers": (make_pipeline(PowerTransformer(method="box-cox"), LinearRegression()), NUMBERS, True),
    "chosen": (make_pipeline(SelectKBest(k=2), LogisticRegression()), LABELS, False),
    "gaps": (make_pipeline(IterativeImputer(), LinearRegression()), NUMBERS, False),
    "process": (GaussianProcessRegressor(), NUMBERS, False),
    "envelope": (EllipticEnvelope(random_state=0), None, False),
}  # fmt: skip

LOAD = """
import sys
from predictor.late_imports import late_imports
import joblib
with late_imports():
    estimator = joblib.load(sys.argv[1])
assert "scipy.stats" not in sys.modules
predicted = estimator.predict(joblib.load(sys.argv[2]))
print("scipy.stats" in sys.modules)
joblib.dump(predicted, sys.argv[3])
import scipy.stats
from scipy.stats import norm
assert scipy.stats.norm.cdf(0) == norm.cdf(0) == 0.5
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score
assert label_ranking_average_precision_score([[1, 0, 0]], [[0.9, 0.1, 0.2]]) == 1.0
"""


def run(code: str, *arguments: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_predict_the_same(name: str, tmp_path: Path) -> None:
    estimator, target, needs_it = ESTIMATORS[name]
    paths = [tmp_path / each for each in ("model", "rows", "predicted")]
    joblib.dump(estimator.fit(X, target), paths[0])
    joblib.dump(X, paths[1])
    assert run(LOAD, *paths) == str(needs_it)
    np.testing.assert_array_equal(joblib.load(paths[2]), estimator.predict(X))


IMPORT_ALL = """
import importlib, sys
from predictor import trusted
from predictor.late_imports import is_stock, late_imports
modules = {name for table in (trusted.MADE, trusted.CALLED, trusted.NAMED) for name in table if is_stock([name])}
assert len(modules) > 50
missing = set()
with late_imports():
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing.add(error.name)
# Of another NumPy, SciPy or Python than this one.
assert not any(name.startswith(("sklearn", "scipy.stats")) for name in missing), missing
print("scipy.stats" in sys.modules)
"""


@pytest.mark.slow
def test_every_module_of_a_stock_pickle_can_be_imported_without_it() -> None:
    assert run(IMPORT_ALL) == "False"


def test_a_start_does_without_it() -> None:
    imported = "'sklearn.linear_model' in sys.modules, 'scipy.stats' in sys.modules"
    assert run(f"import sys, webapp; webapp.create_app(); print({imported})") == "True False"


@pytest.mark.parametrize(
    ("names", "stock"),
    [
        (["sklearn.linear_model._base:LinearRegression", "joblib.numpy_pickle:NumpyArrayWrapper"], True),
        (["builtins:slice", "functools:partial", "scipy.sparse._csr:csr_matrix", "scipy.special._ufuncs:expit"], True),
        ([], True),
        (["numpy:ndarray", "scipy.stats._distn_infrastructure:rv_continuous_frozen"], False),
        (["scipy.stats:norm"], False),
        (["scipy.statsmodels:norm"], True),
        (["lightgbm.sklearn:LGBMRegressor"], False),
        (["ratios:AddRatio"], False),
        (["sklearn_extra.cluster:KMedoids"], False),
    ],
)  # fmt: skip
def test_only_where_scikit_learns_own_code_is_loaded(names: list[str], stock: bool) -> None:
    assert is_stock(names) == stock


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module that can be imported late."""
    (tmp_path / "late_example.py").write_text(
        "class Kind:\n    value = 3\n\ndef add(one, other=1):\n    return one + other\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(late_imports, "LATE", "late_example")
    monkeypatch.delitem(sys.modules, "late_example", raising=False)
    return "late_example"


def test_a_stand_in_is_the_module_as_soon_as_something_is_used(example: str) -> None:
    with late_imports.late_imports():
        stand_in = importlib.import_module(example)
        add, kind = stand_in.add, stand_in.Kind
    assert late_imports.imported_late() == []
    assert add(1, other=2) == 3
    assert kind.value == 3
    assert stand_in.add is sys.modules[example].add
    with pytest.raises(AttributeError, match="there_is_none"):
        stand_in.there_is_none  # noqa: B018
    with pytest.raises(AttributeError):
        stand_in.__path__  # noqa: B018


def test_what_is_used_while_it_is_imported_is_imported_then(example: str) -> None:
    with late_imports.late_imports():
        assert importlib.import_module(example).add(1) == 2
        assert importlib.import_module(example).Kind().value == 3
    assert late_imports.imported_late() == [example]


def test_what_was_imported_before_stays(example: str) -> None:
    before = importlib.import_module(example)
    with late_imports.late_imports():
        assert importlib.import_module(example) is before
    assert importlib.import_module(example) is before


def test_a_failure_leaves_no_stand_in(example: str) -> None:
    with pytest.raises(ZeroDivisionError), late_imports.late_imports():
        raise ZeroDivisionError
    assert example not in sys.modules


def test_what_predicting_needs_is_imported_before_anybody_forks(example: str) -> None:
    class Needing:
        def replay(self) -> list[int]:
            importlib.import_module(example)
            return []

    class Doing:
        def replay(self) -> list[int]:
            return []

    prove(Doing())  # type: ignore[arg-type]
    assert example not in sys.modules
    prove(Needing())  # type: ignore[arg-type]
    assert example in sys.modules
