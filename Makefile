# What to type here: `make help`. Everything is made inside the checkout; `make clean` takes it away again.

PYTHON ?= python3

# `make demo` and `make up`; see `make help`.
VIDEO ?=
TRANSCRIPT ?=
OUTPUT ?=
AIRFLOW_PORT ?=
ENGINE_PORT ?=
TEST_CONNECTION ?=

# uv makes an environment in seconds. Where it cannot be had, pip does it in minutes.
INSTALL = "$(PYTHON)" requirements/install.py
UV = --uv .venv-lock/bin/uv
PIP := -m pip -qq --disable-pip-version-check
DEMO_OPTIONS = $(if $(AIRFLOW_PORT),--airflow-port "$(AIRFLOW_PORT)") $(if $(ENGINE_PORT),--engine-port "$(ENGINE_PORT)")
# Names of files go through the environment and unexpanded: a shell or make would change a name with $, quotes or blanks.
unexport VIDEO TRANSCRIPT OUTPUT
demo: export DEMO_VIDEO = $(value VIDEO)
demo: export DEMO_TRANSCRIPT = $(value TRANSCRIPT)
demo: export DEMO_OUTPUT = $(value OUTPUT)

# Processes that share the tests; what has to stay together does (conftest.py). 0 runs all in one.
PROCESSES ?= 2
SHARED = --numprocesses $(PROCESSES) --dist loadscope --no-loadscope-reorder

.PHONY: help demo up down test test-oldest lint lock coverage-table schemas bench-waits bench-publish bench-import clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         run the pipeline on the sample video in a real Airflow with the embedded engine, then stop both"
	@echo "                    VIDEO=path        your own video instead of the sample"
	@echo "                    TRANSCRIPT=path   its subtitles (SRT or VTT), used instead of speech recognition"
	@echo "                    OUTPUT=folder     output folder (demo-output)"
	@echo "                    AIRFLOW_PORT=n    port of Airflow (8080); ENGINE_PORT=n that of the engine (8765)"
	@echo "make up           start the same Airflow and engine with the UI and a password; same port options"
	@echo "                    TEST_CONNECTION=1 allows Airflow to test connections, which sends their keys to their hosts"
	@echo "make down         stop what make up started"
	@echo "make test         run all tests on the newest Airflow in two processes (PROCESSES=n)"
	@echo "make test-oldest  run the unit and DAG tests on the oldest supported Airflow, without the large ones"
	@echo "make lint         run ruff and mypy"
	@echo "make lock         resolve requirements/*.txt again"
	@echo "make coverage-table  generate docs/coverage.md: every call, its operators, its tests"
	@echo "make schemas      generate the row schemas and their tables in docs/outputs.md"
	@echo "make bench-waits  measure 1,000 and 10,000 waits in one event loop, and the latency of the default settings"
	@echo "make bench-publish  measure the publishing of a million segments in four formats"
	@echo "make bench-import  measure the CPU time that the operators add to the import of a DAG file"
	@echo "make clean        remove everything that these commands create"
	@echo "PYTHON=path       Python (3.11 or newer) for the virtual environments: $(PYTHON)"

demo: .venv/.done
	@.venv/bin/python -m demo run $(DEMO_OPTIONS)

up: .venv/.done
	@.venv/bin/python -m demo up $(DEMO_OPTIONS) $(if $(TEST_CONNECTION),--test-connection)

down: .venv/.done
	@.venv/bin/python -m demo down

test: .venv/.servers tests/servers/node_modules/.done
	@echo "tests, $(call airflow_of,.venv)"
	@.venv/bin/python -m pytest $(SHARED)

test-oldest: .venv-oldest/.done
	@echo "unit and DAG tests, $(call airflow_of,.venv-oldest)"
	@.venv-oldest/bin/python -m pytest $(SHARED) -m "not large" tests/unit tests/dags

# mypy reads what the tests import.
lint: .venv/.servers
	@echo "ruff check"
	@.venv/bin/ruff check --quiet .
	@echo "ruff format"
	@.venv/bin/ruff format --quiet --check .
	@echo "mypy --strict"
	@.venv/bin/mypy --no-error-summary

# The locks hold for every Python from 3.11 on and for every platform (--universal). They name no package index: pip's own
# configuration says where packages come from. The first one is the last one with what tests with real servers need.
COMPILE = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --extra local --extra parquet --extra test \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: .venv-lock/.done
	@echo requirements/servers-3.3.txt
	@$(COMPILE) --upgrade --extra test-servers --constraint requirements/airflow-3.3.in \
		--output-file requirements/servers-3.3.txt setup.cfg
	@echo requirements/airflow-3.1.txt
	@$(COMPILE) --upgrade --constraint requirements/airflow-3.1.in --output-file requirements/airflow-3.1.txt setup.cfg
	@echo requirements/airflow-3.3.txt
	@$(COMPILE) --upgrade --constraint requirements/airflow-3.3.in --constraint requirements/servers-3.3.txt \
		--output-file requirements/airflow-3.3.txt setup.cfg

bench-waits: .venv/.done
	@.venv/bin/python benchmarks/waits.py

bench-publish: .venv/.done
	@.venv/bin/python benchmarks/publish.py

bench-import: .venv/.done
	@.venv/bin/python benchmarks/imports.py

coverage-table: .venv/.done
	@.venv/bin/python -m tests.coverage_table

schemas: .venv/.done
	@.venv/bin/python -m tests.output_schemas

clean:
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m demo down; fi
	@echo "removing virtual environments, .demo, demo-output and caches"
	@rm -rf .venv .venv-oldest .venv-lock .demo demo-output .mypy_cache .ruff_cache .pytest_cache build
	@rm -rf requirements/*.egg-info tests/servers/node_modules
	@find plugins dags tests demo -name __pycache__ -type d -prune -exec rm -rf {} +

# Checks the Python before anything is created.
define need_python
@command -v "$(PYTHON)" >/dev/null || { \
	echo "$(PYTHON) not found. Set a Python from 3.11 on: make PYTHON=/path/to/python3" >&2; exit 1; }
@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "Python 3.11 or newer is needed; $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Set another: make PYTHON=python3.12" >&2; \
	exit 1; }
@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "$(PYTHON) cannot create virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
endef

.venv/.done: requirements/airflow-3.3.txt
.venv-oldest/.done: requirements/airflow-3.1.txt

# Created again, not updated, when the lock or the metadata changes: packages that left the lock must not stay.
.venv/.done .venv-oldest/.done: setup.cfg | .venv-lock/.done
	$(need_python)
	@echo "$(@D): installing the packages of $(filter requirements/%,$^)"
	@rm -rf $(@D)
	@"$(PYTHON)" -m venv $(@D)
	@$(INSTALL) $(@D) $(UV) -- --no-deps --requirement $(filter requirements/%,$^)
	@$(INSTALL) $(@D) $(UV) -- --no-deps --editable .
	@touch $@

# Only tests need these many packages, and few of their modules are ever loaded: nothing is compiled ahead.
.venv/.servers: requirements/servers-3.3.txt .venv/.done
	@echo ".venv: installing the packages of the tests with real servers"
	@$(INSTALL) .venv $(UV) -- --no-deps --requirement requirements/servers-3.3.txt
	@touch $@

# Azurite, an Azure server for the tests. If its installation fails, the tests are skipped with the reason.
tests/servers/node_modules/.done: tests/servers/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "tests/servers: installing Azurite"; \
		npm ci --ignore-scripts --no-audit --no-fund --silent --prefix tests/servers && touch $@; \
	else echo "npm not found: the tests with an Azure server are skipped (Debian and Ubuntu: apt install npm)"; fi

.venv-lock/.done:
	$(need_python)
	@rm -rf $(@D)
	@"$(PYTHON)" -m venv $(@D)
	@$(@D)/bin/python $(PIP) install 'uv>=0.9' || echo "uv cannot be installed; using pip"
	@touch $@

airflow_of = $$($(1)/bin/python -c 'import importlib.metadata as m; print("Airflow", m.version("apache-airflow"))')
