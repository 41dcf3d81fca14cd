"""Functions from a Flask request to a Flask response; each is a view of the web app and a Cloud Function."""

import os

# Requests run side by side in threads and workers, so more threads for one of them, by OpenMP or OpenBLAS, mostly wait
# for each other. Where few callers send large batches, a deployment sets other numbers. Both libraries read them once,
# so this comes before numpy and scikit-learn are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
