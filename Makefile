# Every target sets itself up: it needs Python 3.11 or later, make, a C compiler and a package index. pip installs what is
# locked, any pip from 22 on; a test holds the locks to that.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PORT ?= 8080

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(VENV)/.installed ## Make .venv with the locked serving packages
dev: $(VENV)/.developing ## Add the development packages, those for training included

serve: install ## Serve the model by gunicorn on $PORT
	@exec $(BIN)/gunicorn

function: install ## Serve the same handler as a Cloud Function on $PORT
	@exec $(BIN)/functions-framework --target predict --port $(PORT)

train: dev ## Train; ARGS='data.csv --target price' are handed to train.py
	@$(BIN)/python train.py $(ARGS)

openapi: install ## Print the function's OpenAPI description; URL=https://… says where it runs
	@$(BIN)/flask --app webapp model openapi $(URL)

compile: dev ## Train and convert to model.onnx for ONNX Runtime; ARGS as for train
	@$(BIN)/python train.py --compile $(ARGS)

bulk: .bench/bulk ## Predict files of any size by Apache Beam; ARGS='IN… --out OUT'; RUNNER=dataflow runs it there
	@exec .bench/bulk/bin/python -m bulk $(ARGS)

# Each process that runs tests takes the next one when it has none; more than four would start too many servers.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

test: dev ## Run the tests that tell whether it works, in minutes; ARGS='-k health' are handed to pytest
	$(PYTEST) -m 'not slow' $(ARGS)

test-all: dev .bench/boosters .bench/triton .bench/bulk ## Run every test, and measure what they cover
	$(PYTEST) --cov --cov-report=term-missing:skip-covered $(ARGS)

fuzz: dev ## Try ten thousand arbitrary requests of each kind on both hosts
	TANDEM_EXAMPLES=10000 $(BIN)/python -m pytest -q tests/contract/test_fuzz.py tests/dialects/test_fuzz.py

chaos: dev ## Stop, reload and kill a server under load, many times, and count what is lost
	@$(BIN)/python -m tests.process.chaos

soak: dev ## Send 50,000 good and bad requests and see that the server does not grow
	@$(BIN)/python -m tests.process.soak

PURELIB = .bench/mutants/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
mutants: dev .bench/mutants ## Change the code a little, a thousand ways, and list what no test notices; ARGS='predictor.model*'
	@PYTHONPATH="$$($(PURELIB))" $(BIN)/python -m mutmut run $(ARGS)
	@PYTHONPATH="$$($(PURELIB))" $(BIN)/python -m mutmut results

bench: wrk dev .bench/ours .bench/peers .bench/peers-pandas ## Measure beside FastAPI; ARGS=--quick for a first look
	@$(BIN)/python -m benchmarks $(ARGS)

wrk:
	@command -v wrk > /dev/null || { echo "make bench: wrk sends the requests; on Debian: apt-get install wrk" >&2; exit 1; }

# Packages as deployments have them, without the development ones; and a client of another project's.
.bench/ours: requirements.txt | $(VENV)/bin/python
.bench/peers: benchmarks/peers/requirements.txt | $(VENV)/bin/python
.bench/peers-pandas: benchmarks/peers/requirements-pandas.txt | $(VENV)/bin/python
.bench/boosters: tests/boosters/requirements.txt | $(VENV)/bin/python
.bench/bulk: bulk/requirements.txt | $(VENV)/bin/python
.bench/triton: tests/dialects/requirements-triton.txt | $(VENV)/bin/python
# The tool alone, of one version; what the tests need it finds in .venv.
.bench/mutants: | $(VENV)/bin/python
	@$(BIN)/python -m venv --clear $@
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$($(PURELIB))/project.pth"
	$@/bin/python -m pip install -q --disable-pip-version-check mutmut==3.8.1
.bench/%:
	@$(BIN)/python -m venv --clear $@
	$@/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

lint: dev ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# With the extras that packages ask each other for: pip before 23.3 refuses a lock without them.
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes

# All that is deployed, but for packages of which Beam takes older ones only; a model takes any numpy of its major version.
EXACT := sed -nE '/^(numpy|protobuf|python-dateutil)==/d; s/^([a-z0-9].*[^ ]) *\\$$/\1/p'

lock: dev ## Compile all requirements*.in to exact, hashed requirements*.txt
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) benchmarks/peers/requirements.in -o benchmarks/peers/requirements.txt
	$(COMPILE) benchmarks/peers/requirements-pandas.in -o benchmarks/peers/requirements-pandas.txt
	$(COMPILE) tests/boosters/requirements.in -o tests/boosters/requirements.txt
	$(COMPILE) tests/dialects/requirements-triton.in -o tests/dialects/requirements-triton.txt
	$(EXACT) requirements.txt | $(COMPILE) bulk/requirements.in -c - -o bulk/requirements.txt

add: dev ## Add a package that your model needs to requirements.in and the locks; PACKAGE=lightgbm
	@$(BIN)/python train.py add "$(PACKAGE)"

image: ## Build the container image with docker, podman or buildah
	@builder=$$(command -v docker || command -v podman || command -v buildah) \
	|| { echo "make image: install docker, podman or buildah" >&2; exit 1; }; \
	case $$builder in *buildah) $$builder bud -t tandem . ;; *) $$builder build -t tandem . ;; esac

deploy-run: ## Build and deploy to Cloud Run; PROJECT and REGION are needed, DRY_RUN=1 only prints
	@deploy/run.sh

deploy-function: ## Deploy the Cloud Function; the same settings
	@deploy/function.sh

deploy-vertex: ## Deploy to an endpoint of Vertex AI; the same settings, and MACHINE
	@deploy/vertex.sh

manifest: ## Print the manifest FOR kubernetes or knative with IMAGE and the digest of this model
	@deploy/manifest.sh

deploy-bulk: ## Predict files in Cloud Storage by Dataflow; the same settings, BUCKET, and ARGS as for bulk
	@deploy/bulk.sh

smoke: dev ## Run the contract suite on the deployed example at URL, as gcloud's user; PUBLIC=1 as nobody
	$(BIN)/python -m pytest tests/contract --base-url "$(URL)" \
	  $(if $(filter 1,$(PUBLIC)),,--identity-token "$$(gcloud auth print-identity-token)")

bulk-bench: dev .bench/bulk ## Measure bulk prediction of ten million rows; ARGS='--rows 1000000 --workers 2'
	@$(BIN)/python -m benchmarks.bulk $(ARGS)

lifecycle: dev ## Measure cold starts and warm requests; ARGS='--quick' or '--url URL' are handed on
	$(BIN)/python -m benchmarks.lifecycle $(ARGS)

reproduce: dev ## Train again from what the manifest records and compare; ARGS='data.csv --model DIR' for your own
	@$(BIN)/python train.py reproduce $(ARGS)

clean: ## Remove .venv and what the tools left
	rm -rf $(VENV) .bench mutants .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tandem needs Python 3.11 or later; name one, as in: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.developing: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.DEFAULT_GOAL := help
.PHONY: help install dev serve function train compile openapi bulk test test-all fuzz chaos soak mutants bench wrk lint format lock add image \
  deploy-run deploy-function deploy-vertex deploy-bulk manifest smoke lifecycle reproduce clean
