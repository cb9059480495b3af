"""Runs CPython's own tests in patched processes, compared with the same tests unpatched.

    python tests/stdlib/run.py                               all modules, on this Python
    python tests/stdlib/run.py test_socket -k ThreadedVSOCK  one, or what matches in it
    python tests/stdlib/run.py --quick                       what continuous integration runs
    python tests/stdlib/run.py --schedule 7                  threads, queues, sockets, shuffled

What the tests do unpatched is kept in build/stdlib/, since it does not change. The README in
this directory says what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from judge import PREEMPTED, Verdict, exceptions, judge, needs_preempting
from modules import EXTRA, installed, selection
from watch import Order, Records, run_module, stop

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = platform.python_version()
PLACE = ROOT / "build" / "stdlib" / VERSION


def main() -> int:
    """Run what the command line names; 0 when all is as it should be."""
    options = parse()
    sys.path.append(str(EXTRA))
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(EXTRA), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    # A shell's background job ignores Ctrl-C, and so would the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # However it is ended, its children must not run on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    listed = exceptions(VERSION.rpartition(".")[0])
    total = Verdict()
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            for verdict in pool.map(partial(compare, options, listed), installed(options.modules)):
                total.add(verdict)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    write(PLACE / f"results{suffix(options)}.json", as_json(total, listed))
    print(f"\nPython {VERSION}: of what passes unpatched, patched pass {total}")
    for name in total.needless:
        print(f"  excepted, but passes: {name}")
    for name, record in total.failures.items():
        print(f"  {record['outcome']:7} {name}\n          {record['reason']}")
    return 0 if total.good and total.expected else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help="test modules or packages; all when none")
    parser.add_argument("-k", dest="pattern", default="", help="only tests whose id has this")
    parser.add_argument("--jobs", type=int, default=1, help="modules at a time")
    parser.add_argument("--quick", action="store_true", help="a selection, done in minutes")
    parser.add_argument("--schedule", type=int, metavar="SEED", help="shuffle the ready tasks")
    parser.add_argument("--anew", action="store_true", help="run the tests unpatched again too")
    options = parser.parse_args()
    if not options.modules:
        mark = "schedule" if options.schedule is not None else "quick" if options.quick else ""
        options.modules = selection(mark)
    return options


def suffix(options: argparse.Namespace) -> str:
    return "" if options.schedule is None else f"-schedule-{options.schedule}"


def compare(options: argparse.Namespace, listed: dict[str, dict], module: str) -> Verdict:
    """Run a module patched, and unpatched unless that is known; keep both, say how it went."""
    before = unpatched(module, options.anew)
    before = {name: each for name, each in before.items() if options.pattern in name}
    kind = f"patched{suffix(options)}"
    order = Order(
        module=module,
        patched=True,
        log=PLACE / kind / f"{module}.log",
        pattern=options.pattern,
        seed=options.schedule,
        before=before,
        without=[name for name in before if {"preempt", "left_out"} & {*listed.get(name, ())}],
    )
    began = time.monotonic()
    order.log.unlink(missing_ok=True)
    after = run_module(order) | preempted(order, listed)
    if not options.pattern:
        write(PLACE / kind / f"{module}.json", after)
    verdict = judge(before, after, listed)
    print(f"{module}: {verdict}  [{time.monotonic() - began:.0f} s]", flush=True)
    return verdict


def preempted(order: Order, listed: dict[str, dict]) -> Records:
    """What the tests come to that are left to preemption: "preempted" if they pass."""
    only = [name for name in order.without if needs_preempting(listed[name])]
    if not only:
        return {}
    records = run_module(replace(order, only=only, without=[], preempt=True))
    passed = {name for name, each in records.items() if each["outcome"] == "pass"}
    return {
        name: {**each, "outcome": PREEMPTED} if name in passed else each
        for name, each in records.items()
    }


def unpatched(module: str, anew: bool) -> Records:
    """What the module's tests do without weft: from the last time, if there was one."""
    path = PLACE / "unpatched" / f"{module}.json"
    if anew or not path.exists():
        write(path, run_module(Order(module, patched=False, log=path.with_suffix(".log"))))
    found: Records = json.loads(path.read_text())
    return found


def as_json(total: Verdict, listed: dict[str, dict]) -> dict:
    return {
        "python": VERSION,
        "expected": total.expected,
        "passed": total.passed,
        "failures": total.failures,
        "excepted": {name: {**each, **listed[name]} for name, each in total.excepted.items()},
        "needless": total.needless,
    }


def write(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
