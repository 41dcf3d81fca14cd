FROM python:3.13-slim AS packages

# The dependencies change seldom, so they stand before the code. pip compiles them to byte code, which saves each
# cold start a second and a half.
COPY requirements.txt .
# gunicorn_h1c comes as source; python3-dev has the headers for a base whose Python is Debian's.
RUN apt-get update -q && apt-get install -qy --no-install-recommends gcc libc6-dev python3-dev
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --compile --require-hashes -r requirements.txt \
 && /venv/bin/pip uninstall --yes pip
# SageMaker starts every image by this word, in the place of its CMD.
RUN ln -s gunicorn /venv/bin/serve

FROM python:3.13-slim

ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PORT=8080
# LightGBM's wheel asks for it; those of scikit-learn and XGBoost bring their own.
RUN apt-get update -q && apt-get install -qy --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=packages /venv /venv
# model.onnx, too, where `make compile` wrote one.
COPY gunicorn.conf.py model.* ./
COPY predictor predictor
COPY handlers handlers
COPY webapp webapp
COPY worker worker
COPY custom custom
RUN python -m compileall -q predictor handlers webapp worker custom

# By number: Cloud Run runs a name that it does not know as root. The code stays root's, so the process cannot change it.
USER 10001:10001
EXPOSE 8080
CMD ["gunicorn"]
