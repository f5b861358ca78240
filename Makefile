# Everything the course does starts here. `make` alone lists the targets.
#
# Settings, given on the command line (make lab VENV=~/grooves-env):
#   PYTHON       the Python to make the environment with   (default: the first of 3.11 to 3.13 found)
#   VENV         where the environment lives                (default: .venv)
#   TORCH_INDEX  one more index for pip, where PyTorch keeps the build you want (README.md, "torch")
#   PORT         where `make serve` shows the book          (default: 8000)
#   LAB_ARGS     anything more for JupyterLab, such as --no-browser; --solutions shows labs/solutions

VENV ?= .venv
PORT ?= 8000
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
LAB_ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help lab test book serve bench env doctor lint unit notebooks plain site explorables browser \
        chromium labs format pins clean


# --- for students and instructors -------------------------------------------------------------

lab: $(VENV)/course.stamp  ## make the environment and open JupyterLab on the first notebook
	$(BIN)/grooves lab $(LAB_ARGS)

test: lint unit notebooks plain site explorables browser  ## make the environment and run every test
	@echo "make test: every stage passed."

book: $(VENV)/course.stamp  ## build the static book into _build/html
	$(BIN)/python book/build.py

serve: book  ## build the book and show it on this machine
	@echo "The book: http://localhost:$(PORT)/   (Ctrl-C ends it)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

bench: $(VENV)/authors.stamp  ## run every benchmark; prints tables, writes JSON
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script; done

doctor: $(VENV)/course.stamp  ## check this machine: Python, torch, memory, disk
	$(BIN)/grooves doctor

env: $(VENV)/course.stamp  ## make the environment, nothing else


# --- the stages of `make test` ----------------------------------------------------------------
# Two test processes with one thread each: more threads than cores make small models slower, not
# faster. Tests keep off the student's own cache and off every model hub.

TESTING := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false \
           HF_HUB_OFFLINE=1 GROOVES_CACHE="$(CURDIR)/_build/test-cache"
PYTEST = $(TESTING) $(BIN)/python -m pytest --junitxml=_build/reports/$@.xml
TWO_AT_A_TIME := -n 2 --dist loadfile
STAGES_OF_THEIR_OWN := tests/notebooks tests/book tests/explorables tests/lab_browser

lint: $(VENV)/authors.stamp  ## test stage: ruff on code and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: $(VENV)/authors.stamp  ## test stage: the package, the checkers, the habits of the repository
	$(PYTEST) tests $(STAGES_OF_THEIR_OWN:%=--ignore=%) $(TWO_AT_A_TIME)

# Each notebook and each lab solution runs once for each change, and twice where GROOVES_WHOLE is
# set, as it is every week. The plain run sees all that nbval sees but kept outputs; the book shows
# what it ran.
KEPT = $(shell grep -l nbval-check-output notebooks/*.ipynb)

notebooks: $(VENV)/authors.stamp  ## test stage: nbval over the lab solutions and over kept outputs
	$(PYTEST) --nbval-lax --nbval-cell-timeout=120 $(TWO_AT_A_TIME) labs/solutions \
	  $(if $(GROOVES_WHOLE),notebooks,$(KEPT))

plain: $(VENV)/authors.stamp  ## test stage: run the notebooks without nbval, and with no network
	$(PYTEST) tests/notebooks -n 2

site: $(VENV)/authors.stamp chromium  ## test stage: the book, built and read
	$(PYTEST) tests/book $(TWO_AT_A_TIME)

explorables: $(VENV)/authors.stamp chromium  ## test stage: the explorables, on bare pages
	$(PYTEST) tests/explorables $(TWO_AT_A_TIME)

browser: $(VENV)/authors.stamp chromium  ## test stage: JupyterLab worked as a student works it
	$(PYTEST) tests/lab_browser


# --- for authors ------------------------------------------------------------------------------

labs: $(VENV)/course.stamp  ## make the student labs from labs/solutions
	$(BIN)/grooves labs release

format: $(VENV)/authors.stamp  ## put code and notebooks into the house format, strip outputs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tests/hygiene.py --strip notebooks/*.ipynb labs/*.ipynb labs/solutions/*.ipynb

pins: $(VENV)/authors.stamp  ## write constraints.txt anew from what is installed
	$(BIN)/python tests/pins.py --write

clean:  ## remove what was built (not the environment)
	rm -rf _build .pytest_cache .ruff_cache


# --- how it is made ---------------------------------------------------------------------------
# A stamp inside the environment says that it holds what the requirements say, so pip runs only
# after they have changed.

$(VENV)/course.stamp: requirements.txt constraints.txt pyproject.toml
	@$(MAKE_ENVIRONMENT)
	@echo "Installing the course: a few minutes, about 2 GB, once."
	$(PIP) install --quiet $(EXTRA_INDEX) -r requirements.txt
	@touch $@

$(VENV)/authors.stamp: $(VENV)/course.stamp requirements-dev.txt
	$(PIP) install --quiet $(EXTRA_INDEX) -r requirements-dev.txt
	@touch $@

EXTRA_INDEX = $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

# A Python counts when it is of a version we support and can make environments.
SUITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

define MAKE_ENVIRONMENT
if $(BIN)/python -c "$(SUITS)" 2>/dev/null; then exit 0; fi; \
for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
  if "$$python" -c "$(SUITS)" 2>/dev/null; then \
    echo "Making the environment $(VENV) with $$("$$python" --version)."; \
    exec "$$python" -m venv --clear "$(VENV)"; \
  fi; \
done; \
echo "Grooves needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found:" \
     "install one, or name it with 'make lab PYTHON=/path/to/python3.12'." >&2; \
exit 1
endef

# Browser tests need a Chromium; where there is none we install the system's, or say how.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable

chromium:
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then SUDO=; \
	elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then SUDO=sudo; \
	else echo "The browser tests need Chromium: install it" \
	          "(Debian and Ubuntu: sudo apt-get install chromium; Fedora: sudo dnf install chromium)" \
	          "and run make test again." >&2; exit 1; fi; \
	echo "Installing Chromium for the browser tests."; \
	$$SUDO apt-get update -qq && $$SUDO apt-get install -qq -y --no-install-recommends chromium >/dev/null

help:
	@echo "Grooves: how generative AI is trained, how it answers, and what it runs on."
	@awk -F ':.*  ## ' '/^# --- .* ---/ {gsub(/# --- | -+$$/, ""); title = $$0} \
	  /^[a-z]+:.*  ## / {if (title) printf "\n%s\n", title; title = ""; \
	                     printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
