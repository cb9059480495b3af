"""Writes down what happens while a suite of tests runs, as it happens.

Must not be imported before the patch: what it imports must be patched as for any program.
"""

import io
import json
import os
import time
import unittest
from unittest.util import strclass

clock = time.perf_counter


class Recorder:
    """A file of JSON lines."""

    # Taken now: a test may put a mock in place of anything.
    encode = staticmethod(json.dumps)
    own_pid = staticmethod(os.getpid)

    def __init__(self, path: str) -> None:
        # Open to the very end, of which nobody is to be warned.
        self.file = io.FileIO(os.open(path, os.O_WRONLY | os.O_APPEND), "a", closefd=False)
        self.pid = os.getpid()

    def write(self, **record) -> None:
        # A forked child that runs on has nothing to say here.
        if self.own_pid() == self.pid:
            self.file.write(self.encode(record).encode() + b"\n")

    def end(
        self, name: str, outcome: str, reason: str, trace: str = "", seconds: float = 0
    ) -> None:
        """Put down what a test, or another thing that has a name, came to."""
        self.write(
            event="end",
            id=name,
            outcome=outcome,
            reason=reason,
            trace=trace,
            seconds=round(seconds, 3),
        )


class Suite(unittest.TestSuite):
    """Says which fixture runs; the tests say so themselves."""

    def __init__(self, tests: list, recorder: Recorder) -> None:
        super().__init__(tests)
        self.recorder = recorder

    def _tearDownPreviousClass(self, test, result) -> None:  # noqa: N802
        before = getattr(result, "_previousTestClass", None)
        if before and before is not type(test):
            self.recorder.write(event="stage", id=f"tearDownClass ({strclass(before)})")
        super()._tearDownPreviousClass(test, result)

    def _handleModuleFixture(self, test, result) -> None:  # noqa: N802
        if self._get_previous_module(result) != type(test).__module__:
            self.recorder.write(event="stage", id=f"setUpModule ({type(test).__module__})")
        super()._handleModuleFixture(test, result)

    def _handleClassSetUp(self, test, result) -> None:  # noqa: N802
        if getattr(result, "_previousTestClass", None) is not type(test):
            self.recorder.write(event="stage", id=f"setUpClass ({strclass(type(test))})")
        super()._handleClassSetUp(test, result)

    def _handleModuleTearDown(self, result) -> None:  # noqa: N802
        module = self._get_previous_module(result)
        if module:
            self.recorder.write(event="stage", id=f"tearDownModule ({module})")
        super()._handleModuleTearDown(result)


class Result(unittest.TestResult):
    """Writes the start and the end of every test; the first thing that is wrong decides."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self.began = clock()
        self.outcome, self.reason, self.trace = "pass", "", ""

    def startTest(self, test) -> None:  # noqa: N802
        super().startTest(test)
        self.began = clock()
        self.recorder.write(event="start", id=test.id())

    def stopTest(self, test) -> None:  # noqa: N802
        super().stopTest(test)
        self.recorder.end(test.id(), self.outcome, self.reason, self.trace, clock() - self.began)
        # Here, since a test of a skipped class is stopped though it was not started (3.12.1).
        self.outcome, self.reason, self.trace = "pass", "", ""

    def note(self, test, outcome: str, reason: str, trace: str = "") -> None:
        if isinstance(test, unittest.suite._ErrorHolder):
            # A fixture's, outside of any test.
            self.recorder.end(test.id(), outcome, reason, trace)
        elif self.outcome == "pass":
            self.outcome, self.reason, self.trace = outcome, reason, trace

    def addError(self, test, err) -> None:  # noqa: N802
        super().addError(test, err)
        self.note(test, "error", summary(err), self.errors[-1][1])

    def addFailure(self, test, err) -> None:  # noqa: N802
        super().addFailure(test, err)
        self.note(test, "fail", summary(err), self.failures[-1][1])

    def addSubTest(self, test, subtest, err) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            bad = issubclass(err[0], test.failureException)
            reason = f"{summary(err)} {subtest._subDescription()}"
            trace = (self.failures if bad else self.errors)[-1][1]
            self.note(test, "fail" if bad else "error", reason, trace)

    def addSkip(self, test, reason) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self.note(test, "skip", reason)

    def addUnexpectedSuccess(self, test) -> None:  # noqa: N802
        super().addUnexpectedSuccess(test)
        self.note(test, "fail", "passed, though it is marked as an expected failure")


def summary(err: tuple) -> str:
    """An exception in one line."""
    text = str(err[1]).strip().splitlines()
    return f"{err[0].__name__}: {text[0] if text else ''}"[:300]
