# make serve, make test, make lint; every other target has its line in the README
PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 1
HOST ?= 127.0.0.1
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: fuzz soak overload rollout serve test lint format openapi readme bench-http bench-core parity accuracy clients deploy-check sbom lock lock-clients lock-deploy

serve: $(VENV)/serve.stamp
	@HOST=$(HOST) PORT=$(PORT) WORKERS=$(WORKERS) exec $(RUN) -m service

test: $(VENV)/develop.stamp
	$(RUN) -m pytest -n auto tests

lint: $(VENV)/develop.stamp
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(VENV)/develop.stamp
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

openapi: $(VENV)/serve.stamp
	$(RUN) -m service openapi > openapi/openapi.json

readme: $(VENV)/develop.stamp
	$(RUN) -m tests.readme

bench-http: $(VENV)/develop.stamp
	$(RUN) -m tests.benchmarks.http

bench-core: .venv-parity/parity.stamp
	.venv-parity/bin/python -m tests.benchmarks.core

# generates Python and TypeScript clients and calls every loss through each; their environment is build/clients
clients: $(VENV)/serve.stamp
	PYTHON=$(PYTHON) bash openapi/clients/generate.sh
	build/clients/venv/bin/python -m pytest openapi/clients

lock-clients:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet openapi/clients/requirements.in -o openapi/clients/requirements.txt

# torch's errors stand next to ours
accuracy: .venv-parity/parity.stamp
	.venv-parity/bin/python -m tests.losses.accuracy tests/losses/ACCURACY.md
	.venv-parity/bin/python -m tests.parity.contrasts
	.venv-parity/bin/python -m tests.readme

# torch and the other libraries have an environment of their own: nobody who only runs the service should wait for it
parity: .venv-parity/parity.stamp
	.venv-parity/bin/python -m pytest tests/parity

# the served document in schemathesis, then our own fuzzer and atheris, each for MINUTES
MINUTES ?= 10
fuzz: $(VENV)/develop.stamp .venv-fuzz/fuzz.stamp
	$(RUN) -m tests.fuzz.document .venv-fuzz/bin/schemathesis
	$(RUN) -m tests.fuzz $(MINUTES)
	.venv-fuzz/bin/python -m tests.fuzz.guided $(MINUTES)

soak: $(VENV)/develop.stamp
	$(RUN) -m tests.soak $(MINUTES)

# ten times more than it can do, and a restart under 10,000 requests
overload: $(VENV)/develop.stamp
	$(RUN) -m tests.overload

rollout: $(VENV)/develop.stamp
	ROLLOUT_REQUESTS=10000 $(RUN) -m pytest tests/edge/test_rollout.py

.venv-fuzz/fuzz.stamp: requirements-develop.txt
	@test -x .venv-fuzz/bin/python || $(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-develop.txt
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check schemathesis==4.32.5 'atheris>=3.0,<4'
	@touch $@

# the manifests, rules and Dockerfile, in the hands of the programs that read them; promtool is Debian's (prometheus)
deploy-check: .venv-deploy/deploy.stamp
	bash deploy/check.sh

.venv-deploy/deploy.stamp: deploy/requirements.txt
	@test -x .venv-deploy/bin/python || $(PYTHON) -m venv .venv-deploy
	.venv-deploy/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/requirements.txt
	@touch $@

# what the service is made of, as CycloneDX JSON, from the lock
sbom:
	@test -x build/sbom/bin/python || $(PYTHON) -m venv build/sbom
	build/sbom/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	build/sbom/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml -o build/sbom.json

lock-deploy:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet deploy/requirements.in -o deploy/requirements.txt

lock:
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet pyproject.toml -o requirements.txt
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -c requirements.txt --extra otel pyproject.toml -o requirements-otel.txt
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -c requirements-otel.txt --extra otel --group test --group lint pyproject.toml -o requirements-develop.txt
	uv pip compile --no-deps --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -c requirements-develop.txt tests/parity/requirements.in -o tests/parity/requirements.txt

$(VENV)/serve.stamp: requirements.txt
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..." && $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/develop.stamp: requirements-develop.txt requirements.txt
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..." && $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-develop.txt
	@touch $@ $(VENV)/serve.stamp

.venv-parity/parity.stamp: requirements-develop.txt tests/parity/requirements.txt
	@test -x .venv-parity/bin/python || $(PYTHON) -m venv .venv-parity
	.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-develop.txt
	.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/parity/requirements.txt
	@touch $@
