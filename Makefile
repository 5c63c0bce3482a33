# `make app` opens the studio, `make weights` fetches the full pack's weights (PACK=compact: the small one's),
# `make test` runs the tests, `make lint` checks style, imports and types, `make docs` writes the reference of all modules
# to docs/api. Each sets up .venv when needed; test, lint and docs add the tools of requirements-dev.txt to it.
PYTHON ?= python3
PACK ?= full
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: app weights test lint docs requirements

app: .venv/.installed
	$(BIN)/python app.py

weights: .venv/.installed
	$(BIN)/python -m styleclip_core weights fetch $(PACK)

test: .venv/.installed-dev
	$(BIN)/python -m pytest -q

lint: .venv/.installed-dev
	$(BIN)/python .ci/requirements.py --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

docs: .venv/.installed-dev
	PYTHONPATH=. $(BIN)/python .ci/docs.py

# requirements.txt and requirements-dev.txt from pyproject.toml. Needs no packages.
requirements:
	$(PYTHON) .ci/requirements.py

.venv/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	@echo "Installing the packages of $< into .venv (several minutes the first time)"
	@$(PIP) -r $<
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing the tools of $< into .venv"
	@$(PIP) -r $<
	@touch $@
