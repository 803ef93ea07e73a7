# One word per act. Everything lands in .venv, maps/static and var; nothing else on the machine is touched but Debian packages.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
WEB := maps/web
SAY = @printf '\033[1m%s\033[0m\n'
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup run test check audit bench chaos demo-reset clean lock

help: ## Show what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready maps/static/.ready ## Install everything that make run needs
	@$(BIN)/tianshu install

run: setup ## Set everything up and run the service with the demo city
	@$(BIN)/tianshu up --demo

test: $(VENV)/.ready maps/static/.ready ## Run all tests, the browser ones included
	@$(BIN)/tianshu install --browser
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal

check: $(VENV)/.ready ## Format, lint, types, contracts, known vulnerabilities, unit tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python scripts/audit.py --where-possible
	@$(BIN)/pytest -q tests/unit tests/house

audit: $(VENV)/.ready ## Ask the public vulnerability service about the pinned libraries (needs the internet)
	@$(BIN)/python scripts/audit.py

bench: setup ## Measure the figures; each script prints JSON
	@for script in bench/[a-z]*.py; do $(BIN)/python -m bench.$$(basename $$script .py) || exit 1; done

chaos: setup ## Break gateways, database, bus and lines by random schedules; prove that nothing acknowledged is lost
	@$(BIN)/tianshu install --browser
	@$(BIN)/python -m bench.chaos

demo-reset: $(VENV)/.ready ## Delete the private database and the demo, and nothing else
	@$(BIN)/tianshu reset --yes

clean: ## Delete everything that was built or installed here, but not the database
	@rm -rf $(VENV) maps/static $(WEB)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

lock: $(VENV)/.ready ## Pin the dependencies anew
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-annotate --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-annotate --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements-dev.lock

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	$(SAY) 'Python environment: about two minutes the first time …'
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || (rm -rf $(VENV); sh scripts/need.sh python3-venv && $(PYTHON) -m venv $(VENV))
	@$(BIN)/pip install --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -q --no-deps --no-build-isolation --no-index -e .
	@touch $@

maps/static/.ready: $(WEB)/package-lock.json $(shell find $(WEB)/src $(WEB)/public $(WEB)/index.html $(WEB)/vite.config.ts -type f 2>/dev/null)
	$(SAY) 'Web pages: about a minute the first time …'
	@cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@
