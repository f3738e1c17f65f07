# Everything is set up in .venv of this checkout; VENV=... names another place.
VENV ?= .venv
PYTHON ?= python3
# Modules are compiled when they are first imported, most of them never.
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
.PHONY: demo test soak check clients docs lowest bench setup install

setup: $(VENV)/.ready

# torch first and alone: asked for later by another package, an unpinned torch would draw gigabytes of CUDA.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) ".[dev,docs]"
	touch $@

# Checks and tests read the built package, not the source folder.
install: setup
	$(PIP) --no-deps --force-reinstall .

# The main job on bundled pairs, without a network: the bundled matcher scores, evaluates, decides.
demo: install
	$(VENV)/bin/yanmo demo

check: install
	$(VENV)/bin/ruff format --check src tests benchmarks recipes docs/*.py docs/figures/*.py
	$(VENV)/bin/ruff check src tests benchmarks recipes docs/*.py docs/figures/*.py
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/pydoclint --quiet src
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/python -m pytest -q --doctest-modules --pyargs yanmo -p no:cacheprovider

# Packages of other projects against the service, in an environment of their own. What is installed is listed whole.
CLIENTS = $(VENV)-clients
$(CLIENTS)/.ready: tests/clients/requirements.txt
	$(PYTHON) -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-compile -r $<
	touch $@

clients: install $(CLIENTS)/.ready
	YANMO=$(abspath $(VENV))/bin/yanmo OMP_NUM_THREADS=1 $(CLIENTS)/bin/python -m pytest -q tests/clients

# Two checks at a time, as each keeps one core busy; what one says comes in one piece where make can do that (since 4.0).
# The longest first, which waits for nothing.
test:
	$(MAKE) --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) lowest check clients docs
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 tests

# The site, in site/: a link that leads nowhere, a page without a place in the menu, any warning ends it.
docs: install
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

# The core in a small environment of its own, in its lowest declared versions.
lowest:
	PYTHON=$(PYTHON) bash .ci/lowest

# Kills, full disks, damaged files and folders, hostile bytes, as often as it takes to believe it; without YANMO_SOAK in minutes.
soak: install
	YANMO_SOAK=1 OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 tests/reliability

# Speed claims; each file writes benchmarks/results/<name>.json, and table.py makes one table of them. They take real
# models and data, an idle machine and hours. PEERS is an interpreter with sentence-transformers[onnx,openvino], WORK a
# folder for the models made here, PAIRS files of {"text1", "text2"}; all else: see the files' --help.
# make bench BASE=encoder DATA=sohu VOCAB=vocab.txt PAIRS="pairs/*/*.jsonl" PEERS=peers/bin/python WORK=/tmp/bench
WORK ?= /tmp/yanmo-bench
WIDTH ?= 768
BENCH = $(VENV)/bin/python benchmarks
bench: install
	$(BENCH)/startup.py $(if $(PEERS),--peers $(PEERS))
	$(BENCH)/word_tokenizer.py $(VOCAB) $(PAIRS) --sohu $(DATA)
	$(BENCH)/padding.py $(BASE) $(DATA)
	$(BENCH)/score.py $(BASE) $(DATA) --work $(WORK) --width $(WIDTH) $(if $(PEERS),--peers $(PEERS))
	$(BENCH)/train.py $(BASE) $(DATA) --work $(WORK)
	$(BENCH)/train.py $(BASE) $(DATA) --work $(WORK) --width $(WIDTH) --steps 3
	$(BENCH)/bulk.py $(DATA)
	$(BENCH)/shared_work.py $(BASE) $(DATA)
	$(BENCH)/serve.py $(DATA)/ssA/valid.txt
	$(BENCH)/table.py
