# Everything runs in .venv, made from the locks alone: no step takes a version that a lock does not name.
#
#   make demo    the whole journey on loopback, then stays up until Ctrl-C
#                DATA=folder  keeps its data there      EXIT=1  ends after the journey
#   make test    linters, types, import contracts, and every test on SQLite and PostgreSQL
#                TESTS="tests/vault -k seal"  runs those alone
#   make check   linters, types, import contracts
#   make soak    the tests that get better the longer they run, for half an hour or so
#   make bench   how quick the door is, beside an empty answer and an obvious implementation; a few minutes alone
#                BENCH="release sqlite"  measures those alone, BENCH=letters  the outbox
#   make mutants plants faults in copies of the service; the tests must find each of them
#   make lock    resolves the newest versions into requirements*.lock
#   make clean   removes what make and the tools made

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
TESTS ?=
BENCH ?=

# --python: another environment that happens to be active is left alone.
UV := $(BIN)/uv pip
INSTALL := $(UV) install --quiet --compile-bytecode --python $(BIN)/python
COMPILE := $(UV) compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --upgrade

# Dozens of processes are started by the demo and the tests; where Python is told to keep no bytecode, each of them
# would compile everything anew, which is most of their time.
export PYTHONDONTWRITEBYTECODE :=

# uv reads neither pip's settings nor, by itself, the system's certificates. A machine that was set up for
# pip alone (a mirror, an authority of its own) must do for uv too.
MIRROR = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null)}}"; \
	if [ -n "$$UV_DEFAULT_INDEX" ]; then export UV_DEFAULT_INDEX; else unset UV_DEFAULT_INDEX; fi; \
	export UV_SYSTEM_CERTS=1
# The packages of this repository, editable. Their dependencies stand in the locks, so none is resolved here.
OURS := --no-deps --no-build-isolation --editable . --editable clients/python
METADATA := pyproject.toml clients/python/pyproject.toml

.PHONY: help demo test check soak bench mutants lock clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.run
	@$(BIN)/consent-service demo $(if $(DATA),--data "$(DATA)") $(if $(EXIT),--exit)

test: check
	@$(MIRROR); $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(TESTS)

check: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: $(VENV)/.test
	@$(MIRROR); LIFECYCLE_EXAMPLES=1500 LINEARIZABILITY_CALLS=60000 LINEARIZABILITY_SEEDS="4 5 6 7 8 9" \
		EXISTENCE=all CHAOS_KILLS=220 CHAOS_SEEDS="1 2" \
		$(BIN)/python -m pytest tests/consents/test_lifecycle.py tests/linearizability tests/api/test_existence_in_time.py \
		tests/delivery/test_chaos.py $(TESTS)

bench: $(VENV)/.test
	@$(BIN)/python -m tests.benchmarks $(BENCH)

mutants: $(VENV)/.test
	@$(BIN)/python -m tests.mutants

lock: $(VENV)/.build
	@$(MIRROR); set -e; \
	$(COMPILE) --group build --output-file requirements-build.lock >/dev/null; \
	$(COMPILE) pyproject.toml --constraints requirements-build.lock --output-file requirements.lock >/dev/null; \
	$(COMPILE) pyproject.toml --group test --constraints requirements-build.lock --constraints requirements.lock \
		--output-file requirements-test.lock >/dev/null
	@echo "Locked. See what changed with git diff --stat, then run make test."

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up: each stamp is newer than what it was made from, so a second make does nothing --------------

$(VENV)/.build: requirements-build.lock
	@python=; for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "No Python from 3.11 up with its venv module was found. Name one: make PYTHON=/path/to/python3" >&2; \
		exit 1; fi; \
	echo "Making $(VENV)"; $$python -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
	@touch $@

$(VENV)/.run: requirements.lock $(VENV)/.build $(METADATA)
	@echo "Installing what the service needs"
	@$(MIRROR); set -e; $(INSTALL) --require-hashes -r requirements.lock; $(INSTALL) $(OURS)
	@touch $@

$(VENV)/.test: requirements-test.lock $(VENV)/.run
	@echo "Installing what the tests need"
	@$(MIRROR); $(INSTALL) --require-hashes -r requirements-test.lock
	@touch $@
