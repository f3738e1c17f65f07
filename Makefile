# Everything is set up in .venv of this checkout; VENV=... names another place.
VENV ?= .venv
PYTHON ?= python3
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt
.PHONY: test check setup install

setup: $(VENV)/.ready

# torch first and alone: asked for later by another package, an unpinned torch would draw gigabytes of CUDA.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) ".[dev]"
	touch $@

# Checks and tests read the built package, not the source folder.
install: setup
	$(PIP) --no-deps --force-reinstall .

check: install
	$(VENV)/bin/ruff format --check src tests
	$(VENV)/bin/ruff check src tests
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/pydoclint --quiet src
	$(VENV)/bin/python -m pytest -q --doctest-modules --pyargs yanmo -p no:cacheprovider

test: check
	$(VENV)/bin/python -m pytest tests
