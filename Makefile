# make demo    builds weft and shows what it is for
# make test    runs the tests on every CPython from 3.11 up that this machine has
# make test-stdlib  runs CPython's own tests in patched processes
# make test-services  runs the drivers' tests against real servers: MySQL, RabbitMQ, Redis ...
# make services  starts those servers and says where they are; ARGS=stop ends them
# make check   lint, types, layers
# make lesson  runs the lesson's chapters and writes docs/lesson*.md anew; ARGS=06: only that one
# make docs    the site, from docs/ and the docstrings, in build/docs
# make bench   weft against its peers
PYTHON ?= python3
PAGES ?= 200
VENV = .venv/bin

.DEFAULT_GOAL := build
.PHONY: .venv build dev demo test test-stdlib test-services services check lesson docs bench test-debug test-valgrind lock clean

# Each of these looks at what changed, and does nothing when nothing did.
build .venv:
	@$(PYTHON) tools/environment.py .venv

dev:
	@$(PYTHON) tools/environment.py --dev .venv

demo: build
	@$(VENV)/python tools/demo.py --pages $(PAGES)

test:
	@$(PYTHON) tools/run_tests.py $(ARGS)

test-stdlib:
	@$(PYTHON) tools/run_stdlib.py $(ARGS)

test-services:
	@$(PYTHON) tools/run_services.py $(ARGS)

services:
	@$(PYTHON) tools/services $(or $(ARGS),start)

check: dev
	@$(VENV)/python tools/run_checks.py

# What its drivers are compiled with comes by make test-services.
lesson:
	@$(PYTHON) tools/environment.py --services .venvs/lesson
	@.venvs/lesson/bin/python tools/lesson_pages.py $(ARGS)

docs: build
	@$(PYTHON) tools/environment.py --docs .venvs/docs
	@.venvs/docs/bin/python tools/build_docs.py

bench: build
	@$(VENV)/python bench/run.py $(ARGS)

test-debug:
	@$(PYTHON) tools/environment.py --dev --debug .venv-debug
	.venv-debug/bin/python -m pytest tests/core $(ARGS)

test-valgrind:
	@$(PYTHON) tools/environment.py --dev --debug .venv-debug
	@PYTHON=.venv-debug/bin/python tools/valgrind.sh tests/core $(ARGS)

# Writes requirements/*.txt anew from the *.in beside them.
lock:
	@$(PYTHON) tools/lock.py

clean:
	rm -rf build dist .venv .venv-debug .venvs src/*.egg-info
	rm -f src/weft/_core/*.so
	find src tests tools examples -name __pycache__ -prune -exec rm -rf {} +
