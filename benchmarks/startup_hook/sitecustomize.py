"""Where the time of a server's start goes; Python imports a module of this name, found in PYTHONPATH, as it starts.

Audit events (PEP 578) tell that a module is about to be imported, a file opened, a class unpickled, a port bound. The
time between two of them belongs to the phase that the earlier one began. The sums go to $LIFECYCLE_FILE when the port
is bound, which both hosts do after the model is loaded.
"""

import json
import os
import sys
import time

FRAMEWORK = "web framework and own code"
LIBRARIES = "scikit-learn, SciPy, NumPy"
MODEL = "model load and check"

# Modules of the standard library belong to whoever imports them.
OWN = ["handlers", "main", "predictor", "webapp"]
SERVERS = ["click", "cloudevents", "flask", "functions_framework", "gunicorn", "marshmallow", "orjson", "werkzeug"]
SCIENCE = ["joblib", "numpy", "scipy", "sklearn", "threadpoolctl"]
PHASES = dict.fromkeys(OWN + SERVERS, FRAMEWORK) | dict.fromkeys(SCIENCE, LIBRARIES)

begun = time.monotonic()
seconds = {"interpreter": begun - float(os.environ["LIFECYCLE_BEGUN"]), FRAMEWORK: 0.0, LIBRARIES: 0.0, MODEL: 0.0}
current: str | None = FRAMEWORK


def enter(phase: str | None) -> None:
    """End the current phase and begin another one, or none any more."""
    global begun, current
    now = time.monotonic()
    if current is not None:
        seconds[current] += now - begun
    begun, current = now, phase


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Begin the phase that an audit event belongs to."""
    if current is None:
        return
    if event == "import":
        enter(PHASES.get(str(arguments[0]).partition(".")[0], current))
    elif (event == "open" and str(arguments[0]).endswith("/model.json")) or event == "pickle.find_class":
        enter(MODEL)
    elif event == "socket.bind":
        enter(None)
        with open(os.environ["LIFECYCLE_FILE"], "w") as file:
            json.dump(seconds, file)


sys.addaudithook(watch)
