# Everything a person does with this checkout. GNU make 3.81 (the one on macOS) is enough.
# Each target's line ends with what `make help` says of it.

PYTHON ?= python3
# Given to pytest by `make test`; such as PYTEST_OPTIONS=tests/unit. Three at once also on two cores, since most tests
# wait for processes that they started; each of the three brings its own servers.
PYTEST_OPTIONS ?= -n 3 --dist worksteal

# How many cases `make faithful` draws for each model, and `make model` for each database.
EXAMPLES ?= 100

# How many inputs `make fuzz` tries.
INPUTS ?= 1000000

# How long `make chaos` troubles the processes, by which plan, on which database: sqlite, postgresql or both.
MINUTES ?= 30
SEED ?= 1
DATABASE ?= both

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TINY_MODEL := examples/tiny-qwen3
INVOICES := examples/invoices.jsonl
DEMO_ANSWERS := demo-answers.jsonl

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: $(INSTALLED) ## qwenq and its tools in .venv; again only when their versions change

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON); say which: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old, qwenq needs Python 3.11; say another: make install PYTHON=python3.11" >&2; exit 1; }
	@echo "Installing into $(VENV). The first time takes minutes: PyTorch is large."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

.PHONY: demo
demo: install ## answer 60 questions about invoices with the tiny model, and check the answers
	$(BIN)/qwenq run $(INVOICES) --model $(TINY_MODEL) --max-new-tokens 32 -o $(DEMO_ANSWERS)
	$(BIN)/python -m examples.check_answers $(INVOICES) $(DEMO_ANSWERS)

.PHONY: test
test: install ## all tests; they bring their own Redis and PostgreSQL
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

.PHONY: faithful
faithful: install ## answers in batches against the model alone, in other cases each time: EXAMPLES=200
	FAITHFUL_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest $(PYTEST_OPTIONS) --timeout 0 $(wildcard tests/unit/worker/engines/transformers/faithful/*.py)

.PHONY: model
model: install ## the store against a model of it, and each pair of transactions side by side: EXAMPLES=2000
	MODEL_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest $(PYTEST_OPTIONS) --timeout 0 tests/integration/store/life

.PHONY: fuzz
fuzz: install ## any bytes into the readers, any template into the rendering of prompts: INPUTS=1000000
	$(BIN)/python -m tests.fuzzing --inputs $(INPUTS)

.PHONY: chaos
chaos: install ## kill, stop and cut off what works, and audit what becomes of it: MINUTES=30 SEED=1 DATABASE=both
	$(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) --database $(DATABASE)

.PHONY: lint
lint: install ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: install ## mypy, strict
	$(BIN)/mypy

.PHONY: check
check: lint types test ## lint, types and test

.PHONY: bench
bench: bench-schedules bench-week bench-submit bench-pipeline bench-chunks bench-reliability bench-startup bench-engine bench-structured bench-monitoring bench-splitting ## all benchmarks

.PHONY: bench-submit
bench-submit: install ## how fast documents go into the store
	$(BIN)/python -m benchmarks.submitting

.PHONY: bench-pipeline
bench-pipeline: install ## what the queue costs, with an engine that costs nothing
	$(BIN)/python -m benchmarks.pipeline

.PHONY: bench-chunks
bench-chunks: install ## how long the device waits between chunks
	$(BIN)/python -m benchmarks.chunks

.PHONY: bench-reliability
bench-reliability: install ## what claims, leases, fences and outcomes cost
	$(BIN)/python -m benchmarks.reliability

.PHONY: bench-schedules
bench-schedules: install ## a scheduled run where nothing changed, and a thousand due at once
	$(BIN)/python -m benchmarks.schedules

.PHONY: bench-week
bench-week: install ## a simulated week of a schedule, two beats, kills, and clocks that go back: some minutes
	$(BIN)/python -m benchmarks.scheduled_week

.PHONY: bench-startup
bench-startup: install ## how fast commands and services start
	$(BIN)/python -m benchmarks.startup

.PHONY: bench-engine
bench-engine: install ## the engine against its peers; with vLLM: VLLM_PYTHON=/path/to/python
	$(BIN)/python -m benchmarks.engine $(if $(VLLM_PYTHON),--vllm-python $(VLLM_PYTHON))

.PHONY: bench-splitting
bench-splitting: install ## documents that do and do not fit into the model's context
	$(BIN)/python -m benchmarks.splitting

.PHONY: bench-monitoring
bench-monitoring: install ## Flower's answers and memory, with a million documents and the events of 20 workers
	$(BIN)/python -m benchmarks.monitoring

.PHONY: bench-structured
bench-structured: install ## what it costs to hold answers to a JSON schema
	$(BIN)/python -m benchmarks.structured

.PHONY: tiny-model
tiny-model: install ## train the tiny model anew (about half an hour), and measure it
	$(BIN)/python -m examples.tiny_model.train
	$(BIN)/python -m examples.tiny_model.evaluate

.PHONY: docs
docs: install ## write docs/cli.md and docs/settings.md anew from the code
	$(BIN)/python -m docs.generate

.PHONY: pictures
pictures: install ## photograph Flower's pages into docs/images/; needs a Chromium
	$(BIN)/python -m docs.pictures

.PHONY: clean
clean: ## remove caches, builds and the demo's answers; .venv and .qwenq, which holds your jobs, stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage demo-answers*.jsonl
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
