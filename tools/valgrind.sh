#!/bin/sh
# Runs pytest under valgrind; any error that is not in valgrind.supp fails.
#
#   PYTHON=.venv-debug/bin/python tools/valgrind.sh tests/core -k hub
set -eu
command -v valgrind >/dev/null || { echo "install valgrind first:  apt install valgrind" >&2; exit 1; }
# CPython's own allocator would hide what is read after it was freed.
export PYTHONMALLOC=malloc
# Valgrind runs one thread at a time and 30 times slower: the watchdog would bite for nothing.
exec valgrind --quiet --error-exitcode=99 --num-callers=30 --leak-check=no \
    --suppressions="$(dirname "$0")/valgrind.supp" \
    "$PYTHON" -m pytest -o faulthandler_timeout=1800 "$@"
