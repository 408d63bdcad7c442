# Every target does its own set-up in .venv; the stamp files there tell what is installed.

VENV := .venv
BIN := $(VENV)/bin
CORES := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,\
	$(shell $(name) -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $(name))))

PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input
PYTEST := $(BIN)/python -m pytest -n $(CORES)

NOT_LINKED = src/bittrue/model must be a link to the folder model, and is not: \
	check out again after git config core.symlinks true
TOO_OLD = Python must be 3.11 or newer, got $(or $(PYTHON),none on the path): \
	install one, or name it as in make PYTHON=/opt/python3.12/bin/python3 $(MAKECMDGOALS)
NO_VENV = $(PYTHON) must have the module venv, and has not: install python3-venv \
	(on Debian and Ubuntu: sudo apt-get install python3-venv)

.DEFAULT_GOAL := help
.PHONY: help verify verify-all test test-all lint bench bench-hardware fuzz docs dist-test \
	oldest-test clean

help:
	@echo 'make verify      hold golden model, fixed model and RTL against each other, bit for bit'
	@echo 'make test        all tests but the long ones'
	@echo 'make verify-all  the main job over every format, curve, folding and seed (long)'
	@echo 'make test-all    all tests, the long ones too'
	@echo 'make lint        ruff and mypy'
	@echo 'make bench       timings of one run, as ratios (ARGS=--readme keeps the table)'
	@echo 'make bench-hardware  Fmax, LUT and the error of the estimator, by synthesis (minutes)'
	@echo 'make fuzz        spoilt files for every reader, under watch (see tests/corpus/README.md)'
	@echo 'make docs        the documentation as HTML, in build/docs'
	@echo 'make dist-test   wheel and source archive in empty environments, on every Python found'
	@echo 'make oldest-test a part of the tests with the oldest dependencies that are allowed'
	@echo 'make clean       remove what make made, .venv included'
	@echo
	@echo "ARGS='...' hands options on, as in: make verify ARGS='--seed 7 --curve fit --segments 16'"
	@echo 'PYTHON=... names the Python (3.11 or newer) that .venv is made with'

verify: $(VENV)/.base
	@$(BIN)/bittrue verify $(ARGS)

verify-all: $(VENV)/.test
	$(BIN)/bittrue verify $(ARGS) </dev/null
	$(PYTEST) -m long tests/test_main_job.py </dev/null

test: $(VENV)/.test
	$(PYTEST) -m 'not long' $(ARGS) </dev/null

test-all: $(VENV)/.oracles
	$(PYTEST) $(ARGS) </dev/null

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy tests/typed_user.py

bench: $(VENV)/.test
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 \
		$(BIN)/python benchmarks/bench.py $(ARGS) </dev/null

bench-hardware: $(VENV)/.synth
	@$(BIN)/python benchmarks/hardware.py $(ARGS) </dev/null

fuzz: $(VENV)/.test
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS) </dev/null

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W -b html docs build/docs
	@echo 'read build/docs/index.html'

dist-test: $(VENV)/.python
	@$(BIN)/python tests/release.py dist $(ARGS) </dev/null

oldest-test: $(VENV)/.python
	@$(BIN)/python tests/release.py oldest $(ARGS) </dev/null

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis src/bittrue.egg-info
	find model hdl sim flow tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.base: pyproject.toml | $(VENV)/.python
	@echo 'installing bittrue into $(VENV)' >&2
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@echo 'installing what the tests need' >&2
	@$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.oracles: $(VENV)/.test
	@echo 'installing what long tests ask' >&2
	@$(PIP) --editable '.[oracles]'
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@echo 'installing ruff and mypy' >&2
	@$(PIP) --editable '.[lint]'
	@touch $@

$(VENV)/.synth: $(VENV)/.test
	@echo 'installing Yosys and nextpnr' >&2
	@$(PIP) --editable '.[synth]'
	@touch $@

$(VENV)/.docs: $(VENV)/.base
	@echo 'installing Sphinx' >&2
	@$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.python:
	@test -f src/bittrue/model/__init__.py || { echo '$(NOT_LINKED)' >&2; exit 1; }
	@'$(PYTHON)' -c '$(NEW_ENOUGH)' 2>/dev/null || { echo '$(TOO_OLD)' >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { echo '$(NO_VENV)' >&2; exit 1; }
	@'$(PYTHON)' -m venv $(VENV)
	@touch $@
