# Every target sets up what it needs: a machine with Python 3.11 or newer and make is enough.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The first of these that is new enough; PYTHON=... chooses another.
FITS := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell $(name) -c '$(FITS)' 2>/dev/null && echo $(name))))

FUZZ_SECONDS ?= 60

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
NPM := npm install --no-package-lock --no-audit --no-fund --ignore-scripts --fetch-retries=1 --fetch-timeout=30000
FOLDERS := providers compaction runtime benchmarks cli

# The editable install is a tree of links, a link for a file: it is made again when the list of files changes.
LINKED := build/linked-$(shell find $(FOLDERS) *.py -name '*.py' -o -path '*/samples/*' | sort | cksum | cut -d ' ' -f 1)

BENCH = $(BIN)/rayconteur bench --out benchmarks/out/$(shell date -u +%Y%m%d-%H%M%S)

.PHONY: help demo test fuzz check docs bench bench-quick gate wheel

help:  ## Say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 18

demo: $(LINKED)  ## Watch many sessions talk at once, without network or key
	@$(BIN)/rayconteur demo

test: $(LINKED) .aimock/installed  ## Run the tests, except those of make gate, make docs and make wheel
	@$(BIN)/python -m pytest -m 'not programs' --ignore tests/test_wheel.py --ignore tests/docs/test_site.py --numprocesses=2 --dist=loadscope --no-loadscope-reorder

fuzz: $(LINKED)  ## Send broken answers to all decoders for FUZZ_SECONDS, 60 if not given
	-@$(PIP) install --constraint constraints.txt --only-binary atheris --group fuzz
	@PYTHONPATH=tests $(BIN)/python -m fuzzing.decoders --seconds $(FUZZ_SECONDS)

check: $(LINKED)  ## Check style, types and the plan of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --package rayconteur
	cd tests && ../$(BIN)/mypy --config-file ../pyproject.toml . ../examples  # not from the root: its packages would hide those of tests/
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest --quiet tests/test_house.py tests/test_project.py tests/test_public_names.py

docs: $(LINKED) .venv/docs  ## Build the documentation site in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@$(BIN)/python -m pytest --quiet tests/docs/test_site.py

bench: $(LINKED)  ## Measure what it costs, for ten minutes, and show it in benchmarks/out/
	@$(BENCH)

bench-quick: $(LINKED)  ## Less of it, in a minute
	@$(BENCH) --quick

gate: $(LINKED)  ## See that every benchmark runs, and that nothing became twice as slow
	@$(BIN)/python -m pytest -m programs tests/benchmarks
	@$(BIN)/python -m rayconteur.benchmarks.gate

wheel: $(LINKED)  ## Build dist/ and try the wheel where nothing else is
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist
	@$(BIN)/python -m pytest tests/test_wheel.py

# Its stamp is gone while an install runs, so that one that was broken off begins again from nothing.
.venv/installed: pyproject.toml constraints.txt
	$(if $(PYTHON),,$(error Python 3.11 or newer is needed, python3 is: $(or $(shell python3 --version 2>&1),missing). PYTHON=... names another))
	@echo 'Setting up .venv, which takes some minutes the first time'
	@[ -e $@ ] || $(PYTHON) -m venv --clear .venv
	@rm -f $@
	@$(PIP) install --constraint constraints.txt pip setuptools
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[all,bench]' --group dev
	@touch $@

# What builds the site. Nothing else needs it, so the other targets do without.
.venv/docs: .venv/installed
	@$(PIP) install --constraint constraints.txt --group docs
	@touch $@

$(LINKED): .venv/installed
	@rm -rf build
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# A server for the tests that others wrote. Where it cannot be had, its tests are skipped, and the next run tries again.
.aimock/installed: tests/samples/aimock/package.json
	@mkdir -p .aimock
	@cp $< .aimock
	@{ command -v node && command -v npm && $(NPM) --prefix .aimock && touch $@; } >/dev/null 2>&1 \
		|| echo 'Going on without aimock: node, npm or the package is not to be had'
