# The commands of this project. Each one prepares what it needs, so it can be the first on a fresh checkout.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: help run test test-quick faults faults-long bench lint format lock clean venv-package

help:
	@echo "make run         start Sluice on http://127.0.0.1:8000 (PORT=… for another port)"
	@echo "make test        run every check and test, on SQLite and on PostgreSQL with Redis"
	@echo "make test-quick  run the tests on SQLite, without a browser"
	@echo "make faults      run the tests of faults: processes, broker, database, network (20 minutes)"
	@echo "make faults-long the same, with the durations that docs/reliability.md names (hours)"
	@echo "make bench       measure Sluice beside Segment's own library; writes docs/performance.md"
	@echo "make lint        run the static checks"
	@echo "make format      format the code and the templates"
	@echo "make lock        update the locked dependencies"
	@echo "make clean       remove the virtual environment and what tools left behind (not the data in var/)"

run: .venv/installed
	@exec $(BIN)/python -m config.run

test: .venv/installed-dev
	@exec $(BIN)/python -m tests.run

test-quick: .venv/installed-dev
	@exec $(BIN)/python -m tests.run --quick

faults: .venv/installed-dev
	@exec $(BIN)/python -m tests.run --faults

faults-long: .venv/installed-dev
	@exec $(BIN)/python -m tests.run --faults-long

bench: .venv/installed-dev
	@exec $(BIN)/python -m bench.run

lint: .venv/installed-dev
	@exec $(BIN)/python -m tests.run --lint

format: .venv/installed-dev
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .
	find templates -name '*.html' -exec $(BIN)/djade --target-version 5.2 {} +

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-config --no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock: .venv/installed-dev
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --output-file requirements-dev.txt

clean:
	rm -rf .venv .ruff_cache .mypy_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/installed: requirements.txt
	@echo "Installing what Sluice needs into .venv …"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv || $(MAKE) --no-print-directory venv-package
	@$(INSTALL) --requirement requirements.txt
	@touch $@

# Debian keeps Python's venv module in a package of its own.
venv-package:
	@rm -rf .venv
	apt-get update -qq && apt-get install --yes -qq python3-venv || \
		{ echo "Python's venv module is missing. On Debian, install it as root: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed-dev: requirements-dev.txt | .venv/installed
	@echo "Installing what its tests need into .venv …"
	@$(INSTALL) --requirement requirements-dev.txt
	@touch $@
