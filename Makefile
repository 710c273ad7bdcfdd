# `make` lists the targets. Needed: make, Python 3.10 or newer and a package index; uv is fetched when it is missing.

PYTHON ?= python3
ARGS ?=
SECONDS ?= 300
export UV_PYTHON_DOWNLOADS := never

UV := $(or $(shell command -v uv 2>/dev/null),.tools/uv/bin/uv)
MEMBERS := $(sort $(wildcard integrations/*/pyproject.toml))
MANIFESTS := pyproject.toml constraints.txt $(MEMBERS)
INSTALL = $(UV) pip install --quiet --python .venv/bin/python --constraints constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint notebooks docs format types wheels version matrix live compare compare-llamaindex bench bench-short fuzz soak constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.demo ## see it work in a minute: local sandbox, no key, no account
	@.venv/bin/python scripts/demo.py

test: .venv/.test ## unit and contract tests, in parallel, without keys or network; ARGS="-k stream" narrows them
	@.venv/bin/python scripts/offline/run.py -m pytest -n auto $(ARGS)

lint: .venv/.lint ## ruff check, ruff format --check and pyright
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright

types: .venv/.lint ## pyright, strict
	@.venv/bin/pyright

format: .venv/.lint ## let ruff format, and fix what it can
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

notebooks: .venv/.notebooks ## run every notebook against the sandbox; ARGS=--update stores what it prints
	@.venv/bin/python scripts/notebooks.py $(ARGS)

docs: .venv/.docs ## build the documentation's site into site/, strictly; needs Python 3.11
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "The site's builder needs Python 3.11 or newer in .venv: make clean, then make PYTHON=python3.11 docs" >&2; exit 1; }
	@.venv/bin/python scripts/site_pages.py
	@.venv/bin/zensical build --clean --strict
	@.venv/bin/python scripts/site_check.py

wheels: | $(UV) ## build a wheel and an sdist of each distribution into dist/ and look into them
	@rm -rf dist
	@UV=$(UV) $(UV) run --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" --script scripts/wheels.py dist
	@ls dist

version: ## the version of the five distributions; VERSION=0.2.0 sets it
	@$(PYTHON) scripts/version.py $(VERSION)

matrix: | $(UV) ## install the wheels into clean environments (lowest, highest, openai 2, one framework) and test them
	@UV=$(UV) $(PYTHON) scripts/matrix.py $(ARGS)

live: .venv/.test ## tests against a real server: QWEN_LIVE_BASE_URL, _MODEL, _API_KEY, _PROVIDER
	@.venv/bin/python -m pytest tests/live $(ARGS)

compare: .venv-compare/.installed ## probe ChatQwen and its peers side by side and write docs/comparison.md
	@UPDATE=1 .venv-compare/bin/python -m pytest -q tests/compare $(ARGS)

compare-llamaindex: .venv-compare-llamaindex/.installed .venv-compare-openrouter/.installed ## run the LlamaIndex suite over Qwen and its peers and write docs/comparison-llamaindex.md
	@$(UV) pip install --quiet --python .venv-compare-llamaindex/bin/python --no-deps --reinstall integrations/llama-index-llms-qwen
	@UPDATE=1 .venv-compare-llamaindex/bin/python -m pytest -q tests/compare_llamaindex $(ARGS)

bench: .venv-bench/.installed .venv-compare/.installed .venv-compare-llamaindex/.installed .venv-compare-openrouter/.installed ## measure CPU and memory beside the peers, print them and write docs/benchmarks.md; takes a quarter of an hour
	@.venv-bench/bin/python -m benchmarks $(ARGS)

bench-short: .venv-bench/.installed ## guard the ratios of `make bench` with slack, in a minute
	@.venv-bench/bin/python -m benchmarks --short $(ARGS)

fuzz: .venv-fuzz/.installed ## look for bytes that the decoders cannot bear, for SECONDS=300; what is found goes into tests/fuzz/crashes
	@.venv-fuzz/bin/python -m tests.fuzz.campaign --seconds $(SECONDS) $(ARGS)

soak: .venv/.test ## load: many calls at once, then calls without a pause for SECONDS=300; prints what it measured
	@.venv/bin/python scripts/soak.py --seconds $(SECONDS) $(ARGS)

constraints: | $(UV) ## move the pins of constraints.txt to the newest versions
	@{ sed '/^[^#]/,$$d' constraints.txt; echo "rich uv" | tr ' ' '\n' | $(UV) pip compile --quiet --universal \
		--python-version 3.10 --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
		--group test --group notebooks --group docs --group lint $(MEMBERS) - | grep -v '^-e'; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## remove what the other targets made
	rm -rf .venv .venv-bench .venv-compare* .venv-fuzz .tools dist build site .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp adds to the one environment: the demo needs little, the tests more, the linters most.
.venv/.demo: $(MANIFESTS) | $(UV)
	@$(OLD_PYTHON)
	@test -x .venv/bin/python || $(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@echo "installing the five distributions into .venv"
	@$(INSTALL) --group demo $(patsubst %/pyproject.toml,--editable %,$(MEMBERS))
	@touch $@

.venv/.test: .venv/.demo
	@echo "installing the test tools into .venv"
	@$(INSTALL) --group test
	@touch $@

.venv/.notebooks: .venv/.demo
	@echo "installing what the notebooks import into .venv"
	@$(INSTALL) --group notebooks
	@touch $@

.venv/.docs: .venv/.demo
	@echo "installing the site's builder into .venv"
	@$(INSTALL) --group docs
	@touch $@

.venv/.lint: .venv/.test .venv/.notebooks
	@echo "installing the linters into .venv"
	@$(INSTALL) --group lint
	@touch $@

# The peers' exact versions are in pyproject.toml; they need other libraries than constraints.txt pins.
.venv-compare/.installed: $(MANIFESTS) | $(UV)
	$(call INSTALL_PEERS,compare,qwen-endpoints langchain-qwen qwen-sandbox)

# The libraries are pinned like those of .venv; the Python is the peers', so that their figures can be compared.
.venv-bench/.installed: $(MANIFESTS) | $(UV)
	@test -x $(@D)/bin/python || $(UV) venv --quiet --python '>=3.11' $(@D)
	@echo "installing what is measured into $(@D)"
	@$(UV) pip install --quiet --python $(@D)/bin/python --constraints constraints.txt --group bench \
		$(patsubst %,--editable integrations/%,qwen-endpoints langchain-qwen llama-index-llms-qwen)
	@touch $@

# Qwen itself is built anew for each run: the suite looks into what is installed, too.
.venv-compare-llamaindex/.installed: $(MANIFESTS) | $(UV)
	$(call INSTALL_PEERS,compare-llamaindex,qwen-endpoints llama-index-llm-tests qwen-sandbox)

.venv-compare-openrouter/.installed: $(MANIFESTS) | $(UV)
	$(call INSTALL_PEERS,compare-openrouter,llama-index-llm-tests qwen-sandbox)

# atheris has wheels for Linux on x86-64 and Python 3.10 to 3.14 (PyPI, 2026-11-22). Where it has none, `make fuzz` says so
# and ends well.
.venv-fuzz/.installed: $(MANIFESTS) | $(UV)
	@test -x .venv-fuzz/bin/python || $(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv-fuzz
	@echo "installing the fuzzer into .venv-fuzz"
	@$(UV) pip install --quiet --python .venv-fuzz/bin/python --constraints constraints.txt --editable integrations/qwen-endpoints
	@$(UV) pip install --quiet --python .venv-fuzz/bin/python --constraints constraints.txt --only-binary atheris --group fuzz || true
	@touch $@

# $(1): a dependency group, after which the environment is called; $(2): what of ours goes into it.
define INSTALL_PEERS
	@test -x $(@D)/bin/python || $(UV) venv --quiet --python '>=3.11' $(@D)
	@echo "installing what is compared into $(@D)"
	@$(UV) pip install --quiet --python $(@D)/bin/python --group $(1) $(patsubst %,--editable integrations/%,$(2))
	@touch $@
endef

.tools/uv/bin/uv:
	@$(OLD_PYTHON)
	@echo "uv is not installed; fetching it into .tools/uv"
	@$(PYTHON) -m venv .tools/uv || { echo "could not make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; }
	@.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv

define OLD_PYTHON
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	echo "'$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing); Python 3.10 or newer is needed." >&2; \
	echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
endef
