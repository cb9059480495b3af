"""``threading``'s functions that trace reach tasks as they reach threads."""

import sys

import pytest


@pytest.mark.parametrize("kind", ["trace", "profile"])
def test_a_thread_starts_with_the_function_for_new_ones(kind, patched) -> None:
    assert patched(f"""
import sys, threading
found = []
def quiet(*_): pass
threading.set{kind}(quiet)
thread = threading.Thread(target=lambda: found.append(sys.get{kind}() is quiet))
thread.start()
thread.join()
print(found, sys.get{kind}())
""") == ["[True] None"]


if sys.version_info >= (3, 12):

    @pytest.mark.parametrize("kind", ["trace", "profile"])
    def test_it_can_be_set_in_all_threads_that_there_are(kind, patched) -> None:
        assert patched(f"""
import sys, threading
def quiet(*_): pass
event = threading.Event()
found = []
def wait():
    event.wait()
    found.append(sys.get{kind}() is quiet)
threads = [threading.Thread(target=wait) for _ in range(3)]
for thread in threads:
    thread.start()
threading.set{kind}_all_threads(quiet)
event.set()
for thread in threads:
    thread.join()
print(found, sys.get{kind}() is quiet)
threading.set{kind}_all_threads(None)
""") == ["[True, True, True] True"]
