# `make app` opens the studio, `make weights` fetches the full pack's weights (PACK=compact: the small one's),
# `make test` runs the tests, `make lint` checks the style. Each sets up .venv when needed.
PYTHON ?= python3
PACK ?= full
VENV := .venv/bin/python

.PHONY: app weights test lint

app: .venv/.installed
	$(VENV) app.py

weights: .venv/.installed
	$(VENV) -m styleclip_core weights fetch $(PACK)

test: .venv/.installed
	$(VENV) -m pytest -q

lint: .venv/.installed
	$(VENV) -m ruff check .

.venv/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(VENV) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	@echo "Installing the packages of requirements.txt into .venv (several minutes the first time)"
	@$(VENV) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
