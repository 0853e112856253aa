# Two commands are all a fresh machine needs (Python >= 3.10 with venv, and make):
#   make search    create .venv, install, and search for a cell on handwritten digits
#   make test      create .venv, install, and run the tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: search test check examples docs linkcheck release release-check clean

search: $(VENV)/installed
	$(BIN)/archrank search $(ARGS)

test: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto $(ARGS)  # a process per core

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

examples: $(VENV)/installed
	set -e; for script in examples/[0-9]*.py; do echo "== $$script"; $(BIN)/python $$script; done

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -q -W --keep-going -n -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

linkcheck: $(VENV)/installed-docs  # addresses outside the site, too: needs a network
	$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/linkcheck

release: $(VENV)/installed-dev  # wheel and sdist, built, installed away from here, and used
	$(BIN)/python tools/check_release.py $(ARGS)

release-check: $(VENV)/installed-dev  # the same with all that pip install archrank brings: gigabytes
	$(BIN)/python tools/check_release.py --complete $(ARGS)

clean:
	rm -rf $(VENV) runs build dist docs/_build docs/made

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@
