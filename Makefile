# Two commands matter: make demo, make test. Both set up what they need, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Quickest first; by as many processes as there are cores, a file in one of them.
SMALL_TESTS := tests/calls_api tests/idempotence tests/call_list tests/hooks tests/emulator tests/operators tests/provider \
	tests/campaign_report tests/report_tables tests/transfers tests/lineage tests/waiting tests/triggers tests/sensors tests/notifications tests/retries tests/task_end tests/pages tests/secrets tests/security tests/fuzz \
	tests/model tests/proof
# One after the other: each of them has a browser, an installation or an Airflow beneath.
LARGE_TESTS := tests/browser tests/demo tests/wheel tests/airflow
# Where small tests are marked as long.
LONG_SMALL_TESTS := tests/call_list tests/operators tests/transfers tests/pages tests/fuzz
# What shows within seconds whether a change is sound: no Airflow beneath, few sockets.
QUICK_TESTS := tests/idempotence tests/call_list/test_decision.py tests/call_list/test_operators.py tests/call_list/test_freeze.py \
	tests/call_list/test_rows.py tests/hooks tests/operators/test_first_try.py tests/operators/test_second_record.py \
	tests/provider/test_signatures.py tests/provider/test_design.py tests/waiting tests/proof/test_mutants.py
# Minutes that make test may take on two idle cores, installation apart.
TEST_BUDGET := 12
# Airflows before the newest release, each with its lock file in tests/older, and a virtual environment .venv-….
OLDER := 3.1 3.2
# Those to come, with theirs in tests/newer: a beta may vanish, so where it can't be installed its tests are skipped.
NEWER := 3.4
# The others (emulator, browser, fuzz, model, proof, wheel) don't touch what differs between Airflow's versions.
AIRFLOW_TESTS := tests/calls_api tests/idempotence tests/call_list tests/hooks tests/operators tests/transfers tests/triggers tests/sensors tests/notifications tests/retries tests/task_end tests/pages tests/provider \
	tests/secrets tests/airflow
LOCK := uv pip compile --universal --python-version 3.11 --no-header --no-annotate --extra dev pyproject.toml

.PHONY: help demo up down screenshots check test test-long test-older $(OLDER:%=test-airflow-%) test-newer $(NEWER:%=test-airflow-%) test-fab test-pages-databases lint prove \
	prove-model prove-poisoned prove-mutants prove-beyond prove-kills prove-overlapping prove-caps prove-real fuzz fuzz-parsers audit bench bench-waiting bench-reports bench-rules bench-pages compare \
	lock map clean chromium postgresql mariadb

help:
	@echo "make demo        a real Airflow adds a call, and 5,000 from a warehouse, through lost answers and a kill"
	@echo "make check       lint, types and the quick tests, in less than 90 seconds"
	@echo "make test        lint, types and the tests"
	@echo "make test-long   those that take long, and that make test leaves out"
	@echo "make test-older  the tests that touch Airflow, on 3.1 and 3.2"
	@echo "make test-newer  the same on the beta of 3.4; skipped, with the reason, where that can't be installed"
	@echo "make test-fab    the pages in Airflow's UI with users of its FAB auth manager, in an environment of its own"
	@echo "make test-pages-databases  the pages with Airflow's database in MariaDB, and in PostgreSQL"
	@echo "make up          leave Airflow with the examples, and the emulator, running; again, it starts what died; make down stops them"
	@echo "make screenshots take the pictures of docs/ anew, from a real Airflow; ONLY='name …' some of them"
	@echo "make prove       the shipped code on simulated time, network and stores: every way for one try to stop, 220,000"
	@echo "                 random schedules; WHOLE=1 also runs a batch's every way; SEED=n [LEVEL=beneath] or"
	@echo "                 COMBINATION='call n' tells one of them step by step"
	@echo "make prove-model the tests of the decision at full length: 100,000 sequences of tries, 300 walks"
	@echo "make prove-poisoned one number of 5,000 that the server answers by an error each time: who is added, as a table"
	@echo "make prove-mutants bugs planted in copies of the shipped code: each is to be found by those schedules"
	@echo "make prove-beyond what becomes of calls once a bound of the promise is broken on purpose, as a table"
	@echo "make prove-kills 50 workers killed in syncs, at random moments, under a real Airflow; results compared row by row"
	@echo "make prove-overlapping two triggers, a trigger beside the schedule, a backfill of three: each with a kill between"
	@echo "                 freeze and send, under a real Airflow; people beside jobs"
	@echo "make prove-caps  ten runs at once of two DAGs under one cap, their workers killed at random; 20 seeds, two databases"
	@echo "make prove-real  105 kills of calls, syncs and shards, their supervisors too, on PostgreSQL, with upgrades and outages"
	@echo "                 between, in 18 minutes; KILLS=6 is its short form"
	@echo "make fuzz        the emulator's HTTP surface, fuzzed at length, and 100,000 refused requests"
	@echo "make fuzz-parsers every parser beneath a coverage-guided fuzzer, 10 minutes each; FUZZ_SECONDS=n, FUZZ_AT_ONCE=n"
	@echo "make audit       the locked dependencies beside the known vulnerabilities (needs the network)"
	@echo "make bench       what importing the operator costs, how fast the emulator is, and the sync beside a bare loop"
	@echo "make bench-waiting what a wait for 10,000 jobs costs a triggerer: its event loop's longest block, requests a poll"
	@echo "make bench-reports 1,000,000 attempts brought home: beside a bare loop, with pages that fail and shift, and kills"
	@echo "make bench-rules a sync of 100,000 rows with each rule beside one with none; a look at 1,000,000 excluded phones, and the"
	@echo "                 withdrawal of calls from 100,000 that are open: seconds, memory"
	@echo "make bench-pages the pages in Airflow's UI with 1,000 lists of 100 batches, and with campaigns that don't answer: milliseconds"
	@echo "make compare     HttpOperator, a loop of requests and this provider on the same faults, in a real Airflow, as a table"
	@echo "make map         draw the map in docs/design.md anew"
	@echo "make lock        pin the dependencies anew (needs uv)"

# Installs what the lock file, its first prerequisite, names, and the project, into the folder of its target.
define set-up
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12 …"; exit 1; }
@$(PYTHON) -m venv --clear $(@D) \
	|| { echo "… so virtualenv is tried instead"; $(PYTHON) -m pip install --quiet virtualenv && $(PYTHON) -m virtualenv --quiet $(@D); }
@echo "Installing into $(@D) …"
@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
@touch $@
endef

$(READY): requirements.lock pyproject.toml
	$(set-up)

$(OLDER:%=.venv-%/.ready): .venv-%/.ready: tests/older/airflow-%.lock pyproject.toml
	$(set-up)

$(NEWER:%=.venv-%/.ready): .venv-%/.ready: tests/newer/airflow-%.lock pyproject.toml
	$(set-up)

# With the FAB auth manager, which comes as a provider, and with an older library than the others.
.venv-fab/.ready: requirements.lock tests/fab/fab.lock pyproject.toml
	$(set-up)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/fab/fab.lock || { rm $@; exit 1; }

demo: $(READY)
	@$(BIN)/python -m demo.run

up: $(READY)
	@$(BIN)/python -m demo.up

down: $(READY)
	@$(BIN)/python -m demo.up down

# Which pages they show, and what happens before, is a table in demo/screenshots.py.
screenshots: $(READY) chromium
	@$(BIN)/python -m demo.screenshots $(ONLY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/api.py

check: lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile -k 'not is_found' $(QUICK_TESTS)

test: lint chromium postgresql mariadb
	@began=$$(date +%s); set -e; set -x; \
	$(BIN)/python -m pytest -m 'not long' --durations=25 --numprocesses auto --dist loadfile --no-loadscope-reorder $(SMALL_TESTS); \
	$(BIN)/python -m pytest -m 'not long' --durations=25 $(LARGE_TESTS); \
	set +x; took=$$(( ($$(date +%s) - began) / 60 )); echo "The tests took $$took minutes."; \
	[ $$took -lt $(TEST_BUDGET) ] || echo "That is over the budget of $(TEST_BUDGET) on two idle cores: see the slowest tests above, and mark as long what another test shows, too"

# What make test leaves out; syncs that are killed at random moments are for prove-kills, and for prove-real; days gone
# by, for prove-overlapping.
test-long: $(READY) chromium postgresql mariadb
	$(BIN)/python -m pytest -m long --durations=25 --numprocesses auto --dist loadfile --no-loadscope-reorder $(LONG_SMALL_TESTS)
	$(BIN)/python -m pytest -m long -k 'not killed_at_random_moments and not days_gone_by' --durations=25 $(LARGE_TESTS)

test-older: $(OLDER:%=test-airflow-%)

$(OLDER:%=test-airflow-%): test-airflow-%: .venv-%/.ready chromium postgresql
	.venv-$*/bin/python -m pytest $(AIRFLOW_TESTS)

test-newer: $(NEWER:%=test-airflow-%)

# Most Airflows in production have it. Its own roles pass the pages' tests, and roles of one's own have some beside.
test-fab: .venv-fab/.ready chromium
	AIMYLOGIC_AUTH_MANAGER=fab .venv-fab/bin/python -m pytest -m 'not long' tests/pages tests/fab

# Airflow's own database is one of these in production; the tests elsewhere have SQLite.
test-pages-databases: $(READY) chromium postgresql mariadb
	AIMYLOGIC_PAGES_DATABASE=mariadb $(BIN)/python -m pytest -m 'not long' tests/pages
	AIMYLOGIC_PAGES_DATABASE=postgres $(BIN)/python -m pytest -m 'not long' tests/pages

# What pip says stands before the reason, so that a broken network is told from a beta that is gone.
$(NEWER:%=test-airflow-%): test-airflow-%: chromium postgresql
	-@$(MAKE) --silent .venv-$*/.ready
	@if [ -e .venv-$*/.ready ]; then .venv-$*/bin/python -m pytest $(AIRFLOW_TESTS); \
	else echo "Skipped: Airflow $* can't be installed here as tests/newer/airflow-$*.lock says, for the reason above"; fi

# The browser tests need it; where it can't be installed they are skipped, with the reason.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing Chromium …" && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
		|| echo "Chromium is absent and can't be installed: the browser tests will be skipped"

# So is PostgreSQL, which only its own tests and the benchmarks start.
postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing PostgreSQL …" \
		&& apt-get update -qq && apt-get install -y -qq postgresql >/dev/null; } \
		|| echo "PostgreSQL is absent and can't be installed: its tests will be skipped"

# And MariaDB, with whose headers the driver of Airflow's MySQL hook is built.
mariadb: $(READY)
	@command -v mariadbd >/dev/null || ls /usr/sbin/mariadbd >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing MariaDB …" \
		&& apt-get update -qq && apt-get install -y -qq mariadb-server libmariadb-dev pkg-config gcc >/dev/null; } \
		|| echo "MariaDB is absent and can't be installed: its tests will be skipped"
	@$(BIN)/python -c 'import MySQLdb, duckdb, pandas, openlineage.client, statsd, axe_playwright_python' 2>/dev/null || { echo "Installing what tests have besides …"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/optional.lock; } \
		|| echo "Some of tests/optional.lock can't be installed: their tests will be skipped"

# The short form of the first, and of the tests of the decision, is part of make test.
prove: $(READY)
	@$(BIN)/python -m tests.proof

prove-model: $(READY)
	AIMYLOGIC_PROOF=whole $(BIN)/python -m pytest tests/model tests/call_list/test_dying_anywhere.py -s

prove-poisoned: $(READY)
	AIMYLOGIC_PROOF=whole $(BIN)/python -m pytest tests/call_list/test_poisoned_number.py -s

prove-mutants: $(READY)
	@$(BIN)/python -m tests.proof.mutants

prove-beyond: $(READY)
	$(BIN)/python -m tests.proof.beyond

prove-kills: $(READY)
	AIMYLOGIC_KILLS=50 $(BIN)/python -m pytest tests/airflow/test_syncs.py -k killed -s

prove-overlapping: $(READY)
	AIMYLOGIC_PROOF=whole $(BIN)/python -m pytest tests/airflow/test_overlapping_runs.py -s
	$(BIN)/python -m pytest tests/airflow/test_examples.py -k days_gone_by

prove-caps: $(READY) postgresql
	@$(BIN)/python -m tests.call_list.capped_runs

# Below 100 kills, fewer scenarios and none that take minutes.
prove-real: KILLS ?= 105
prove-real: $(READY) postgresql
	AIMYLOGIC_REAL_KILLS=$(KILLS) $(BIN)/python -m pytest tests/real

fuzz: $(READY)
	AIMYLOGIC_FUZZ_EXAMPLES=60 AIMYLOGIC_REFUSED=100000 $(BIN)/python -m pytest tests/fuzz -s
	AIMYLOGIC_SEED=random $(BIN)/python -m pytest tests/model/test_emulator.py -s

fuzz-parsers: $(READY)
	@$(BIN)/python -m tests.fuzz.parsers

# Strict: what it can't look up is an error, and not passed over.
audit: .venv-audit/.ready
	.venv-audit/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict

.venv-audit/.ready:
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@touch $@

bench: $(READY) postgresql
	$(BIN)/python benchmarks/import_cost.py
	$(BIN)/python benchmarks/emulator_speed.py
	$(BIN)/python -m benchmarks.sync

bench-waiting: $(READY)
	@$(BIN)/python -m benchmarks.waiting

# Of ATTEMPTS=n fewer.
bench-reports: ATTEMPTS ?= 1000000
bench-reports: $(READY) postgresql mariadb
	@$(BIN)/python -m benchmarks.reports_home --attempts $(ATTEMPTS)

bench-rules: $(READY)
	@$(BIN)/python -m benchmarks.rules
	@$(BIN)/python -m benchmarks.exclusion
	@$(BIN)/python -m benchmarks.withdrawing

bench-pages: $(READY)
	@$(BIN)/python -m benchmarks.pages

compare: $(READY) postgresql
	@$(BIN)/python -m benchmarks.compare

lock:
	$(LOCK) --output-file requirements.lock
	set -e; for version in $(OLDER); do \
		$(LOCK) --constraint tests/older/airflow-$$version.constraints --output-file tests/older/airflow-$$version.lock; \
	done; for version in $(NEWER); do \
		$(LOCK) --constraint tests/newer/airflow-$$version.constraints --output-file tests/newer/airflow-$$version.lock; \
	done

map: $(READY)
	@$(BIN)/python -m tests.provider.house

clean:
	rm -rf $(VENV) $(OLDER:%=.venv-%) $(NEWER:%=.venv-%) .venv-fab .venv-audit .fuzz .demo .airflow .mypy_cache .pytest_cache .ruff_cache .hypothesis .bench dist
