PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The theme's notice about the next major version of mkdocs; the lock holds the present one.
export NO_MKDOCS_2_WARNING := 1

# A process a core, four at most: each loads torch. Who is done takes from another the last half of what is left to it,
# so that neighbours, which share what they set up, mostly stay together. Without these words pytest is one process.
PARALLEL ?= -n auto --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help install test demo docs bench clean

help:
	@echo "make install   a virtual environment in $(VENV) with the tested versions and the development tools"
	@echo "make test      everything that must hold: style, types, import law, tests, documentation"
	@echo "make demo      train LeNet-5 on the digits that come with scikit-learn"
	@echo "make docs      build the documentation into site/"
	@echo "make bench     measure our speed beside that of peers"
	@echo "make clean     remove what was built; runs and $(VENV) stay"

install: $(VENV)/installed

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Without development tools: enough to train. `make install` adds them to the same environment.
$(BIN)/neurarium: | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	# Judges of our networks. torchvision's wheel asks for a torch with CUDA, and pytorch-fid for torchvision; without
	# their dependencies they judge on any.
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt torchvision pytorch-fid
	@touch $@

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest $(PARALLEL)
	$(BIN)/mkdocs build --strict

demo: $(BIN)/neurarium
	$(BIN)/neurarium train lenet5 --data digits

docs: install
	$(BIN)/mkdocs build --strict

bench: install
	$(BIN)/python -m benchmarks

clean:
	rm -rf site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
