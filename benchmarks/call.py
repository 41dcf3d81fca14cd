"""How much CPU time scikit-learn's own `predict` takes: python benchmarks/call.py MODEL.pkl REQUEST.json SECONDS."""

import json
import sys
import time
from pathlib import Path

import joblib
import numpy as np

file, request, seconds = sys.argv[1:]
estimator = joblib.load(file)
body = json.loads(Path(request).read_bytes())
matrix = np.array(body.get("instances") or [body["features"]], dtype=np.float64)
estimator.predict(matrix)
calls, begun = 0, time.process_time()
while time.process_time() - begun < float(seconds):
    estimator.predict(matrix)
    calls += 1
sys.stdout.write(json.dumps({"cpu_us": (time.process_time() - begun) / calls * 1e6}))
