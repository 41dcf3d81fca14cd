"""Functions from a Flask request to a Flask response; each is a view of the web app and a Cloud Function."""

import os

# Both hosts load and try the model in one process and then fork the one that serves. OpenMP's threads do not survive
# a fork: the first prediction of a HistGradientBoosting* would wait for them for ever. One thread needs no others, and
# requests run side by side in threads and workers anyway. It must be set before numpy and scikit-learn are imported.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
