# `make help` lists the targets.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 1
MINUTES ?= 10
VENV := .venv
RUN := $(VENV)/bin/python
PARITY := .venv-parity/bin/python
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
MEASURED := tests/api tests/codec tests/files tests/ops/test_cli.py tests/test_errors.py $(patsubst %,tests/losses/test_%.py,conformance domains identities masking)
LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help serve test coverage lint format openapi stubs docs clients parity accuracy bench-http bench-core bench-clients bench-files engines inference bench-inference peers fuzz soak sweep overload rollout deploy-check sbom lock

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

serve: $(VENV)/serve.stamp ## install and serve; HOST, PORT and WORKERS may be set
	@HOST=$(HOST) PORT=$(PORT) WORKERS=$(WORKERS) exec $(RUN) -m service

test: coverage ## run all tests; those that remain wait for servers half of their time, so there are two processes for each core
	$(RUN) -m pytest -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) --dist worksteal $(MEASURED:%=--ignore=%) tests client/tests

coverage: $(VENV)/develop.stamp ## run the tests that call the service in process, with branch coverage and its floor
	$(RUN) -m pytest -n auto --cov --cov-report=term $(MEASURED)

lint: $(VENV)/develop.stamp ## check format, style, types and spelling
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/typos

format: $(VENV)/develop.stamp ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

openapi: $(VENV)/serve.stamp ## write openapi/openapi.json
	$(RUN) -m service openapi > openapi/openapi.json

stubs: $(VENV)/develop.stamp ## write the signatures of all losses in the Python client
	$(RUN) -m client.stubs

docs: $(VENV)/develop.stamp ## write the generated parts of README.md, CONTRIBUTING.md and docs/
	$(RUN) -m tests.readme

clients: $(VENV)/serve.stamp ## generate clients and call every loss through each of them
	PYTHON=$(PYTHON) bash openapi/clients/generate.sh
	build/clients/venv/bin/python -m pytest openapi/clients

bench-clients: $(VENV)/serve.stamp ## time generated clients by lists and by base64; after make clients
	build/clients/venv/bin/python openapi/clients/speed.py

parity: .venv-parity/parity.stamp ## compare with torch, optax, rax, MONAI, kornia and others
	$(PARITY) -m pytest tests/parity

accuracy: .venv-parity/parity.stamp ## measure the errors of all losses and write tests/losses/ACCURACY.md
	$(PARITY) -m tests.losses.accuracy tests/losses/ACCURACY.md
	$(PARITY) -m tests.parity.contrasts
	$(PARITY) -m tests.readme

bench-http: $(VENV)/develop.stamp ## measure the service against plain FastAPI, an echo and, after make peers, LitServe and BentoML; rewrites http.md
	$(RUN) -m tests.benchmarks.http

peers: .venv-litserve/peers.stamp .venv-bentoml/peers.stamp ## install LitServe and BentoML for make bench-http

bench-core: .venv-parity/parity.stamp ## measure the losses against torch and the other libraries; rewrites core.md
	$(PARITY) -m tests.benchmarks.core

bench-files: $(VENV)/develop.stamp ## measure `loss-service evaluate` over a file of 20 million rows; BENCH_DIR has room for 3 GB
	$(RUN) -m tests.benchmarks.files

engines: .venv-engines/engines.stamp ## run the programs of docs/engines.md; Spark needs Java 17 or later
	.venv-engines/bin/python -m pytest tests/engines

inference: $(VENV)/serve.stamp .venv-inference/inference.stamp ## call every loss by Triton's client of the Open Inference Protocol
	.venv-inference/bin/python -m pytest --noconftest tests/inference

bench-inference: $(VENV)/serve.stamp .venv-inference/inference.stamp ## time Triton's client against safetensors by httpx
	.venv-inference/bin/python -m tests.inference.speed

fuzz: $(VENV)/develop.stamp .venv-fuzz/fuzz.stamp ## run schemathesis, then the fuzzers, each for MINUTES
	$(RUN) -m tests.fuzz.document .venv-fuzz/bin/schemathesis
	$(RUN) -m tests.fuzz $(MINUTES)
	.venv-fuzz/bin/python -m tests.fuzz.guided $(MINUTES)

soak: $(VENV)/develop.stamp ## load the service for MINUTES and watch memory, descriptors and latency
	$(RUN) -m tests.soak $(MINUTES)

sweep: $(VENV)/develop.stamp ## send bodies scaled along every axis of every loss; rewrites tests/losses/WORK.md
	$(RUN) -m tests.losses.sweep

overload: $(VENV)/develop.stamp ## send ten times more than the service can do
	$(RUN) -m tests.overload

rollout: $(VENV)/develop.stamp ## restart the service under 10,000 requests
	ROLLOUT_REQUESTS=10000 $(RUN) -m pytest -s tests/edge/test_rollout.py

deploy-check: .venv-deploy/deploy.stamp ## check rules, manifests and the Dockerfile; promtool comes with Debian's prometheus
	bash deploy/check.sh

sbom: ## write the bill of materials to build/sbom.json
	@test -x build/sbom/bin/python || $(PYTHON) -m venv build/sbom
	build/sbom/bin/python $(PIP_INSTALL) cyclonedx-bom==7.5.0
	build/sbom/bin/cyclonedx-py requirements requirements/serve.txt --pyproject pyproject.toml -o build/sbom.json

lock: ## lock the dependencies; needs uv
	$(LOCK) pyproject.toml -o requirements/serve.txt
	$(LOCK) -c requirements/serve.txt --extra otel pyproject.toml -o requirements/otel.txt
	$(LOCK) -c requirements/otel.txt --extra otel --group test --group lint pyproject.toml -o requirements/develop.txt
	$(LOCK) --no-deps --python-version 3.11 -c requirements/develop.txt requirements/parity.in -o requirements/parity.txt
	$(LOCK) -c requirements/develop.txt requirements/engines.in -o requirements/engines.txt
	$(LOCK) requirements/inference.in -o requirements/inference.txt
	$(LOCK) --python-version 3.11 -c requirements/develop.txt requirements/litserve.in -o requirements/litserve.txt
	$(LOCK) --python-version 3.11 requirements/bentoml.in -o requirements/bentoml.txt
	$(LOCK) --python-version 3.11 requirements/deploy.in -o requirements/deploy.txt
	$(LOCK) --python-version 3.11 openapi/clients/requirements.in -o openapi/clients/requirements.txt

$(VENV)/serve.stamp: requirements/serve.txt
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..." && $(RUN) $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

$(VENV)/develop.stamp: requirements/develop.txt requirements/serve.txt
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..." && $(RUN) $(PIP_INSTALL) --require-hashes -r $<
	@touch $@ $(VENV)/serve.stamp

# torch and the other libraries have an environment of their own, for which the tests of the service need not wait
.venv-parity/parity.stamp: requirements/develop.txt requirements/parity.txt
	@test -x $(PARITY) || $(PYTHON) -m venv .venv-parity
	$(PARITY) $(PIP_INSTALL) --require-hashes -r requirements/develop.txt
	$(PARITY) $(PIP_INSTALL) torch==2.13.0
	$(PARITY) $(PIP_INSTALL) --no-deps --require-hashes -r requirements/parity.txt
	@touch $@

.venv-engines/engines.stamp: requirements/develop.txt requirements/engines.txt
	@test -x .venv-engines/bin/python || $(PYTHON) -m venv .venv-engines
	.venv-engines/bin/python $(PIP_INSTALL) --require-hashes -r requirements/develop.txt
	.venv-engines/bin/python $(PIP_INSTALL) --require-hashes -r requirements/engines.txt
	@touch $@

.venv-inference/inference.stamp: requirements/inference.txt
	@test -x .venv-inference/bin/python || $(PYTHON) -m venv .venv-inference
	.venv-inference/bin/python $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

.venv-%/peers.stamp: requirements/%.txt
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

.venv-fuzz/fuzz.stamp: requirements/develop.txt
	@test -x .venv-fuzz/bin/python || $(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python $(PIP_INSTALL) --require-hashes -r $<
	.venv-fuzz/bin/python $(PIP_INSTALL) schemathesis==4.32.5 'atheris>=3.0,<4'
	@touch $@

.venv-deploy/deploy.stamp: requirements/deploy.txt
	@test -x .venv-deploy/bin/python || $(PYTHON) -m venv .venv-deploy
	.venv-deploy/bin/python $(PIP_INSTALL) --require-hashes -r $<
	@touch $@
