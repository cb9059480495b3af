"""The tests of weft.testing leave the process as they found it."""

import gc
import time
from collections.abc import Iterator

import pytest

import weft
from weft import lowlevel
from weft._core import _trial

CLOCKS = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns")


@pytest.fixture(autouse=True)
def all_is_put_back() -> Iterator[None]:
    def state() -> tuple[object, ...]:
        functions = [getattr(time, name) for name in (*CLOCKS, "sleep")]
        return functions, _trial.virtual_now(), gc.isenabled(), lowlevel.tasks()

    weft.current()  # makes the hub
    before = state()
    yield
    assert state() == before
