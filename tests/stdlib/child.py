"""One test module of CPython's, run in this process; each test's result is written as it comes.

    python child.py patched '{"module": "test.test_queue", "records": "out.jsonl", ...}'

The first word is "patched" or "unpatched". The records are JSON lines: ``stage`` (something
begins that is no test), ``start`` and ``end`` of a test, ``finished``. Whoever reads them knows
what was in hand when the process hangs or dies.
"""

import sys


def main() -> None:
    """Patch as ``weft run`` does, before anything is imported, and run the module."""
    patched = sys.argv[1] == "patched"
    if patched:
        import weft.patch

        weft.patch.all()

    import json

    import recording

    # The interpreter put this directory there, and the tests' imports must not find it.
    del sys.path[0]
    wanted = json.loads(sys.argv[2])
    del sys.argv[1:]
    set_up(patched)
    if wanted["preempt"]:
        from weft._core._preempt import preempt

        preempt(0.01)
    if wanted["seed"] is not None:
        from weft._core import _trial

        _trial.settle()
        _trial.shuffle(wanted["seed"])
    run(wanted, recording)


def set_up(patched: bool) -> None:
    """Bring the process into the state that CPython's own runner, regrtest, gives it."""
    import random
    import signal

    from test import support
    from test.libregrtest.setup import setup_process

    setup_process()
    if patched:
        # In place of regrtest's dump of the threads: the same of the tasks.
        import faulthandler

        from weft.inspect._signal import dump_on_signal

        faulthandler.unregister(signal.SIGUSR1)
        dump_on_signal()
    support.verbose = 0
    support.failfast = False
    support.junit_xml_list = None
    # No Internet, no sound, no windows; what takes long, or needs the loopback only, is run.
    support.use_resources = ["cpu", "curses", "decimal", "largefile", "subprocess", "walltime"]
    random.seed(1)


def run(wanted: dict, recording) -> None:
    """Import the module and run its tests, less those that ``wanted`` leaves out."""
    import importlib
    import traceback
    import unittest

    from test import support

    recorder = recording.Recorder(wanted["records"])
    stage = f"import {wanted['module']}"
    recorder.write(event="stage", id=stage)
    try:
        module = importlib.import_module(wanted["module"])
        loaded = unittest.TestLoader().loadTestsFromModule(module)
    except unittest.SkipTest as skip:
        recorder.end(stage, "skip", str(skip))
        loaded = unittest.TestSuite()
    except Exception as error:
        trace = traceback.format_exc()
        reason = f"{type(error).__name__}: {error}"
        recorder.end(stage, "error", reason, trace)
        loaded = unittest.TestSuite()
    tests = [each for each in leaves(loaded) if is_wanted(each, wanted)]
    recording.Suite(tests, recorder).run(recording.Result(recorder))
    support.gc_collect()
    support.reap_children()
    # From here on it only has to end: threads are joined, atexit is run.
    recorder.write(event="finished")


def leaves(suite) -> list:
    """The tests in a suite of suites, in order."""
    found = []
    for each in suite:
        found += leaves(each) if hasattr(each, "__iter__") else [each]
    return found


def is_wanted(test, wanted: dict) -> bool:
    """Whether the test is asked for, and neither it nor its class is left out."""
    import unittest

    fixture = f"setUpClass ({unittest.util.strclass(type(test))})"
    return (
        wanted["pattern"] in test.id()
        and (not wanted["only"] or test.id() in wanted["only"])
        and test.id() not in wanted["without"]
        and fixture not in wanted["without"]
    )


if __name__ == "__main__":
    main()
