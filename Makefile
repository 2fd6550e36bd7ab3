# Every target works on a bare machine with Python 3.11 or later: .venv holds all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check docs bench schema lock lock-bench clean

demo: $(STAMP)
	$(BIN)/unslow demo

test: $(STAMP)
	$(BIN)/python -m pytest

check: $(STAMP) docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs build/docs

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(ONLY)

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "unslow needs Python 3.11 or later; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

schema: $(STAMP)
	$(BIN)/python -c 'from unslow.lab.report import json; print(json.schema(), end="")' \
	  > src/unslow/lab/report/report.schema.json

lock:
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-emit-find-links --no-annotate --no-header --all-extras --group dev pyproject.toml \
	  -o requirements/dev.txt

lock-bench:
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-emit-find-links --no-annotate --no-header requirements/bench.in -o requirements/bench.txt

clean:
	rm -rf $(VENV) build dist site
