"""The limit: a bare WSGI callable with orjson and ONNX Runtime, and no check of anything, for Granian."""

import os
from pathlib import Path

import numpy as np
import onnxruntime
import orjson

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(Path(os.environ["MODEL_DIR"]) / "model.onnx", options)
[matrix] = [one.name for one in session.get_inputs()]
version = orjson.loads((Path(os.environ["MODEL_DIR"]) / "model.json").read_bytes())["version"]


def app(environ, start_response):
    """Answer a request that is known to be good."""
    request = orjson.loads(environ["wsgi.input"].read())
    rows = request.get("instances") or [request["features"]]
    predictions = session.run(None, {matrix: np.array(rows, dtype=np.float64)})[0].ravel().tolist()
    found = {"predictions": predictions} if "instances" in request else {"prediction": predictions[0]}
    body = orjson.dumps(found | {"model_version": version})
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
