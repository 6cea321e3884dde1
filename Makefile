# Everything runs from .venv, which is made from requirements.lock at the first use and again whenever that file changes.

PYTHON ?= python3
SEEDS ?= 2000
SCENARIO ?= random
LOAD_SECONDS ?= 30
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: run demo test test-slow lint simulate bench peers loadtest install clean

run: $(INSTALLED)
	@exec $(BIN)/payments up

demo: $(INSTALLED)
	@$(BIN)/payments demo

test: lint
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m "not slow"

test-slow: $(INSTALLED)
	@$(BIN)/python -m pytest -m slow

lint: $(INSTALLED)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

simulate: $(INSTALLED)
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS)

bench: $(INSTALLED)
	@$(BIN)/payments bench

peers: $(INSTALLED)
	@$(BIN)/payments bench peers

loadtest: $(INSTALLED)
	@$(BIN)/payments loadtest $(SCENARIO) --seconds $(LOAD_SECONDS)

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12"; exit 1; }
	@echo "Installing into .venv (once, about a minute) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf .venv build *.egg-info
