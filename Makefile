# `make` alone lists what there is. The environment is made on first use, and again when a list of dependencies changes.

PARAMS ?= params.yaml
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
QUIET := -qq --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test test-faults check serve bench

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: $(READY)  ## bring the project up to date and show the page; PARAMS=mine.yaml for another project, PROMOTE=1 to publish, INGEST=1 with new data
	@$(BIN)/python -m flows.retrain --params $(PARAMS) $(if $(PROMOTE),--promote) $(if $(INGEST),--ingest)

test: $(READY)  ## the tests
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

test-faults: $(READY)  ## kills runs at every fault point, and runs them again; MOMENTS=20 SEED=0 also at random moments
	@FAULT_MOMENTS=$(or $(MOMENTS),0) FAULT_SEED=$(or $(SEED),0) $(BIN)/python -m pytest -q -m "" -n 2 tests/faults

check: $(READY)  ## style, types, and the rules of the rooms
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

serve: $(READY)  ## Prefect's server, a worker and the schedules, on this machine only; EVERY=60 also runs each minute; Ctrl-C ends it
	@$(BIN)/python -m flows.serve $(if $(EVERY),--every $(EVERY))

bench: $(READY)  ## the quick benchmarks of cost; full ones, and those of accuracy: benchmarks/README.md
	@$(BIN)/python -m benchmarks.step_cost --quick
	@$(BIN)/python -m benchmarks.throughput --quick

$(READY): pyproject.toml constraints.txt requirements-tflite.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): two to three minutes, 2.4 GB"
	@$(BIN)/python -m pip install $(QUIET) -c constraints.txt -e '.[dev,tflite,review]'
	@$(BIN)/python -m pip install $(QUIET) --no-deps -c constraints.txt -r requirements-tflite.txt
	@touch $@
