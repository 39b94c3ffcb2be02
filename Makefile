# Everything here starts from nothing: python3, python3-venv, make and gcc are enough.

PYTHON ?= python3
UV ?= uv
# Two test processes are enough for two cores; each integration test starts processes of its own.
# One file stays in one of them, so that what its tests share is made once.
PYTEST_ARGS ?= -n 2 --dist loadfile

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help venv test lint types contracts programs unit integration faults demo bench peers completions lock clean

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

venv: $(READY) ## the virtual environment, with everything the lock names

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(LOCKED): requirements.lock | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@touch $@

$(READY): pyproject.toml $(LOCKED)
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/python -m compileall -q buildnet_cli
	@touch $@

test: lint types contracts programs ## everything that a change has to pass
	$(BIN)/pytest $(PYTEST_ARGS)

lint: $(READY) ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## types, strictly
	$(BIN)/mypy

contracts: $(READY) ## who may import whom
	$(BIN)/lint-imports

programs: $(READY) ## the programs that integration tests drive; installed where that is possible
	@$(BIN)/python tests/support/programs.py

unit: $(READY) ## the tests that need no socket, file or sleep
	$(BIN)/pytest tests/unit tests/meta

integration: $(READY) programs ## the tests against real servers, shells and agents
	$(BIN)/pytest $(PYTEST_ARGS) tests/contract tests/integration tests/e2e tests/faults

faults: $(READY) programs ## the fault tests at their full length (half an hour or more); FAULT_SEED repeats an earlier run
	@seed=$${FAULT_SEED:-$$($(BIN)/python -c 'import random; print(random.randrange(10**6))')}; echo "FAULT_SEED=$$seed"; \
		export FAULTS=long FAULT_SEED=$$seed; \
		$(BIN)/pytest tests/faults/test_fault_isolation.py && \
		$(BIN)/pytest $(PYTEST_ARGS) tests/faults --ignore tests/faults/test_fault_isolation.py

demo: $(READY) ## a tour on this machine: a build breaks, and you see who hears of it
	@$(BIN)/buildnet-notify demo

bench: $(READY) ## what the speed claims rest on
	$(BIN)/python bench/run.py

peers: ## what the bench compares us with, in an environment of its own
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet "apprise>=1.9,<3"

completions: $(READY) ## write completions/ and its tree anew from the program
	$(BIN)/python -m buildnet_cli.cli.completion

lock: ## write requirements.lock anew from pyproject.toml
	$(UV) pip compile --universal --generate-hashes --all-extras --no-emit-index-url --no-header \
		--output-file requirements.lock pyproject.toml

clean: ## remove what was made here
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
