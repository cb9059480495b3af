"""Compares a patched run with an unpatched one, and both with the list of exceptions."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from watch import Records

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
MISSING = {"outcome": "missing", "reason": "did not run", "seconds": 0}


PARTS = {"id", "reason", "detail"}
# Passes only as by weft run --preempt.
PREEMPTED = "preempted"


@dataclass
class Verdict:
    """What came out of some modules."""

    # How many tests pass unpatched, and how many of them patched.
    expected: int = 0
    passed: int = 0
    # What does not pass patched and is no exception, by id.
    failures: Records = field(default_factory=dict)
    # The same, for listed exceptions.
    excepted: Records = field(default_factory=dict)
    # Listed exceptions that pass.
    needless: list[str] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        self.expected += other.expected
        self.passed += other.passed
        self.failures.update(other.failures)
        self.excepted.update(other.excepted)
        self.needless += other.needless

    def outcomes(self, kind: str) -> int:
        """How many tests ended with that outcome, exceptions or not."""
        every = [*self.failures.values(), *self.excepted.values()]
        return sum(each["outcome"] == kind for each in every)

    @property
    def good(self) -> bool:
        return not self.failures and not self.needless

    def __str__(self) -> str:
        share = 100 * self.passed / self.expected if self.expected else 100
        parts = [f"{self.passed} of {self.expected} ({share:.2f}%)"]
        parts += [
            f"{self.outcomes(kind)} {kind}"
            for kind in ("fail", "error", "skip", "missing", "hang", "crash", PREEMPTED)
            if self.outcomes(kind)
        ]
        parts += [f"{len(self.excepted)} of these excepted"] if self.excepted else []
        parts += [f"{len(self.needless)} excepted that pass"] if self.needless else []
        return ", ".join(parts)


def judge(unpatched: Records, patched: Records, excepted: dict[str, dict]) -> Verdict:
    """What passes unpatched must pass patched, and nothing else may go wrong that did not before.

    ``excepted`` has the entry of each test that need not pass, by id.
    """
    verdict = Verdict()
    for name in [*unpatched, *(name for name in patched if name not in unpatched)]:
        before = unpatched.get(name)
        now = patched.get(name, MISSING)
        passes = now["outcome"] == "pass"
        if before and before["outcome"] == "pass":
            verdict.expected += 1
            verdict.passed += passes
        elif before or now["outcome"] in ("pass", "skip"):
            continue
        if passes:
            verdict.needless += [name] if name in excepted else []
        elif name in excepted and (
            now["outcome"] == PREEMPTED or not needs_preempting(excepted[name])
        ):
            verdict.excepted[name] = now
        else:
            verdict.failures[name] = now
    return verdict


def exceptions(version: str) -> dict[str, dict]:
    """The listed exceptions for a Python such as "3.12", by id.

    Raises:
      ValueError: an entry lacks a part, or has one that is not known.
    """
    found = {}
    for entry in tomllib.loads(EXCEPTIONS.read_text()).get("exception", []):
        if {*entry} - {"python", "preempt", "left_out"} != PARTS or not all(entry.values()):
            raise ValueError(f"an exception has an id, a reason and a detail: {entry}")
        if version in entry.get("python", [version]):
            found[entry["id"]] = entry
    return found


def needs_preempting(entry: dict) -> bool:
    """Whether the test has to pass when tasks are preempted."""
    return bool(entry.get("preempt"))
