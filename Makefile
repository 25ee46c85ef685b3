# `make play` starts the instrument; everything that it needs is installed on the way.
.PHONY: help play test proof families soak setup bench bench-models bench-host sound train docs clean
SETUP := bash .ci/setup.sh
BIN := .venv/bin

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

play: ## play; options in ARGS, such as ARGS="--preset chorale-solo" or ARGS="--help"
	@$(SETUP) play && exec $(BIN)/ripieno play $(ARGS)

test: ## install the trainer too, and run all checks; ARGS go to pytest
	@$(SETUP) test && bash .ci/test.sh $(ARGS)

proof: ## prove it with real parts: a sequencer records us, and whatever can fail fails
	@$(SETUP) proof && bash .ci/proof.sh $(ARGS)

families: ## train, export and play every family of models for minutes, a row each; names in ARGS
	@$(SETUP) test && exec $(BIN)/python -m tests.families $(ARGS)

soak: ## a day of music in virtual time: nothing grows, drifts or hangs; ARGS="--hours 24"
	@$(SETUP) test && exec $(BIN)/python -m tests.soak $(ARGS)

setup: ## install again what could not be installed before
	@rm -f .venv/ready-to-* && $(SETUP) play

bench: ## measure latencies, and print one table
	@$(SETUP) test && exec $(BIN)/python -m tests.bench $(ARGS)

bench-models: ## measure the models beside torch, transformers and llama.cpp
	@$(SETUP) test && exec bash .ci/bench-models.sh $(ARGS)

bench-host: ## measure what it costs to host models and plug-ins
	@$(SETUP) test && exec $(BIN)/python -m tests.bench_host $(ARGS)

sound: ## build the soundfont anew
	@$(SETUP) play && exec $(BIN)/python soundfonts/build.py $(ARGS)

train: ## train the chorale model anew; options in ARGS
	@$(SETUP) test && exec $(BIN)/ripieno-models train chorale-lstm $(ARGS)

docs: ## write the page about presets anew
	@$(SETUP) play && $(BIN)/ripieno presets --keys > docs/presets.md

clean: ## remove what was installed and built here
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
