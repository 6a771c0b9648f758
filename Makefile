VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PAGE_TOOLS := tests/studio/browser

.PHONY: demo studio test test-slow test-engines test-browser test-ray page-tools check docs format bench clean

$(VENV)/installed: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/installed ## one pastiche from a photo of scikit-image and a built-in style
	$(BIN)/impasto demo --output demo.png --overwrite

studio: $(VENV)/studio ## the studio in the browser, on this machine
	$(BIN)/impasto studio

$(VENV)/studio: $(VENV)/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[studio,heic,video]'
	touch $@

test: $(VENV)/installed ## the default suite, under 3 minutes on two cores, no network
	$(BIN)/pytest -n 2 --dist worksteal

test-slow: $(VENV)/installed ## the slower tests: fuzzing, full-size networks, whole commands
	$(BIN)/pytest -m slow -n 2 --dist worksteal

test-engines: $(VENV)/installed ## the same pictures on TensorFlow, JAX and PyTorch
	bash tests/engines/run.sh

test-browser: $(VENV)/installed page-tools ## the studio in Debian's chromium; skipped where there is none
	$(BIN)/pytest -m browser

test-ray: $(VENV)/installed ## batches and clusters of Ray on this machine, with processes and nodes killed
	$(BIN)/pytest -m ray

page-tools: ## what checks the studio's page (TypeScript, axe-core), by npm where there is one
	@if test -d $(PAGE_TOOLS)/node_modules/typescript; then :; \
	elif ! command -v npm >/dev/null; then echo "There is no npm: the page's types and accessibility are not checked."; \
	else npm install --prefix $(PAGE_TOOLS) --no-package-lock --no-audit --no-fund --silent \
		|| echo "npm got nothing: the page's types and accessibility are not checked."; fi

check: $(VENV)/installed page-tools ## format, lint, import rules, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	test ! -d $(PAGE_TOOLS)/node_modules/typescript || $(PAGE_TOOLS)/node_modules/.bin/tsc -p tsconfig.json

docs: $(VENV)/installed ## the API reference in build/docs, from the docstrings; warnings are errors
	$(BIN)/python tools/api_reference.py build/docs

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed ## every figure of the README; results in benchmarks/results
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .venv-* build dist .pytest_cache .mypy_cache .ruff_cache
