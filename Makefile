# What a developer types. `make` alone prints the list; each target's line of help stands after its `##`.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# The newest suitable Python that this machine has: it must start, be new enough and able to make a venv.
PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3; do \
	"$$candidate" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$candidate"; break; }; done)

# What the development commands below run against: the local stack's settings, unless the caller has set others.
LOCAL := env ENVIRONMENT="$${ENVIRONMENT:-local}"

SERVICES := auth crm orders

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- set-up
# Two stamps, so that `make run` needs no test tools and an unchanged lock file costs nothing.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python >= 3.11 with venv was found (tried python3.13, python3.12," \
		"python3.11, python3); install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements/runtime.txt | $(BIN)/python
	@echo "installing requirements/runtime.txt"
	@$(PIP_INSTALL) -r requirements/runtime.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/runtime.stamp
	@echo "installing requirements/dev.txt"
	@$(PIP_INSTALL) -r requirements/runtime.txt -r requirements/dev.txt
	@touch $@

.PHONY: setup lock clean
setup: $(VENV)/dev.stamp ## create .venv and install the hash-locked dependencies, test tools included

lock: $(VENV)/dev.stamp ## resolve requirements/*.in anew into the lock files (upgrade=1: newest versions)
	$(LOCK) $(if $(upgrade),--upgrade) requirements/runtime.in -o requirements/runtime.txt
	$(LOCK) $(if $(upgrade),--upgrade) requirements/dev.in -o requirements/dev.txt

clean: ## remove .venv and every cache; .data (databases, keys) stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# ---------------------------------------------------------------- run it

.PHONY: doctor
doctor: $(VENV)/runtime.stamp ## look at the running local stack: settings, databases, keys, issuer, clocks
	@$(BIN)/python -m scripts.doctors

.PHONY: run demo totp token
run: $(VENV)/runtime.stamp ## start auth, crm and orders on localhost with embedded databases (TLS=1: https)
	@exec $(BIN)/python -m services

demo: $(VENV)/runtime.stamp ## play the mobile app's scenarios on own ports and own temporary data (verbose=1: each step)
	@exec $(BIN)/python -m mobile.demo $(if $(filter-out 0,$(verbose)),--verbose)

totp: $(VENV)/runtime.stamp ## print the present code of bob's second factor (local seeds)
	@$(LOCAL) $(BIN)/python -m scripts.dev_code

token: $(VENV)/runtime.stamp ## sign in as alice and print a ready curl line: make token scope=crm:read (bare=1: the token)
	@$(LOCAL) $(BIN)/python -m scripts.curl_line --scope "$(or $(scope),crm:read)" $(if $(bare),--bare)

# ---------------------------------------------------------------- check it

.PHONY: test integration e2e browser bench soak
test: setup ## run the whole test suite, on every core (at most 15 minutes)
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --ignore=tests/compose
	$(BIN)/pytest tests/compose

integration: setup ## tests of one service in this process, over HTTP
	$(BIN)/pytest tests/integration

e2e: setup ## tests of the three real processes
	$(BIN)/pytest tests/e2e

browser: setup ## tests in a real headless Chromium
	$(BIN)/pytest tests/browser

bench: bench-auth bench-bearer ## every benchmark; prints figures, asserts none

.PHONY: bench-auth bench-bearer bench-flames
bench-bearer: setup ## what verifying a token costs an API (R1-R3): in one process, then as a server beside express and fastify
	@$(BIN)/python -m scripts.bench_bearer
	@$(BIN)/python -m tests.benchmarks.bearer

bench-auth: setup ## cost of auth on PostgreSQL beside node-oidc-provider (quick=1: minutes; only=refresh,flow; workers=2)
	@$(BIN)/python -m tests.benchmarks.auth $(if $(quick),--quick) $(if $(only),--only $(only)) \
		$(if $(workers),--workers $(workers))

bench-flames: setup ## flame graphs of auth into docs/flames: make bench-flames label=after pyspy=PATH (py-spy, install it yourself)
	@$(BIN)/python -m scripts.bench_flames $(or $(label),after) $(if $(pyspy),--py-spy $(pyspy))

soak: setup ## the long proofs at full size, some hours: fuzz, a million rows, attacks and store contracts ten times over
	SOAK=1 $(BIN)/pytest -q tests/soak tests/security/test_auth_fuzz.py tests/security/test_api_schema_fuzz.py
	@for round in 1 2 3 4 5 6 7 8 9 10; do $(BIN)/pytest -q -m "security or contracts" || exit 1; done

.PHONY: compliance requirements
compliance: requirements ## run the tests that prove a requirement, and write docs/compliance.md
	$(BIN)/python -m scripts.compliance

requirements: setup ## write the tests of docs/requirements.toml from the markers on the tests
	$(BIN)/python -m scripts.requirement_matrix

.PHONY: catalogues
catalogues: setup ## bring the catalogues of translated texts up to date, and list what lacks a translation
	$(BIN)/python -m scripts.catalogues

.PHONY: check fmt lint types imports migrations rfc-map rfc-map-check
check: lint types imports rfc-map-check ## every check that runs no test

fmt: setup ## format the code, and repair what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lint: setup ## ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## who may import whom
	$(BIN)/lint-imports

rfc-map: $(VENV)/runtime.stamp ## write docs/rfc-map.md from the Spec: and Policy: lines of the modules
	$(BIN)/python -m scripts.rfc_map

rfc-map-check: $(VENV)/runtime.stamp
	$(BIN)/python -m scripts.rfc_map --check

# ---------------------------------------------------------------- databases

.PHONY: migrate migration
migrations: setup ## each history from nothing to head and `alembic check`, on SQLite and on PostgreSQL
	$(BIN)/pytest -q tests/contracts/test_migrations.py

migrate: $(VENV)/runtime.stamp ## bring the three databases to head
	@for service in $(SERVICES); do $(LOCAL) $(BIN)/alembic -n $$service upgrade head || exit 1; done

migration: $(VENV)/runtime.stamp ## draft a revision: make migration service=auth message="add devices"
	@test -n "$(service)" && test -n "$(message)" || { echo 'usage: make migration service=auth message="..."' >&2; exit 2; }
	$(LOCAL) $(BIN)/alembic -n $(service) revision --autogenerate -m "$(message)"

# ---------------------------------------------------------------- containers

NO_DOCKER := make: docker was not found; install Docker with its compose plugin, or run without containers: make run

.PHONY: up down logs
up: $(VENV)/runtime.stamp ## start the stack in containers, over https, and wait; prints addresses, users and the CA
	@exec $(BIN)/python -m deploy.up --data-dir "$${DATA_DIR:-.data}"

down: ## stop the containers; their volumes (data, keys, secrets) stay
	@command -v docker >/dev/null || { echo '$(NO_DOCKER)' >&2; exit 1; }
	@docker compose down

logs: ## follow the containers' logs
	@command -v docker >/dev/null || { echo '$(NO_DOCKER)' >&2; exit 1; }
	@docker compose logs --follow
