# Every target shares one environment, .venv, with funit installed as editable.
# `make` alone lists the targets. Another Python: `make demo PYTHON=python3.12`.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -c constraints.txt
STATIC := src/funit/service/static
EXTRAS := plots,tensorboard,evaluate,onnx,openvino,serve,s3,dev
OLDEST := 3, 11

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo install web test test-slow check fix docs site clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1@/' | awk -F@ '{printf "%-18s %s\n", $$1, $$2}'

demo: $(VENV)/.core  ## install what a translation needs, then draw demo/contact-sheet.png
	$(PY) -m funit demo

install: $(VENV)/.all  ## install every extra of funit, and what the tests need

web: $(STATIC)/index.html  ## build the web page, with Node.js, into the package

# In two processes, of one thread each; what the second prints comes behind the first.
HALF := tests/service tests/client tests/training tests/web
test: install  ## the quick tests, a quarter of an hour on two cores
	@log=$$(mktemp); trap 'kill $$half 2>/dev/null; rm -f $$log' EXIT; export OMP_NUM_THREADS=1; \
	$(PY) -m pytest -m "not slow and not gpu" $(HALF) >$$log 2>&1 & half=$$!; \
	failed=0; \
	$(PY) -m pytest -m "not slow and not gpu" $(addprefix --ignore=,$(HALF)) || failed=1; \
	wait $$half || failed=1; \
	cat $$log; exit $$failed

test-slow: install  ## the tests marked slow
	$(PY) -m pytest -m "slow and not gpu" || [ $$? -eq 5 ]  # 5: there are none

check: install  ## formatting, lint, types
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

fix: install  ## put formatting and simple lint right
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

docs: install  ## write docs/settings.md, and the table in docs/service.md, anew from the settings
	$(PY) scripts/write_settings.py

site: docs $(VENV)/.site  ## build the documentation into build/site
	$(PY) -m zensical build --clean

clean:  ## remove the environment and every cache
	rm -rf $(VENV) web/node_modules $(STATIC) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# An environment that is missing, half made or too old is made anew; any other is kept.
$(VENV)/.made:
	@if ! $(PY) -c 'import pip, sys; sys.exit(sys.version_info < ($(OLDEST)))' 2>/dev/null; then \
	    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < ($(OLDEST)))' || { \
	        echo "Error: \`$(PYTHON)\` is not Python 3.11 or newer" >&2; \
	        echo "hint: name one that is, e.g. \`make $(or $(MAKECMDGOALS),demo) PYTHON=python3.12\`" >&2; \
	        exit 1; \
	    }; \
	    echo "$(PYTHON) -m venv $(VENV)"; \
	    $(PYTHON) -m venv --clear $(VENV); \
	fi
	@touch $@

# torch is by far the largest download, so that one shows its progress.
$(VENV)/.torch: constraints.txt | $(VENV)/.made
	$(PIP) torch
	@touch $@

$(VENV)/.core: pyproject.toml $(VENV)/.torch
	$(PIP) --quiet -e .
	@touch $@

$(VENV)/.all: pyproject.toml $(VENV)/.torch
	$(PIP) --quiet -e ".[$(EXTRAS)]"
	@touch $@ $(VENV)/.core  # more than the core is the core too

web/node_modules/.made: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "Error: no npm: the page is built with Node.js" >&2; \
	    echo "hint: install Node.js 20 or newer; \`funit serve\` answers programs without it" >&2; exit 1; }
	cd web && npm ci --no-audit --no-fund
	@touch $@

$(STATIC)/index.html: web/node_modules/.made $(shell find web/src web/index.html web/*.config.ts web/tsconfig.json -type f 2>/dev/null)
	cd web && npm run --silent build

# Apart: neither funit nor its tests need the site's generator.
$(VENV)/.site: pyproject.toml $(VENV)/.torch
	$(PIP) --quiet -e ".[docs]"
	@touch $@
