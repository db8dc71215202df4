# kinwise: `make demo` trains a first model and writes its report; `make test` runs the tests; `make` lists all.
# Needs only Python 3.11+ and make; everything is installed into .venv. Another Python: make PYTHON=python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
DEMO := runs/demo

.PHONY: help demo test lint clean
.NOTPARALLEL:

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/installed ## train on the embedded pictures and write the report (replaces runs/demo)
	rm -rf $(DEMO) $(DEMO).partial
	$(BIN)/kinwise train shapes --set widths=16,64,256 --out $(DEMO)

test: $(VENV)/installed-for-development ## run the tests, two files at a time
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed-for-development ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean: ## remove the environment, the caches and the demo's run
	rm -rf $(VENV) $(DEMO) $(DEMO).partial build dist src/*.egg-info
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: each stamp is written last, so an installation that was broken off is taken up again ---

$(VENV)/made:
	@command -v $(PYTHON) >/dev/null || { echo "kinwise needs Python 3.11 or newer, and $(PYTHON) is not there." \
	  "Install it, or name another: make PYTHON=python3.12 test" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "kinwise needs Python 3.11 or newer, and \
	$(PYTHON) is %d.%d. Name another: make PYTHON=python3.12 test" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made constraints.txt pyproject.toml
	$(PIP) torch
	$(PIP) -e .
	@touch $@

$(VENV)/installed-for-development: $(VENV)/installed
	$(PIP) -e '.[dev,search,cluster,onnx,serve]'
	@touch $@
