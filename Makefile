# FaceTrack. `make help` lists what there is; `make demo` is the place to begin.

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= $(if $(wildcard $(PY)),$(PY),python3)
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
PIP := $(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-deps --require-hashes
PORT ?= 8000
STAMP := $(VENV)/.installed-$(VERSION)
LOCKS := requirements/base.txt requirements/embedded.txt requirements/dev.txt

.DEFAULT_GOAL := help
.PHONY: help demo install test suite versions probe fuzz chaos siege screenshots check format dev web worker beat services stop shell migrate lock clean apt

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## watch it work: installs, starts everything, plays a clip with known people (ONCE=1: once, then a report)
	@$(PY) manage.py demo --port $(PORT) $(if $(ONCE),--once)

install: $(STAMP) ## virtual environment with the locked dependencies

# pip's warnings say nothing a reader of this terminal could act on; errors still show.
$(STAMP): $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "FaceTrack needs Python 3.11 to 3.13, $(PYTHON) is $(VERSION). Name another: make PYTHON=python3.12"; exit 1; }
	@echo "Installing the locked dependencies (a minute or two, about 1.8 GB) ..."
	@test "$$($(PY) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$(VERSION)" || \
		$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) $(foreach lock,$(LOCKS),-r $(lock))
	@touch $@

test: check suite ## all checks and the whole test suite

suite: $(STAMP) apt $(VENV)/.dlib $(VENV)/.milvus ## the tests without the checks (ONLY=models: those that touch models, the demo or a browser)
	@$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(if $(ONLY),-m $(ONLY))

versions: ## `make test` with each Python of 3.11 to 3.13 that is installed
	@for version in 3.11 3.12 3.13; do \
		if python$$version -c '' 2>/dev/null; then \
			$(MAKE) --no-print-directory test PYTHON=python$$version VENV=var/python/$$version || exit 1; \
		else echo "Python $$version is not installed: not tested."; fi; done

probe: $(STAMP) ## try to get at another tenant's data, 100,000 times (ATTEMPTS=n, SEED=n); writes var/probe/report.json
	@ATTEMPTS=$(or $(ATTEMPTS),100000) SEED=$(or $(SEED),1) PROBE_REPORT=var/probe/report.json EVERY_VALUE=1 \
		$(PY) -m pytest tests/probe/test_probe.py tests/probe/test_same_answer.py -q

fuzz: $(STAMP) ## the API against its own description, and odd values everywhere, with many requests (EXAMPLES=n an operation and role)
	@EXAMPLES=$(or $(EXAMPLES),50) SEED=$(or $(SEED),1) EVERY_VALUE=1 \
		$(PY) -m pytest tests/api/test_fuzz.py tests/probe/test_odd_values.py -q

chaos: $(STAMP) $(VENV)/.milvus ## break everything in turn on real processes (LONG=1: as many trials as it takes), then a report
	@$(PY) -m tests.chaos $(if $(LONG),--long)

siege: $(STAMP) ## a customer and strangers attack an installation of processes while another works (SECONDS=600 CLIENTS=100)
	@$(PY) -m tests.siege --seconds $(or $(SECONDS),600) --clients $(or $(CLIENTS),100)

screenshots: $(STAMP) ## draw people, and write the pictures of README.md into docs/images again
	@$(PY) -m tests.screenshots

check: $(STAMP) ## format, lint (Python, templates, scripts), spelling, types, floors, class names, migrations, settings of a deployment
	@echo "Checking with $$($(PY) -V)."
	@$(VENV)/bin/ruff format --check --quiet . || { echo "Run 'make format'."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/typos
	@$(VENV)/bin/djlint --lint --quiet templates
	@$(VENV)/bin/oxlint --quiet static
	@$(VENV)/bin/mypy .
	@$(VENV)/bin/lint-imports --no-cache
	@$(PY) manage.py check --fail-level WARNING
	@$(PY) tests/class_names.py
	@$(PY) tests/deployed.py
	@$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

format: $(STAMP) ## put the code in form
	@$(VENV)/bin/ruff check --quiet --fix . ; $(VENV)/bin/ruff format --quiet .

apt:
	@sh tests/debian.sh

# The pack that the tests use where FACETRACK_MODEL_DIR names no folder; its own tests run everywhere.
$(VENV)/.dlib: requirements/dlib.txt $(STAMP)
	@$(PIP) -r $<
	@touch $@

# A real Milvus server; the index keeps its promises there as on Milvus Lite. Tests alone use it.
$(VENV)/.milvus: requirements/milvus.txt $(STAMP)
	@$(PIP) -r $<
	@touch $@

dev: $(STAMP) ## web, worker and beat with hot reload, services included
	@$(PY) manage.py dev --port $(PORT)

web: $(STAMP) ## the web server alone
	@$(PY) manage.py web --port $(PORT)

worker: $(STAMP) ## a worker alone (NAME=w1)
	@$(PY) manage.py worker $(if $(NAME),--name $(NAME))

beat: $(STAMP) ## the periodic tasks alone
	@$(PY) manage.py beat

services: $(STAMP) ## start PostgreSQL, Valkey and Milvus Lite under var/ and keep them (make stop ends them)
	@$(PY) manage.py services start

stop: $(STAMP) ## stop the services
	@$(PY) manage.py services stop

migrate: $(STAMP) ## bring the database's tables up to date
	@$(PY) manage.py migrate_schemas

shell: $(STAMP) ## Python with the models at hand
	@$(PY) manage.py shell

lock: $(STAMP) ## write requirements/*.txt again from the short .in files
	@$(PY) -m pip install --quiet uv
	@cd requirements && for name in base embedded dlib milvus dev; do \
		../$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --overrides overrides.txt $$name.in -o $$name.txt || exit 1; done

clean: ## remove the virtual environment, generated data and caches
	@for folder in var var/demo/once var/demo/stay var/test/* var/test/*/e2e; do \
		if [ -x $(PY) ] && [ -d $$folder/services ]; then \
			FACETRACK_VAR_DIR=$$folder $(PY) manage.py services stop --wipe >/dev/null || exit 1; fi; done
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
