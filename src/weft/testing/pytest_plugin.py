"""The pytest plugin: tests that leave nothing behind, hang with a report, and run in seeded order.

Nothing happens to a test that does not ask for it, by ``@pytest.mark.weft`` or, for all tests of
a project, by ``weft = true`` in its pytest configuration. docs/testing.md says what it then gets.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest

from weft.testing._explore import SEED

# Tasks that the body of a test started; as it is torn down they must have ended.
STARTED = pytest.StashKey[list[Any]]()
# The descriptor that was standard error before pytest began to capture it.
STDERR = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("weft", "tests that run on weft").addoption(
        "--weft-seed",
        type=int,
        metavar="N",
        help="run tests marked weft, and every explore(), under the schedule of this seed",
    )
    parser.addini("weft", "treat every test as if it were marked weft", type="bool", default=False)
    parser.addini("weft_timeout", "seconds that a test marked weft may take", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "weft(timeout=None): a test whose tasks must end with it, and whose hang is reported;"
        " timeout: seconds it may take",
    )
    config.stash[STDERR] = os.dup(2)
    config.add_cleanup(lambda: os.close(config.stash[STDERR]))
    seed = config.getoption("--weft-seed")
    if seed is not None:
        before = os.environ.get(SEED)
        os.environ[SEED] = str(seed)
        config.add_cleanup(lambda: restore(before))


def restore(seed: str | None) -> None:
    if seed is None:
        del os.environ[SEED]
    else:
        os.environ[SEED] = seed


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.getoption("--weft-seed")
    return None if seed is None else f"weft: schedule of seed {seed}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if wants_weft(item):
        from weft.testing import _per_test

        _per_test.renew_hub()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    if not wants_weft(item):
        return (yield)
    from weft.testing import _per_test

    seed = item.config.getoption("--weft-seed")
    with (
        _per_test.tasks_noted(item.stash.setdefault(STARTED, [])),
        _per_test.in_schedule(seed),
        _per_test.watched(timeout_of(item), watchdogs(item), item.config.stash[STDERR]),
    ):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    started = item.stash.get(STARTED, [])
    left = ""
    try:
        result = yield
    finally:
        if started:
            from weft.testing import _per_test

            left = _per_test.end_all(started)
    if left:
        pytest.fail(left, pytrace=False)
    return result


def wants_weft(item: pytest.Item) -> bool:
    return bool(item.config.getini("weft")) or item.get_closest_marker("weft") is not None


def timeout_of(item: pytest.Item) -> float | None:
    """Seconds the test may take: by its marker, else by the configuration.

    Raises:
      pytest.fail.Exception: neither a positive number nor None.
    """
    marker = item.get_closest_marker("weft")
    given = dict(marker.kwargs) if marker is not None else {}
    value = given.pop("timeout", item.config.getini("weft_timeout") or None)
    if given or (marker is not None and marker.args):
        pytest.fail(f"the marker is weft(timeout=None), got {marker}", pytrace=False)
    try:
        seconds = None if value is None else float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if seconds is not None and not seconds > 0:
        pytest.fail(f"a test's timeout is a number of seconds, got {value!r}", pytrace=False)
    return seconds


def watchdogs(item: pytest.Item) -> int:
    """How many OS threads of pytest's own watch the test: none of them wakes a task."""
    return int(bool(float(item.config.getini("faulthandler_timeout") or 0)))
