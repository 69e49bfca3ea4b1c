# Every target sets the project up first; `make help` lists them. Needs make and Python 3.11 or newer with venv.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run test contracts verify fuzz bench trials simulate lint format lock clean

SEEDS ?= 200
RUNS ?= 1000000
BIN := .venv/bin
# The first interpreter that is new enough; `make setup PYTHON=/path/to/python3` overrides it.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup: .venv/.stamp ## make .venv from the hashed lock

.venv/.stamp: requirements-dev.txt pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.11 or newer found. Install it (Debian: apt install python3.11 python3.11-venv), or name one: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module. Install it (Debian: apt install python3.11-venv) and run make setup again." >&2; exit 1; }
	@echo "[1/3] .venv with $$("$(PYTHON)" --version)"
	@[ -x $(BIN)/pip ] || "$(PYTHON)" -m venv --clear .venv
	@echo "[2/3] installing the locked packages, each checked by its hash"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r $<
	@echo "[3/3] linking pilotfish into .venv"
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## run the platform: make run ARGS="..."
	@$(BIN)/pilotfish run $(ARGS)

test: lint ## every check and every test
	@$(BIN)/python -m pytest -n 2

contracts: setup ## compile the contracts into the package
	@$(BIN)/python contracts/build.py

verify: setup ## attack and prove the contracts: make verify [ARGS="--quick"]
	@$(BIN)/python -m contracts.verify $(ARGS)

fuzz: setup ## damaged frames by the million: make fuzz RUNS=1000000
	@for venue in hyperliquid polymarket; do \
		echo "$$venue: $(RUNS) frames; the last line says how many a second"; \
		$(BIN)/python tests/fuzz/atheris_$$venue.py -runs=$(RUNS) 2>&1 | { \
			grep -v --line-buffered -E '^(INFO: Instr|WARNING: Failed)|REDUCE|NEW' || true; } ; \
	done

lint: setup ## ruff, format check, mypy, import fences, contracts equal to their sources
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python contracts/build.py --check

format: setup ## rewrite the sources in the house format
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

bench: setup ## measure: make bench ARGS="..."
	@$(BIN)/python -m bench $(ARGS)

trials: setup ## inject every fault into every venue's client: make trials ARGS="--times 20"
	@$(BIN)/pilotfish trials $(ARGS)

simulate: setup ## run the seeded simulator: make simulate SEEDS=200
	@$(BIN)/pilotfish simulate --seeds $(SEEDS)

lock: setup ## resolve the dependencies again: make lock [UPGRADE=--upgrade]
	@[ -x out/lock/bin/uv ] || { "$(PYTHON)" -m venv out/lock && out/lock/bin/pip install -q uv; }
	@out/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(UPGRADE) --extra dev pyproject.toml -o requirements-dev.txt
	@out/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(UPGRADE) -c requirements-dev.txt pyproject.toml -o requirements.txt
	@git diff --stat -- requirements.txt requirements-dev.txt

clean: setup ## remove caches and out/, keep .venv
	@rm -rf out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache && find src tests bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
