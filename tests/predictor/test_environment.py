"""Each variable of the environment: what its text means, and the line that ends a start where it means nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from predictor import environment
from servers.running import ROOT

Read = Callable[[dict[str, str]], Any]

READERS: dict[str, Read] = {
    "BATCHING": environment.batching,
    "CORS_ORIGINS": environment.origins,
    "ENGINE": environment.engine,
    "MODEL_DIR": environment.model_dir,
    "MODEL_SHA256": lambda environ: environment.word("MODEL_SHA256", environ),
    "AIP_PREDICT_ROUTE": lambda environ: environment.route("AIP_PREDICT_ROUTE", environ),
    "METRICS": lambda environ: environment.switch("METRICS", environ),
    "MAX_ROWS": lambda environ: environment.whole_number("MAX_ROWS", 7, environ=environ),
    "THREADS": lambda environ: environment.whole_number("THREADS", 4, minimum=0, environ=environ),
    "TRUSTED_MODULES": environment.trusted_modules,
}
MEANINGS: list[tuple[str, str, Any]] = [
    ("BATCHING", "on", True),
    ("BATCHING", " off ", False),
    ("CORS_ORIGINS", "*", {"*"}),
    ("CORS_ORIGINS", " https://A.example.com, http://localhost:8000,,", {"https://a.example.com", "http://localhost:8000"}),
    ("CORS_ORIGINS", "http://[::1]:8000", {"http://[::1]:8000"}),
    ("CORS_ORIGINS", "https://a.example.com:65535", {"https://a.example.com:65535"}),
    ("CORS_ORIGINS", "https://a.example.com:80", {"https://a.example.com:80"}),
    ("ENGINE", "sklearn", "sklearn"),
    ("ENGINE", " auto", "auto"),
    ("MODEL_DIR", "/models/rent", Path("/models/rent")),
    ("MODEL_SHA256", " ab\n", "ab"),
    ("AIP_PREDICT_ROUTE", "/v1/endpoints/1:predict", "/v1/endpoints/1:predict"),
    ("AIP_PREDICT_ROUTE", "/", "/"),
    ("AIP_PREDICT_ROUTE", "/Predict", "/Predict"),
    ("METRICS", "1", True),
    ("METRICS", " 0 ", False),
    ("MAX_ROWS", "1", 1),
    ("MAX_ROWS", " 0012 ", 12),
    ("MAX_ROWS", "9" * 18, int("9" * 18)),
    ("THREADS", "0", 0),
    ("TRUSTED_MODULES", "mine, mine.parts", ("mine", "mine.parts")),
]  # fmt: skip
UNSET: dict[str, Any] = {
    "BATCHING": True,
    "CORS_ORIGINS": set(),
    "ENGINE": "auto",
    "MODEL_DIR": ROOT,
    "MODEL_SHA256": "",
    "AIP_PREDICT_ROUTE": "",
    "METRICS": False,
    "MAX_ROWS": 7,
    "THREADS": 4,
    "TRUSTED_MODULES": (),
}
OF_ORIGINS = (
    "it must be origins separated by commas, as in CORS_ORIGINS=https://app.example.com, or *; unset, it is none"
)
NO_ORIGIN = "which is no origin (scheme://host or scheme://host:port, without a path)"
FAULTS: list[tuple[str, str, str]] = [
    ("BATCHING", "1", "BATCHING='1' must be on or off; unset, it is on"),
    (
        "CORS_ORIGINS",
        "*,http://a.b",
        "CORS_ORIGINS has * beside others; it is * alone, for every origin, or a list of origins",
    ),
    ("CORS_ORIGINS", "http://a.b/", f"CORS_ORIGINS names 'http://a.b/', {NO_ORIGIN}; {OF_ORIGINS}"),
    ("CORS_ORIGINS", "a.b", f"CORS_ORIGINS names 'a.b', {NO_ORIGIN}; {OF_ORIGINS}"),
    ("CORS_ORIGINS", "http://a.b:65536", f"CORS_ORIGINS names 'http://a.b:65536', whose port is none; {OF_ORIGINS}"),
    (
        "CORS_ORIGINS",
        "https://a.b:443",
        f"CORS_ORIGINS names 'https://a.b:443', but browsers leave out :443; {OF_ORIGINS}",
    ),
    ("ENGINE", "onnx", "ENGINE='onnx' must be auto or sklearn; unset, it is auto"),
    ("AIP_PREDICT_ROUTE", "predict", "AIP_PREDICT_ROUTE='predict' must be a path, as in /predict"),
    ("AIP_PREDICT_ROUTE", "/a?b", "AIP_PREDICT_ROUTE='/a?b' must be a path, as in /predict"),
    ("METRICS", "yes", "METRICS='yes' must be 0 or 1; unset, it is 0"),
    *(
        ("MAX_ROWS", text, f"MAX_ROWS={text!r} must be a whole number, 1 or more; unset, it is 7")
        for text in ("0", "-1", "1.0", "1e3", "²", "٣", "9" * 19, "many")
    ),
    ("THREADS", "-1", "THREADS='-1' must be a whole number, 0 or more; unset, it is 4"),
    (
        "TRUSTED_MODULES",
        "mine,1b",
        "TRUSTED_MODULES names '1b', which is no module; "
        "it must be names separated by commas, as in TRUSTED_MODULES=lightgbm,mine.parts; unset, it is none",
    ),
]


@pytest.mark.parametrize(("name", "text", "meaning"), MEANINGS)
def test_a_variable_means_what_it_says(name: str, text: str, meaning: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "not what is asked")
    assert READERS[name]({name: text}) == meaning


@pytest.mark.parametrize("name", READERS)
def test_a_variable_that_is_empty_is_as_if_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "not what is asked")
    assert READERS[name]({}) == UNSET[name]
    assert READERS[name]({name: ""}) == UNSET[name]
    if name != "MODEL_DIR":
        assert READERS[name]({name: " "}) == UNSET[name]


@pytest.mark.parametrize(("name", "text", "says"), FAULTS)
def test_a_variable_that_means_nothing_is_told_in_one_line(name: str, text: str, says: str) -> None:
    with pytest.raises(SystemExit) as refused:
        READERS[name]({name: text})
    assert refused.value.code == f"tandem: {says}"
