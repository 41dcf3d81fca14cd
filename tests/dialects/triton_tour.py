"""What a user of tritonclient does, in its environment: `python triton_tour.py HOST:PORT MODEL [OUTPUT …]`.

Prints a line of JSON a step: its name, and what came of it or the client's own words of why nothing did.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.http as triton

ROWS = np.array([[1, 2, 3], [2, 3, 4]], dtype=np.float64)
NUMPY = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64}


def main(where: str, model: str, *outputs: str) -> None:
    with triton.InferenceServerClient(where) as client:
        for name, step in steps(client, model, outputs or ("predict",)).items():
            try:
                result = step()
            except triton.InferenceServerException as error:
                result = f"{type(error).__name__}: {error}"
            print(json.dumps([name, result], default=bytes.decode))  # noqa: T201  # this is what it is for


def steps(client: Any, model: str, outputs: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    def infer(datatype: str, sent: bool, wanted: bool, rows: Any = ROWS, **more: Any) -> Any:
        asked = [triton.InferRequestedOutput(name, binary_data=wanted) for name in outputs]
        result = client.infer(model, [tensor("any name", rows, datatype, sent)], outputs=asked, **more)
        answer = result.get_response()
        return [result.as_numpy(name).tolist() for name in outputs], answer["model_version"], answer.get("id")

    def by_column() -> Any:
        columns = [tensor(f"x{i + 1}", ROWS[:, i : i + 1].copy(), "FP64", True) for i in (2, 0, 1)]
        return client.infer(model, columns).as_numpy("predict").tolist()

    def compressed() -> Any:
        return infer("FP64", True, True, request_compression_algorithm="gzip")

    return {
        "live": client.is_server_live,
        "ready": client.is_server_ready,
        "model ready": lambda: client.is_model_ready(model),
        "model ready, version": lambda: client.is_model_ready(model, "1.0"),
        "unknown model ready": lambda: client.is_model_ready("nosuch"),
        "server": client.get_server_metadata,
        "model": lambda: client.get_model_metadata(model),
        "unknown model": lambda: client.get_model_metadata("nosuch"),
        "json, json": lambda: infer("FP64", False, False),
        "json, bytes": lambda: infer("FP64", False, True),
        "bytes, json": lambda: infer("FP64", True, False),
        "bytes, bytes": lambda: infer("FP64", True, True),
        "FP32": lambda: infer("FP32", True, True),
        "INT64": lambda: infer("INT64", False, False),
        "id and version": lambda: infer("FP64", True, True, request_id="42", model_version="1.0"),
        "a tensor a column": by_column,
        "gzip": compressed,
        "wrong width": lambda: infer("FP64", True, True, ROWS[:, :2].copy()),
        "a gap": lambda: infer("FP64", True, True, np.array([[1, np.nan, 3]])),
        "unknown version": lambda: infer("FP64", True, True, model_version="2"),
    }


def tensor(name: str, values: Any, datatype: str, binary: bool) -> Any:
    found = triton.InferInput(name, list(values.shape), datatype)
    found.set_data_from_numpy(values.astype(NUMPY[datatype]), binary_data=binary)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
