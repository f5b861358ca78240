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

# Shells expand ~ only where a word begins with it, and in `VENV=~/env` none does.
override VENV := $(patsubst ~/%,$(HOME)/%,$(VENV))
override PYTHON := $(patsubst ~/%,$(HOME)/%,$(PYTHON))
ifneq ($(words $(VENV))$(filter ~%,$(VENV)),1)
$(error VENV=$(VENV): give the full path of one folder, without spaces)
endif

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
LAB_ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help lab test book serve bench env doctor lint unit notebooks site explorables browser \
        chromium checkout labs format pins clean


# --- for students and instructors -------------------------------------------------------------

lab: $(VENV)/course.stamp  ## make the environment and open JupyterLab on the first notebook
	$(BIN)/grooves lab $(LAB_ARGS)

test: lint unit notebooks site explorables browser  ## make the environment and run every test
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
# faster. Tests keep off the student's own cache and off every model hub. What a stage provides
# beyond the environment, its prerequisites say; a test that needs more fails (tests/provided.py).

TESTING = OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false \
          HF_HUB_OFFLINE=1 GROOVES_CACHE="$(CURDIR)/_build/test-cache" \
          GROOVES_PROVIDES="$(filter-out %.stamp,$^)"
PYTEST = $(BIN)/python -m pytest --junitxml=_build/reports/$@.xml
OFFLINE := PYTHONPATH=tests/notebooks $(BIN)/python tests/notebooks/offline.py
STAGES_OF_THEIR_OWN := tests/notebooks tests/book tests/explorables tests/lab_browser

lint: $(VENV)/authors.stamp  ## test stage: ruff on code and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# One file per process, in the order of the folders: most of the long files come first. By default,
# those with few tests would come last, although a single one of these tests may take half a minute.
unit: $(VENV)/authors.stamp checkout  ## test stage: the package, the checkers, the habits of the repository
	$(TESTING) $(PYTEST) tests $(STAGES_OF_THEIR_OWN:%=--ignore=%) \
	  -n 2 --dist loadfile --no-loadscope-reorder

# The book takes the results of its notebooks from this run and executes only what is missing; the
# weekly workflow lets it execute all of them. One file per process, in this order, which leaves
# short ones for the end.
notebooks: $(VENV)/authors.stamp  ## test stage: nbval over every notebook and lab solution, with no network
	$(TESTING) $(OFFLINE) $(PYTEST) -p strict_nbval --nbval-lax --nbval-cell-timeout=120 \
	  -n 2 --dist loadfile --no-loadscope-reorder tests/notebooks notebooks labs/solutions

# Whichever test comes first waits for the book, which is no part of its time.
site: $(VENV)/authors.stamp chromium  ## test stage: the book, built and read
	$(TESTING) $(PYTEST) -o junit_duration_report=call tests/book -n 2 --dist worksteal

explorables: $(VENV)/authors.stamp chromium  ## test stage: the explorables, on bare pages
	$(TESTING) $(PYTEST) tests/explorables -n 2 --dist loadfile

browser: $(VENV)/authors.stamp chromium  ## test stage: JupyterLab worked as a student works it
	$(TESTING) $(PYTEST) tests/lab_browser


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
# A stamp inside the environment says that it holds what the requirements say, and for which course,
# so pip runs only after one of the two has changed. An environment also holds the path of its own
# folder: where that was moved or renamed, it is made anew.

MOVED := $(shell venv=$$(sed -n 's/^command = .* -m venv [^/]*//p' $(VENV)/pyvenv.cfg 2>/dev/null); \
  course=$$(cat $(VENV)/course.stamp 2>/dev/null); \
  if [ "$$venv" ] && ! [ "$$venv" -ef $(VENV) ]; then echo environment; \
  elif [ "$$course" ] && ! [ "$$course" -ef . ]; then echo course; fi)
.PHONY: $(if $(MOVED),$(VENV)/course.stamp)

$(VENV)/course.stamp: requirements.txt constraints.txt pyproject.toml
	@$(MAKE_ENVIRONMENT)
	@echo "Installing the course: a few minutes, about 2 GB, once."
	@$(PIP) install --quiet $(EXTRA_INDEX) -r requirements.txt || { echo "The installation failed: see" \
	  "above. Check the network and the room on the disk, then give the same command again." >&2; exit 1; }
	@pwd > $@

$(VENV)/authors.stamp: $(VENV)/course.stamp requirements-dev.txt
	$(PIP) install --quiet $(EXTRA_INDEX) -r requirements-dev.txt
	@touch $@

EXTRA_INDEX = $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

# A Python counts when it is of a version we support and can make environments.
SUITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

define MAKE_ENVIRONMENT
if [ "$(MOVED)" = environment ]; then echo "The folder of $(VENV) was moved or renamed."; \
elif $(BIN)/python -c "$(SUITS)" 2>/dev/null; then exit 0; fi; \
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

# Browser tests need a Chromium, and playwright, which drives it, a library that a small system
# lacks. Where one does not start we install the system's, or say how.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable

define STARTED
browser() { for name in $(BROWSERS); do $$name --version >/dev/null 2>&1 && return; done; false; }; \
started() { browser && { ! [ -x $(BIN)/playwright ] || $(BIN)/playwright --version >/dev/null 2>&1; }; }
endef

chromium:
	@$(STARTED); if started; then exit 0; fi; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then SUDO=; \
	elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then SUDO=sudo; fi; \
	if [ "$${SUDO+known}" ]; then \
	  echo "Installing what the browser tests need: Chromium, libatomic."; \
	  packages=libatomic1; browser || packages="chromium libatomic1"; \
	  $$SUDO apt-get update -qq && \
	  $$SUDO env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends $$packages >/dev/null; \
	  if started; then exit 0; fi; \
	fi; \
	echo "The browser tests need a Chromium that starts, and the library libatomic: install them" \
	     "(Debian: sudo apt-get install chromium libatomic1;" \
	     "Fedora: sudo dnf install chromium libatomic;" \
	     "Ubuntu: Google Chrome's package, because Chromium's needs snap, and libatomic1)" \
	     "and run make test again." >&2; exit 1

checkout:
	@git ls-files >/dev/null || { \
	  echo "The tests ask git which files are the course's, and git does not answer: install it, and" \
	       "test a clone of the course, not an unpacked archive." >&2; exit 1; }

help:
	@echo "Grooves: how generative AI is trained, how it answers, and what it runs on."
	@awk -F ':.*  ## ' '/^# --- .* ---/ {gsub(/# --- | -+$$/, ""); title = $$0} \
	  /^[a-z]+:.*  ## / {if (title) printf "\n%s\n", title; title = ""; \
	                     printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
