# Two commands matter: make demo, make test. Both set up what they need, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Quickest first.
TESTS := tests/calls_api tests/idempotence tests/hooks tests/emulator tests/operators tests/provider tests/browser \
	tests/fuzz tests/wheel tests/airflow tests/model

.PHONY: help demo up down test lint fuzz bench lock clean chromium

help:
	@echo "make demo    a real Airflow adds a call, loses the answer, retries, and returns the same call job"
	@echo "make test    lint, types and all tests"
	@echo "make up      leave Airflow with the examples, and the emulator, running; make down stops them"
	@echo "make fuzz    the emulator's HTTP surface, fuzzed at length, and 100,000 refused requests"
	@echo "make bench   what importing the operator costs, and how fast the emulator is"
	@echo "make lock    pin the dependencies anew (needs uv)"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "… so virtualenv is tried instead"; $(PYTHON) -m pip install --quiet virtualenv && $(PYTHON) -m virtualenv --quiet $(VENV); }
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)
	@$(BIN)/python -m demo.run

up: $(READY)
	@$(BIN)/python -m demo.up

down: $(READY)
	@$(BIN)/python -m demo.up down

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/api.py

test: lint chromium
	$(BIN)/python -m pytest $(TESTS)

# The browser tests need it; where it can't be installed they are skipped, with the reason.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing Chromium …" && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
		|| echo "Chromium is absent and can't be installed: the browser tests will be skipped"

fuzz: $(READY)
	AIMYLOGIC_FUZZ_EXAMPLES=60 AIMYLOGIC_REFUSED=100000 $(BIN)/python -m pytest tests/fuzz -s
	AIMYLOGIC_SEED=random $(BIN)/python -m pytest tests/model/test_emulator.py -s

bench: $(READY)
	$(BIN)/python benchmarks/import_cost.py
	$(BIN)/python benchmarks/emulator_speed.py

lock:
	uv pip compile --universal --python-version 3.11 --no-header --no-annotate --extra dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) .demo .airflow .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
