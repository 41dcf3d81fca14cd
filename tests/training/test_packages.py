"""Which packages a pickle needs, by the modules that it names, and which versions of them will do."""

import dataclasses

import pytest

import predictor
from predictor import ArtifactError
from predictor.packages import check_packages, need_pandas
from servers.running import ROOT
from training import describe

# As importlib.metadata tells it: the distribution has another name than its module, or several share a module.
INSTALLED = {
    "category_encoders": ["category-encoders"],
    "imblearn": ["imbalanced-learn"],
    "xgboost": ["xgboost-cpu"],
    "pandas": ["pandas"],
    "sklearn": ["scikit-learn"],
    "scipy": ["scipy", "scipy-stubs"],
}


@pytest.mark.parametrize(
    ("named", "packages"),
    [
        (["sklearn.tree._tree:Tree", "numpy:dtype", "builtins:slice"], []),
        (["category_encoders.target_encoder:TargetEncoder", "pandas:Index"], ["category-encoders", "pandas"]),
        (["imblearn.pipeline:Pipeline", "xgboost.sklearn:XGBRegressor"], ["imbalanced-learn", "xgboost-cpu"]),
        (["scipy.sparse._csr:csr_matrix"], ["scipy"]),
        (["mine.parts:Step", "collections:OrderedDict"], []),
    ],
)
def test_every_package_that_a_pickle_names_is_recorded_by_its_distribution(
    named: list[str], packages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "packages_distributions", lambda: INSTALLED)
    assert describe.packages_of(named) == packages


@pytest.mark.parametrize(
    ("then", "here", "serves"),
    [
        ("2.6.4", "2.9.0", True),
        ("2.6.4", "3.0.0", False),
        ("0.12.1", "0.12.9", True),
        ("0.12.1", "0.14.0", False),
    ],
)
def test_another_version_is_refused_when_it_promises_nothing(
    then: str, here: str, serves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = predictor.load(ROOT).manifest
    manifest = dataclasses.replace(manifest, packages={**manifest.packages, "flask": then})
    monkeypatch.setattr("predictor.packages._here", lambda _: {**manifest.packages, "flask": here})
    if serves:
        assert check_packages(manifest, any_version=False) == []
    else:
        with pytest.raises(ArtifactError, match=f"make add PACKAGE=flask=={then} puts that into the lock"):
            check_packages(manifest, any_version=False)


@pytest.mark.parametrize(
    ("requires", "needed"),
    [
        (["numpy>=1.16", "pandas>=0.24"], True),
        (["pandas"], True),
        (["pandas<4,>=2 ; python_version > '3.10'"], True),
        (['pandas>=0.24 ; extra == "pandas"', "scipy"], False),
        (["pandas-stubs", "pandas_ta>1", "pandas.extra"], False),
        (["numpy"], False),
        (None, False),
    ],
)
def test_pandas_is_there_for_packages_that_cannot_do_without(
    requires: list[str] | None, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CatBoost is imported without it, and fails when it predicts."""
    manifest = predictor.load(ROOT).manifest
    assert not need_pandas(manifest)  # scikit-learn names it as an extra
    monkeypatch.setattr("importlib.metadata.requires", lambda name: requires if name == "catboost" else ["pandas"])
    assert not need_pandas(manifest)
    assert need_pandas(dataclasses.replace(manifest, packages=manifest.packages | {"catboost": "1.2"})) == needed
