# Everything runs from .venv, which is made from requirements.lock at the first use and again whenever that file changes.
# `make run AWS=local` and the tests also need .venv-aws: an emulator of AWS, and Valkey.
# The tests of terraform/ and deploy/ run programs from .venv-infra, and Terraform and kubectl if they are installed.

PYTHON ?= python3
SEEDS ?= 2000
SCENARIO ?= random
LOAD_SECONDS ?= 30
EVENTS ?= 1000000
BIN := .venv/bin
INSTALLED := .venv/installed
AWS_INSTALLED := .venv-aws/installed
INFRA_INSTALLED := .venv-infra/installed

.PHONY: run demo test test-slow infra-test lint simulate campaign bench peers loadtest install clean

run: $(INSTALLED) $(if $(AWS),$(AWS_INSTALLED))
	@exec $(BIN)/payments up $(if $(AWS),--aws $(AWS))

demo: $(INSTALLED)
	@$(BIN)/payments demo

test: lint $(AWS_INSTALLED) $(INFRA_INSTALLED)
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: $(INSTALLED) $(AWS_INSTALLED)
	@$(BIN)/python -m pytest -m slow

infra-test: $(INSTALLED) $(INFRA_INSTALLED)
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/infra

lint: $(INSTALLED)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

simulate: $(INSTALLED)
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS)

campaign: $(INSTALLED) $(AWS_INSTALLED)
	@PAYMENTS_CAMPAIGN_EVENTS=$(EVENTS) $(BIN)/python -m pytest -m slow tests/system/events -s

bench: $(INSTALLED)
	@$(BIN)/payments bench

peers: $(INSTALLED)
	@$(BIN)/payments bench peers

loadtest: $(INSTALLED)
	@$(BIN)/payments loadtest $(SCENARIO) --seconds $(LOAD_SECONDS)

install: $(INSTALLED) $(AWS_INSTALLED) $(INFRA_INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12"; exit 1; }
	@echo "Installing into .venv (once, about a minute) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(AWS_INSTALLED): requirements-aws-local.lock
	@echo "Installing an emulator of AWS, and Valkey, into .venv-aws (once, about half a minute) ..."
	@$(PYTHON) -m venv --clear .venv-aws
	@.venv-aws/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-aws-local.lock
	@touch $@

$(INFRA_INSTALLED): requirements-infra.lock requirements-infra-schemas.lock
	@echo "Installing checkov and other checks of infrastructure into .venv-infra (once, about a minute) ..."
	@$(PYTHON) -m venv --clear .venv-infra
	@.venv-infra/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-infra.lock
	@.venv-infra/bin/python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
	  --dest .venv-infra/schemas -r requirements-infra-schemas.lock
	@touch $@

clean:
	rm -rf .venv .venv-aws .venv-infra build *.egg-info
