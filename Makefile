# Every command of this project; `make` alone prints them. Continuous integration runs exactly these.
#
# Everything is installed in .venv, without root, a compiler, or network access beyond the package registry. A finished
# step leaves a stamp in .venv and runs again only when its inputs have changed.
# Paths are relative: the folder may have a space in its name, and make cannot quote $(CURDIR) as a prerequisite.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# PYTHON=/path/to/python3.12 selects the interpreter; the default is the first of these that is new enough.
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11)
BIN := .venv/bin
PY := $(BIN)/python
ASSETS := .venv/share/carpool/assets
# Wheels only, checked against the lock: no compiler is needed.
PIP_INSTALL := $(PY) -m pip install --disable-pip-version-check --no-build-isolation --use-pep517 --only-binary=:all:
# The user's Python configuration must not leak into the environment.
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PYTHONDONTWRITEBYTECODE

##@ Use it

.PHONY: help
help: ## print this list
	@awk 'BEGIN { FS = ":.*## "; print "make TARGET  [ARGS=\"…\" is passed to the command]" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: .venv/.warm ## the whole product in a minute: serve, publish offers, search, book (ONCE=1 stops after the answers)
	@$(BIN)/carpool demo $(if $(filter-out 0,$(ONCE)),--once) $(ARGS)

.PHONY: serve
serve: .venv/.warm ## run the service (settings: CARPOOL_… variables)
	@$(BIN)/carpool serve $(ARGS)

.PHONY: setup
setup: .venv/.warm .venv/.dev ## create .venv from the locks and compile the kernels; other targets do this as needed

##@ Change it

# Test processes; each has its own PostgreSQL. JOBS=0 runs in one process, for a debugger.
JOBS ?= 2
# A fixed seed and order; ORDER= shuffles, to find tests that depend on each other.
ORDER ?= --randomly-seed=1 --randomly-dont-reorganize
.PHONY: test
test: .venv/.warm .venv/.dev ## run every test (ARGS="tests/unit -k sweep" for some)
	@$(PY) -m pytest --numprocesses $(JOBS) --dist loadfile $(ORDER) $(ARGS)

# The same tests with many more and new examples, and asyncio's debug mode. Takes an hour or two.
.PHONY: test-thorough
test-thorough: .venv/.warm .venv/.dev ## run every test with new examples, many more of them (hours)
	@HYPOTHESIS_PROFILE=thorough $(PY) -m pytest --numprocesses $(JOBS) --dist loadfile --timeout 7200 \
		--override-ini asyncio_debug=true $(ORDER) $(ARGS)

# A sub-make with --keep-going: all checkers run, even if one fails.
.PHONY: check
check: .venv/.dev ## lint, format, types, import contracts, SQL and Dockerfile lint, secrets, dependencies; all run even if one fails
	@$(MAKE) --no-print-directory --keep-going lint format types imports lint-sql lint-image lint-pages types-pages secrets dependencies

.PHONY: fix
fix: .venv/.dev ## apply ruff's fixes and format the code
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

.PHONY: reference
reference: .venv/.dev ## regenerate the tables in docs/ from the code
	@$(PY) scripts/write_reference.py

.PHONY: screenshots
screenshots: .venv/.warm .venv/.dev ## take pictures of every page, small and large, light and dark, into build/screenshots (needs Chromium)
	@$(PY) scripts/take_screenshots.py $(ARGS)

.PHONY: lint format types imports lint-sql lint-image lint-pages types-pages secrets dependencies
lint: .venv/.dev
	@echo '== ruff check';  $(BIN)/ruff check .
format: .venv/.dev
	@echo '== ruff format'; $(BIN)/ruff format --check .
types: .venv/.dev
	@echo '== mypy';        $(BIN)/mypy
imports: .venv/.dev
	@echo '== lint-imports'; $(BIN)/lint-imports
lint-sql: .venv/.dev
	@echo '== squawk';      $(BIN)/squawk sql/migrations/*.sql
lint-image: .venv/.dev
	@echo '== hadolint';    $(BIN)/hadolint Dockerfile
lint-pages: .venv/.dev
	@echo '== oxlint';      $(BIN)/oxlint --config api/pages/static/.oxlintrc.json --deny-warnings api/pages/static
types-pages: .venv/.dev
	@echo '== tsc';         $(PY) scripts/check_page_types.py
secrets: .venv/.dev
	@echo '== secrets';     $(PY) scripts/check_secrets.py
dependencies: .venv/.dev
	@echo '== dependencies'; $(PY) scripts/check_dependencies.py && $(PY) -m pip check --disable-pip-version-check

# Sizes to measure; the reference road vectors are used if they are in a folder beside the checkout.
OFFERS ?= 1000 10000 100000
VECTORS ?= ../shared/data/luxembourg
.PHONY: bench
bench: .venv/.warm .venv/.bench ## measure the matcher and its baselines (OFFERS="1000 10000")
	@mkdir -p bench/results
	@set -e; for n in $(OFFERS); do \
		$(PY) bench/match.py --offers $$n --json bench/results/sample-$$n.json $(ARGS); \
		if [ -d "$(VECTORS)" ]; then \
			$(PY) bench/match.py --offers $$n --json bench/results/luxembourg-$$n.json --vectors "$(VECTORS)" $(ARGS); \
		fi; \
	done

.PHONY: lock
lock: .venv/.dev ## regenerate the locks from pyproject.toml (ARGS=--upgrade for the newest releases)
	@requirements/lock.sh $(ARGS)

.PHONY: image
IMAGE ?= carpool-matcher
image: ## build the container image (BASE=… for another base, IMAGE=name:tag)
	docker build $(if $(BASE),--build-arg BASE="$(BASE)") --tag "$(IMAGE)" .

.PHONY: clean
clean: ## remove the environment, caches and build results; .carpool, which holds data, stays
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis bench/results
	find . -name .git -prune -o -name .carpool -prune -o -type d -name __pycache__ -exec rm -rf {} +

# ------------------------------------------------------------------------------------------------------------- stamps

.venv/.created:
	@python=; for candidate in $(PYTHONS); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "setup: Python 3.11 or newer is needed and none was found (tried: $(subst ",,$(PYTHONS)))." >&2; \
		echo "       Install it, or specify one: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "setup: $$("$$python" --version) has no venv or ensurepip, which are needed to create the environment." >&2; \
		echo "       On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "== setup: creating .venv with $$("$$python" --version)"; \
	"$$python" -m venv --clear .venv
	@touch $@

.venv/.runtime: .venv/.created requirements/build.txt requirements/runtime.txt requirements/assets.txt pyproject.toml
	@echo '== setup: installing the run-time dependencies (about half a minute the first time)'
	@$(PIP_INSTALL) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP_INSTALL) --no-deps --quiet --editable .
	@# Files for browsers: beside the environment, because what these packages depend on is not wanted.
	@rm -rf $(ASSETS)
	@$(PIP_INSTALL) --quiet --no-deps --require-hashes --target $(ASSETS) -r requirements/assets.txt
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	@echo '== setup: installing test and lint tools'
	@# forbiddenfruit, pure Python, is published only as source: the locked setuptools builds its wheel.
	@$(PIP_INSTALL) --no-binary=forbiddenfruit --require-hashes -r requirements/dev.txt
	@touch $@

.venv/.bench: .venv/.runtime requirements/bench.txt
	@echo '== setup: installing the benchmark baselines'
	@$(PIP_INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@

# Compiled kernels are cached in __pycache__ by the hash of their sources and the CPU type, so an edited kernel is
# compiled again at its next use; PYTHONDONTWRITEBYTECODE has no effect on them.
.venv/.warm: .venv/.runtime
	@echo '== setup: compiling the kernels (a minute and a half of CPU time, once)'
	@$(BIN)/carpool warm
	@touch $@
