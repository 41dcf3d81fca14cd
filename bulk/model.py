"""The model of a run: verified where the run starts, and again, by its digest, in each process that predicts."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bulk.faults import BulkError
from predictor import ArtifactError, Predictor, load
from predictor.environment import engine, model_dir, switch, trusted_modules, word

_lock = threading.Lock()
_loaded: dict["Model", Predictor] = {}


@dataclass(frozen=True)
class Model:
    """Where the model is and how to load it, by the same settings as a server's; "" is this very checkout or image."""

    directory: str = ""
    engine: str = "auto"
    sha256: str = ""
    any_version: bool = False
    trusted_modules: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Model":
        """Return the model that the environment variables name."""
        return cls(
            directory=environ.get("MODEL_DIR", ""),
            engine=engine(environ),
            sha256=word("MODEL_SHA256", environ),
            any_version=switch("ALLOW_VERSION_MISMATCH", environ),
            trusted_modules=trusted_modules(environ),
        )

    def load(self) -> Predictor:
        """Return the predictor, which a process loads once; BulkError for a model that is refused."""
        with _lock:
            if self not in _loaded:
                folder = Path(self.directory).absolute() if self.directory else model_dir({})
                try:
                    _loaded[self] = load(
                        folder,
                        self.engine,
                        sha256=self.sha256,
                        any_version=self.any_version,
                        trusted_modules=self.trusted_modules,
                    )
                except ArtifactError as error:
                    raise BulkError(str(error)) from None
            return _loaded[self]

    def pinned(self) -> "Model":
        """Return the same model for workers, which take none of another digest; BulkError when it is refused."""
        predictor = self.load()
        model = replace(self, sha256=predictor.sha256)
        with _lock:
            _loaded[model] = predictor
        return model
