"""Who is measured: one entry a server."""

from dataclasses import dataclass, field
from pathlib import Path

from servers.running import ROOT

# Environments without the development packages, as a deployment has them; `make bench` makes them.
OURS, PEERS, PANDAS = (ROOT / ".bench" / name / "bin" for name in ("ours", "peers", "peers-pandas"))

PEER_APPS = ROOT / "benchmarks/peers"

# What others are compared with: a server for tables of numbers, one for mixed tables.
FASTAPI, FASTAPI_PANDAS = "fastapi", "fastapi_pandas"
# And two that are no product: a server without any check, and a prediction without any server.
BARE, CALL = "bare", "call"

NUMBERS = ("row", "batch", "forest")
MIXED = ("mixed", "mixed-batch", "mixed-forest", "mixed-start")


@dataclass(frozen=True)
class Contender:
    """A server: its key in results.json, its title for people, what the shell runs, and in which scenarios."""

    key: str
    title: str
    command: str
    scenarios: tuple[str, ...]
    folder: Path = ROOT
    environ: dict[str, str] = field(default_factory=dict)


UVICORN = '--host 127.0.0.1 --port "$PORT" --workers "$WORKERS" --no-access-log'
GUNICORN = f'"{OURS}/gunicorn"'
FUNCTION = f'"{OURS}/functions-framework" --target predict'
# The quickest of its settings: one thread that calls Python, one request at a time.
GRANIAN = f'"{PEERS}/granian" --interface wsgi --host 127.0.0.1 --port "$PORT" --blocking-threads 1 --no-ws'

CONTENDERS = [
    Contender(
        FASTAPI, "FastAPI", f'"{PEERS}/uvicorn" {UVICORN} fastapi_app:app', (*NUMBERS, "start", "workers"), PEER_APPS
    ),
    Contender(
        "fastapi_async", "FastAPI, async def", f'"{PEERS}/uvicorn" {UVICORN} fastapi_app:app_async', ("row",), PEER_APPS
    ),
    Contender(FASTAPI_PANDAS, "FastAPI + pandas", f'"{PANDAS}/uvicorn" {UVICORN} pandas_app:app', MIXED, PEER_APPS),
    Contender(
        "sklearn", "scikit-learn", GUNICORN, (*NUMBERS, "start", "workers", *MIXED), environ={"ENGINE": "sklearn"}
    ),
    Contender("compiled", "compiled", GUNICORN, (*NUMBERS, "start", "workers", *MIXED)),
    Contender(
        "function", "function, compiled", FUNCTION, (*NUMBERS, "start"), environ={"THREADS": "2"}
    ),
    Contender(
        "function_sklearn", "function, scikit-learn", FUNCTION, (*NUMBERS, "start"),
        environ={"ENGINE": "sklearn", "THREADS": "4"},
    ),
    Contender(BARE, "bare callable", f"{GRANIAN} bare_app:app", NUMBERS, PEER_APPS),
    Contender(CALL, "the call alone", f'"{OURS}/python" benchmarks/call.py', NUMBERS),
]  # fmt: skip
