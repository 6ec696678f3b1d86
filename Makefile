# Everything that a developer does with this checkout. Works with GNU make 3.81, as on macOS.
# Each target's line ends with its text in `make help`.

PYTHON ?= python3
# Options of pytest in `make test`, such as PYTEST_OPTIONS=tests/unit. Four processes even on two cores, because most
# tests wait for processes that they started. Each of the four starts its own servers.
PYTEST_OPTIONS ?= -n 4 --dist worksteal

# How many random cases `make faithful` tries for each model, and `make model` for each database.
EXAMPLES ?= 100

# How many inputs `make fuzz` tries, and how many renderings `make fuzz-templates`.
INPUTS ?= 1000000

# How many changed files `make hostile` reads for each hostile one, and the names of those to read; none reads all.
MUTATIONS ?= 200
FILES ?=

# How many signals `make interrupts` sends.
MOMENTS ?= 200

# The folder of foreign files that `make sweep` reads, and more of its options, such as OPTIONS='--show 200'.
FOLDER ?= .
OPTIONS ?=

# How many rows with hostile parameters `make fuzz-parameters` tries.
ROWS ?= 10000

# How long `make chaos` runs, the seed of its plan, and the database: sqlite, postgresql or both.
MESSAGES ?= 100000
MINUTES ?= 30
SEED ?= 1
DATABASE ?= both

# PyTorch for the CPU alone (TORCH=cpu) saves 4 GB of CUDA (TORCH=cuda); auto looks for an NVIDIA GPU.
TORCH ?= auto
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
INSTALLED := $(VENV)/.installed
DEVELOPED := $(VENV)/.installed-dev
TOOLS := $(VENV)/tools
TINY_MODEL := examples/tiny-qwen3
INVOICES := examples/invoices.jsonl
DEMO_ANSWERS := demo-answers.jsonl

.DEFAULT_GOAL := help

.PHONY: help
help: ## list all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: $(INSTALLED) ## install qwenq in .venv, again only when its versions change: TORCH=cpu or cuda

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON); name another: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old, qwenq needs Python 3.11; name another: make install PYTHON=python3.11" >&2; exit 1; }
	@echo "Installing into $(VENV). The first time takes minutes: PyTorch is large."
	$(PYTHON) -m venv $(VENV)
	@if [ "$(TORCH)" = cpu ] || { [ "$(TORCH)" = auto ] && [ "$$(uname -s)" = Linux ] && [ ! -e /dev/nvidia0 ] && [ ! -e /dev/dxg ]; }; then \
		echo "There is no NVIDIA GPU: taking PyTorch for the CPU, which is much smaller. For the other: make install TORCH=cuda"; \
		$(PIP) --retries 2 --no-deps --index-url $(TORCH_CPU_INDEX) "$$(grep '^torch==' constraints.txt)" \
			|| echo "make: $(TORCH_CPU_INDEX) has none for this machine, or cannot be reached: taking the ordinary PyTorch" >&2; \
	fi
	$(PIP) -c constraints.txt -e '.[documents,excel,parquet,serve]'
	@touch $@

.PHONY: dev
dev: $(DEVELOPED) ## install the tools of lint, types, test and bench as well

$(DEVELOPED): $(INSTALLED)
	$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@

.PHONY: demo
demo: install ## answer 60 questions about invoices with the tiny model, and check the answers
	$(BIN)/qwenq run $(INVOICES) --model $(TINY_MODEL) --max-new-tokens 32 -o $(DEMO_ANSWERS)
	$(BIN)/python -m examples.check_answers $(INVOICES) $(DEMO_ANSWERS)

.PHONY: test
test: dev ## run all tests; they start their own Redis and PostgreSQL
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

.PHONY: faithful
faithful: dev ## compare answers in batches with those of the model alone, in random cases: EXAMPLES=200
	FAITHFUL_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest $(PYTEST_OPTIONS) --timeout 0 $(wildcard tests/unit/worker/engines/transformers/faithful/*.py)

.PHONY: coins
coins: dev ## throw 2,000 coins, a document each, in many jobs; each must be fair within 3 sigma: JOBS=20
	COIN_JOBS=$(or $(JOBS),20) $(BIN)/python -m pytest $(PYTEST_OPTIONS) tests/unit/worker/test_coins.py

.PHONY: families
families: dev ## compare answers of Qwen's architectures in all variations with those of the model alone: EXAMPLES=100
	$(BIN)/python -m tests.scan --families --documents $(EXAMPLES)

.PHONY: rounding
rounding: dev ## measure what bfloat16 does to answers, for the table in docs/models.md; takes some minutes
	$(BIN)/python -m tests.scan.rounding

.PHONY: scan-models
scan-models: dev ## try every causal model that Transformers can build; writes docs/scanned-models.md; takes half an hour
	$(BIN)/python -m tests.scan --page docs/scanned-models.md

.PHONY: model
model: dev ## compare the store with a plain model of it, alone and concurrently: EXAMPLES=2000
	MODEL_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest $(PYTEST_OPTIONS) --timeout 0 tests/integration/store/model

.PHONY: fuzz
fuzz: dev ## feed random bytes to the readers and random templates to the sandbox: INPUTS=1000000
	$(BIN)/python -m tests.fuzzing --inputs $(INPUTS)

.PHONY: garbage
garbage: dev ## push random messages into the queues of a running worker and beat: MESSAGES=100000 SEED=1
	$(BIN)/python -m tests.fuzzing.broker --messages $(MESSAGES) --seed $(SEED)

.PHONY: hostile
hostile: dev ## read hostile files, and changed ones, beside good files: MUTATIONS=200 FILES=q_nest.pdf,wide.csv
	$(BIN)/python -m tests.hostile --mutations $(MUTATIONS) --files "$(FILES)"

.PHONY: sweep
sweep: dev ## read a folder of foreign files, and measure each: FOLDER=/data/inbox OPTIONS='--show 200'
	$(BIN)/python -m tests.sweep $(FOLDER) $(OPTIONS)

.PHONY: fuzz-templates
fuzz-templates: dev ## render drawn templates and report the longest call: INPUTS=1000000 SEED=1
	$(BIN)/python -m tests.fuzzing.templates --renderings $(INPUTS) --seed $(SEED)

.PHONY: fuzz-parameters
fuzz-parameters: dev ## answer rows with hostile parameters beside good ones, and measure: ROWS=10000 SEED=1
	$(BIN)/python -m tests.fuzzing.parameters --rows $(ROWS) --seed $(SEED)

.PHONY: fuzz-service
fuzz-service: dev ## call the HTTP service with drawn forms, JSON, paths and broken HTTP, then audit: INPUTS=200000 SEED=1
	$(BIN)/python -m tests.fuzzing.service --inputs $(INPUTS) --seed $(SEED)

.PHONY: clients
clients: dev ## install real clients of OpenAI's API into build/clients/, and have each run a batch: ONLY=openai-3,airflow
	$(BIN)/python -m tests.clients --only "$(ONLY)"

.PHONY: openapi
openapi: dev ## call every operation of the OpenAPI document with schemathesis, which gets an environment of its own: CASES=10000
	$(BIN)/python -m tests.clients.openapi --cases $(or $(CASES),10000) --seed $(SEED)

.PHONY: ogx-tests
ogx-tests: dev ## run the public tests of ogx's Files and Batches against the service: OGX=/path/to/ogx
	$(BIN)/python -m tests.clients.foreign $(OGX)

.PHONY: chaos
chaos: dev ## kill, stop and cut off processes and servers, then audit: MINUTES=30 SEED=1 DATABASE=both
	$(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) --database $(DATABASE)

.PHONY: interrupts
interrupts: dev ## send signals at random moments of submit, run, status and results: MOMENTS=200 SEED=1
	INTERRUPT_MOMENTS=$(MOMENTS) INTERRUPT_SEED=$(SEED) $(BIN)/python -m pytest $(PYTEST_OPTIONS) tests/acceptance/test_interrupted_anywhere.py

.PHONY: lint
lint: dev ## check rules and format with ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: dev ## check types with mypy, strict
	$(BIN)/mypy

.PHONY: check
check: lint types test ## run lint, types and test

.PHONY: bench
bench: bench-schedules bench-week bench-submit bench-reading bench-pipeline bench-chunks bench-reliability bench-startup bench-engine bench-structured bench-monitoring bench-single-requests bench-long-documents bench-service-batches bench-service-uploads bench-service-polling ## run all benchmarks

.PHONY: bench-submit
bench-submit: dev ## measure how fast documents are stored
	$(BIN)/python -m benchmarks.submit

.PHONY: bench-reading
bench-reading: dev ## measure the cost of reading files in a process that can be killed
	$(BIN)/python -m benchmarks.reading

.PHONY: bench-pipeline
bench-pipeline: dev ## measure the cost of the queue, with an engine that costs nothing
	$(BIN)/python -m benchmarks.pipeline

.PHONY: bench-chunks
bench-chunks: dev ## measure how long the device waits between chunks
	$(BIN)/python -m benchmarks.chunks

.PHONY: bench-reliability
bench-reliability: dev ## measure the cost of claims, leases, fences and outcomes
	$(BIN)/python -m benchmarks.reliability

.PHONY: bench-schedules
bench-schedules: dev ## measure an unchanged scheduled run, and a thousand runs due at once
	$(BIN)/python -m benchmarks.schedules

.PHONY: bench-week
bench-week: dev ## simulate a week of a schedule with two beats, kills, and clocks that go back; takes minutes
	$(BIN)/python -m benchmarks.scheduled_week

.PHONY: bench-startup
bench-startup: dev ## measure how fast commands and services start
	$(BIN)/python -m benchmarks.startup

.PHONY: bench-engine
bench-engine: dev ## compare the engine with others; with vLLM: VLLM_PYTHON=/path/to/python
	$(BIN)/python -m benchmarks.engine $(if $(VLLM_PYTHON),--vllm-python $(VLLM_PYTHON))

.PHONY: bench-json-schemas
bench-json-schemas: dev ## hold the schemas of JSONSchemaBench against their instances: DATA=/path/to/maskbench/data
	$(BIN)/python -m benchmarks.json_schemas $(DATA)

.PHONY: bench-long-documents
bench-long-documents: dev ## measure documents that do and do not fit into the model's context
	$(BIN)/python -m benchmarks.long_documents

.PHONY: bench-monitoring
bench-monitoring: dev ## measure Flower's pages and memory, with a million documents and 20 workers
	$(BIN)/python -m benchmarks.monitoring

.PHONY: bench-service-batches
bench-service-batches: dev ## compare a batch by the HTTP service with `qwenq submit`
	$(BIN)/python -m benchmarks.service_batches

.PHONY: bench-service-uploads
bench-service-uploads: dev ## measure the memory of the HTTP service while ten files of 200 MB are uploaded
	$(BIN)/python -m benchmarks.service_uploads

.PHONY: bench-service-polling
bench-service-polling: dev ## measure the HTTP service with 100 clients that poll, and a million documents
	$(BIN)/python -m benchmarks.service_polling

.PHONY: bench-tenants-apart
bench-tenants-apart: dev ## measure whether the time of a 404 tells that another tenant has the object
	$(BIN)/python -m benchmarks.tenants_apart

.PHONY: bench-single-requests
bench-single-requests: dev ## measure single requests over HTTP, idle and behind a million documents
	$(BIN)/python -m benchmarks.single_requests

.PHONY: bench-structured
bench-structured: dev ## measure the cost of a JSON schema for answers
	$(BIN)/python -m benchmarks.structured

.PHONY: tiny-model
tiny-model: install ## train the tiny model again (about half an hour) and measure it
	$(BIN)/python -m examples.tiny_model.train
	$(BIN)/python -m examples.tiny_model.evaluate

.PHONY: tools
tools: $(TOOLS)/.installed ## install the tools of lock, sbom and audit, apart from qwenq

$(TOOLS)/.installed: .ci/tools.txt $(INSTALLED)
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/tools.txt
	@touch $@

.PHONY: lock
lock: tools ## resolve all dependencies again, with hashes; writes deploy/requirements.lock, deploy/torch.lock
	deploy/make-lock.sh $(TOOLS)/bin/uv

.PHONY: sbom
sbom: tools ## write what is installed in .venv as a CycloneDX bill of materials, sbom.json
	$(TOOLS)/bin/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json

.PHONY: audit
audit: tools ## look up known vulnerabilities of the locked versions; fails if they cannot be looked up
	.ci/audit $(TOOLS)/bin/pip-audit

.PHONY: pin-images
pin-images: ## look up the digests of Compose's images; writes docker-compose.pinned.yml; needs Docker
	deploy/pin-images.sh

.PHONY: docs
docs: install ## generate docs/cli.md and docs/settings.md from the code
	$(BIN)/python -m docs.generate

.PHONY: pictures
pictures: dev ## take screenshots of Flower's pages for docs/images/; needs a Chromium
	$(BIN)/python -m docs.pictures

.PHONY: clean
clean: ## remove caches, builds and the demo's answers; keep .venv and .qwenq, which holds your jobs
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage demo-answers*.jsonl
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
