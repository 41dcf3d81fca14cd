"""What gunicorn's master does at SIGHUP, without gunicorn: a model is taken, or refused in one line."""

import gc
import json
import logging
import os
import pickle
import signal
import time
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handlers import logs, service
from handlers.service import load_service, process_service
from tests.files import copy_model
from tests.hosts import InProcess
from tests.predictor.test_loading import Gadget, dumped, replace_pickle
from webapp import create_app, renewal

GOOD = b'{"features":[1,2,3]}'


class App:
    """gunicorn's application object, as far as it counts here."""

    def __init__(self, make: Callable[[], Any] = create_app) -> None:
        self.make = make
        self.callable = make()

    def wsgi(self) -> Any:
        self.callable = self.callable or self.make()
        return self.callable


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return MODEL_DIR, with version 2.0; the process serves version 1.0."""
    monkeypatch.setattr(service, "of_process", [load_service({})])
    monkeypatch.setattr(logs, "process", {"model_version": "1.0"})
    copy_model(tmp_path)
    manifest = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(manifest | {"version": "2.0"}))
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    return tmp_path


def renew(app: App) -> None:
    renewal.renew(types.SimpleNamespace(app=app))


def version_of(app: App) -> Any:
    got = InProcess("web", app.callable).send(GOOD)
    assert got.json()["model_version"] == got.headers["model-version"]
    return got.json()["model_version"]


def test_a_proven_model_takes_over_and_the_old_one_is_given_back(folder: Path, caplog: Any) -> None:
    app = App()
    assert version_of(app) == "1.0"
    old = weakref.ref(process_service())
    gc.freeze()  # as gunicorn.conf.py does before it forks
    with caplog.at_level(logging.INFO, "tandem"):
        renew(app)
    assert version_of(app) == "2.0"
    assert logs.process["model_version"] == "2.0"
    assert process_service() is app.callable.extensions["tandem"]
    assert old() is None
    assert [record.message for record in caplog.records if record.name == "tandem"] == [
        "new workers serve example 2.0 (sklearn.linear_model.LinearRegression)"
    ]


def cut(folder: Path) -> None:
    (folder / "model.pkl").write_bytes((folder / "model.pkl").read_bytes()[:-1])


def attack(folder: Path) -> None:
    replace_pickle(folder, dumped(Gadget(os.system, f"touch {folder}/ran")))


def bloat(folder: Path) -> None:
    replace_pickle(folder, pickle.PROTO + b"\x04" + b"\x8e" + (2**62).to_bytes(8, "little"))


@pytest.mark.parametrize(
    ("spoil", "environ", "says"),
    [
        (cut, {}, "is not the file that model.json describes"),
        (attack, {}, "system"),
        (bloat, {}, "pickle"),
        (lambda folder: (folder / "model.json").unlink(), {}, "cannot read"),
        (lambda folder: (folder / "model.json").write_text("[" * 100_000), {}, "is not"),
        (lambda _: None, {"MODEL_SHA256": "0" * 64}, "MODEL_SHA256 asks for the model 000"),
        (lambda _: None, {"MODEL_DIR": "/nowhere\nelse"}, "cannot read /nowhere else/model.json"),
        (lambda _: None, {"CORS_ORIGINS": "nonsense"}, "CORS_ORIGINS names 'nonsense'"),
    ],
    ids=["cut", "attack", "bloat", "missing", "deep", "pin", "folder", "setting"],
)
def test_a_refused_model_is_one_line(
    folder: Path, *, spoil: Callable[[Path], Any], environ: dict[str, str], says: str, monkeypatch: Any, caplog: Any
) -> None:
    app = App()
    spoil(folder)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    renew(app)
    assert_refused(app, caplog, says)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "its process ended by signal 9"),
        (lambda: time.sleep(60), "not within 1 s"),
        (lambda: [0] * 2**60, "MemoryError"),
    ],
    ids=["crash", "hang", "memory"],
)
def test_what_a_model_does_while_it_loads_happens_to_a_child(
    folder: Path, happens: Callable[[], Any], says: str, monkeypatch: Any, caplog: Any
) -> None:
    app, master = App(), os.getpid()

    def new_service() -> Any:
        assert os.getpid() != master
        happens()

    monkeypatch.setattr(renewal, "new_service", new_service)
    if "1 s" in says:
        monkeypatch.setattr(renewal, "SECONDS", 1)
        monkeypatch.setattr(renewal, "LOADING_SECONDS", 0)
    renew(app)
    assert_refused(app, caplog, says)


def test_a_pinned_model_is_taken_when_it_is_the_one(folder: Path, monkeypatch: Any) -> None:
    app = App()
    monkeypatch.setenv("MODEL_SHA256", load_service().predictor.sha256)
    renew(app)
    assert version_of(app) == "2.0"


def test_an_app_of_other_code_goes_on_with_the_old_model(folder: Path, caplog: Any) -> None:
    made = create_app()
    app = App(lambda: made)
    renew(app)
    assert_refused(app, caplog, "start the server anew")


def assert_refused(app: App, caplog: Any, says: str) -> None:
    assert version_of(app) == "1.0"
    assert process_service().predictor.manifest.version == "1.0"
    assert logs.process["model_version"] == "1.0"
    [record] = [record for record in caplog.records if record.name == "tandem"]
    assert record.levelname == "ERROR"
    assert record.message.startswith("the new model is refused, so example 1.0 goes on serving: ")
    assert says in record.message
    assert record.message.isprintable()
