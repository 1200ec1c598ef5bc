# Short commands. Everything is installed into .venv; you need only Python 3.11 or newer.
#   make quick ARGS="budget.max_runs=20"      ARGS is passed to the command of the target

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
# The versions that were tested together; constraints-oldest.txt has the oldest that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint $(CONSTRAINTS)
SOURCES := pyproject.toml $(wildcard $(CONSTRAINTS))
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help quick install dev bench test quicktest chaos lint docs reference clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

quick: install  ## Install, then run a sweep of CartPole-v1 from its start to its result
	$(BIN)/sweepctl run quick $(ARGS)

install: .venv/.installed  ## Install the packages for sweeps

dev: .venv/.installed-dev  ## Install the packages for tests and docs, too

bench: .venv/.installed-bench  ## Install the packages for benchmarks, too

# Most tests wait for processes: with three files at once they take half the time on two cores.
PARALLEL ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder

# The fast tests wait for nothing: one process for each core. Each takes ten seconds to find the tests, so at most four.
QUICK_PARALLEL ?= --numprocesses logical --maxprocesses 4 --dist loadfile

test: dev  ## Run all checks: lint, types, import rules, all tests
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

quicktest: dev  ## Run the fast tests
	$(BIN)/python -m pytest -m "not slow and not chaos" --hypothesis-profile quick $(QUICK_PARALLEL) $(ARGS)

DURATION ?= 10m
chaos: dev  ## Kill and suspend processes for DURATION=10m, then test with each line of the scripts removed
	$(BIN)/python -m tests.chaos.soak --duration $(DURATION) $(ARGS)
	$(BIN)/python -m pytest -m chaos

lint: dev  ## Check style, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: dev  ## Build the docs as a site into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

reference: dev  ## Write the reference of the command line from the help of the commands
	$(BIN)/python -m sweepctl.reference docs/reference/command-line.md

clean:  ## Remove .venv and the files of the tools; sweeps stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build site *.egg-info

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found: install one, or set its path: make quick PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment: on Debian and Ubuntu install its venv package (python3-venv)"; exit 1; }

.venv/.installed: .venv/pyvenv.cfg $(SOURCES)
	@echo "installing into .venv: the first time takes a minute or more"
	$(INSTALL) --editable .
	@touch $@

.venv/.installed-dev: .venv/pyvenv.cfg $(SOURCES)
	@echo "installing into .venv: the first time takes a minute or more"
	$(INSTALL) --editable '.[dev]'
	@touch .venv/.installed $@

.venv/.installed-bench: .venv/pyvenv.cfg $(SOURCES)
	$(INSTALL) --editable '.[bench]'
	@touch .venv/.installed $@
