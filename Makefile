# One door to every routine task. `make` lists them. Nothing is installed twice: stamps under .venv/ follow the locks.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUNTIME_STAMP := $(VENV)/.stamp-runtime
DEV_STAMP := $(VENV)/.stamp-dev

# What the linters and the type checker read: the folders that hold Python.
FOLDERS := src tests bench fuzz examples tools
CODE := $(foreach folder,$(FOLDERS),$(if $(wildcard $(folder)/*.py $(folder)/*/*.py),$(folder))) conftest.py

.PHONY: help demo run test check static lint types imports bench fuzz sim docs coverage clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)$$/  make \1\t\2/' | expand -t 18

demo: $(RUNTIME_STAMP) ## watch five nodes find each other's offers, catch a liar, carry a paid letter, pay for ten thousand requests and lose a node
	@$(BIN)/parley demo $(ARGS)

run: $(RUNTIME_STAMP) ## run a node on the loopback interface (ARGS="--help" shows the options)
	@$(BIN)/parley node run $(ARGS)

test: $(DEV_STAMP) ## run all tests in random order on all cores
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: static $(if $(filter done,$(TESTS)),,test) ## all that a change must pass: lint, types, imports, then the tests (TESTS=done: they just passed)

static: lint types imports ## the part of `make check` that runs nothing

lint: $(DEV_STAMP) ## ruff, formatting, spelling, look-alike letters, dead code
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/codespell
	$(BIN)/python -m tools.ban_unicode
	$(BIN)/vulture

types: $(DEV_STAMP) ## mypy --strict over sources, tests, benches and examples
	$(BIN)/mypy $(CODE)

imports: $(DEV_STAMP) ## who may import whom
	$(BIN)/lint-imports --no-cache --no-logo

bench: $(DEV_STAMP) ## measure, and compare ratios with the gates
	$(BIN)/python -m bench.run $(ARGS)

fuzz: $(DEV_STAMP) ## feed damaged bytes to every decoder for a minute
	$(BIN)/python -m fuzz.run $(ARGS)

sim: $(DEV_STAMP) ## simulate networks of nodes under a virtual clock
	$(BIN)/parley simulate pool $(ARGS)

docs: $(DEV_STAMP) ## regenerate the generated pages and build the site into build/docs
	$(BIN)/python -m tools.docs.build

coverage: $(DEV_STAMP) ## the tests once more, with branch coverage
	$(BIN)/python -m pytest -n $(WORKERS) --cov=parley --cov-report=term-missing:skip-covered $(ARGS)

clean: ## remove what was built, the virtual environment too
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find src -name '*.so' -delete
	find src tests bench fuzz examples docs tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Parley needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "This Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The package itself is installed in place, without isolation: its build tools come from the lock too.
$(RUNTIME_STAMP): requirements/runtime.txt pyproject.toml setup.py $(wildcard native/*/*) | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements/runtime.txt
	$(PIP) install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUNTIME_STAMP)
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
