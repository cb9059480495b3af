"""Whether anything can still run: what a hub asks when nobody is known to end its wait."""

import os
import threading

import pytest

import weft
from weft import _offload, lowlevel
from weft._core import _doubt


def test_nothing_can_run_when_every_other_task_is_parked() -> None:
    task = weft.spawn(lowlevel.park, "test")
    weft.checkpoint()
    assert _doubt.all_hubs_idle()
    lowlevel.unpark(task)
    assert not _doubt.all_hubs_idle()
    task.join()


def test_a_timer_may_wake_a_task() -> None:
    task = weft.spawn(weft.sleep, 3600)
    weft.checkpoint()
    assert not _doubt.all_hubs_idle()
    task.cancel()
    task.join()


def test_a_deadline_around_a_block_may_too() -> None:
    with weft.timeout(3600):
        assert not _doubt.all_hubs_idle()
    assert _doubt.all_hubs_idle()


@pytest.mark.parametrize(
    "wait", [lowlevel.wait_readable, lambda fd: lowlevel.wait_fds([(fd, 1)])], ids=["one", "many"]
)
def test_a_descriptor_may_wake_a_task(wait) -> None:
    reader, writer = os.pipe()
    task = weft.spawn(wait, reader)
    weft.checkpoint()
    assert lowlevel.statistics()["on_descriptors"] == 1
    assert not _doubt.all_hubs_idle()
    task.cancel()
    task.join()
    assert lowlevel.statistics()["on_descriptors"] == 0
    os.close(reader)
    os.close(writer)


def test_a_call_in_a_thread_may_wake_a_task() -> None:
    gate = threading.Lock()
    gate.acquire()
    task = weft.spawn(_offload.run, gate.acquire)
    weft.checkpoint()
    assert lowlevel.statistics()["in_threads"] == 1
    assert not _doubt.all_hubs_idle()
    gate.release()
    task.join()
    assert lowlevel.statistics()["in_threads"] == 0


def test_another_hub_that_runs_may_wake_a_task() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def other() -> None:
        weft.checkpoint()
        begun.set()
        go_on.wait()

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    assert not _doubt.all_hubs_idle()
    go_on.set()
    thread.join()
    assert _doubt.all_hubs_idle()


def test_an_os_thread_may_wake_a_task_unless_it_is_idle_or_has_a_hub(program) -> None:
    out = program("""
        import _thread
        import weft
        from weft import lowlevel
        from weft._core import _doubt

        def park():
            parked.append(weft.current())
            lowlevel.park("test")
            lowlevel.unpark(main)

        main, parked, gate = weft.current(), [], _thread.allocate_lock()
        _doubt.on_doubt(lambda stage: lowlevel.unpark(main, _doubt.strangers()))
        weft.offload(int)
        _thread.start_new_thread(park, ())
        print("idle:", lowlevel.park("test"))

        gate.acquire()
        _thread.start_new_thread(gate.acquire, ())
        print("another:", lowlevel.park("test"))

        stopped = weft.spawn(lowlevel.park, "test")
        weft.checkpoint()
        lowlevel.unpark(stopped)
        print("with a ready task:", _doubt.strangers())
        gate.release()
        lowlevel.unpark(parked[0])
        lowlevel.park("until the thread ends")
    """)
    assert out == "idle: 0\nanother: 1\nwith a ready task: None\n"


def test_an_idle_hub_asks_in_a_task_and_an_answer_ends_the_wait(program) -> None:
    out = program("""
        import weft
        from weft import lowlevel
        from weft._core import _doubt

        main = weft.current()

        def asked(stage):
            print(weft.current().name, stage, _doubt.all_hubs_idle())
            lowlevel.unpark(main, "answer")

        _doubt.on_doubt(asked)
        print(lowlevel.park("test"))
        print(lowlevel.park("test"))
    """)
    assert out == "weft-doubt 1 True\nanswer\nweft-doubt 1 True\nanswer\n"


def test_what_is_raised_in_the_main_task_ends_its_wait_even_for_a_lock(program) -> None:
    out = program("""
        import weft
        from weft import lowlevel
        from weft._core import _doubt

        _doubt.on_doubt(lambda stage: _doubt.raise_in_main(weft.Deadlock(f"stage {stage}")))
        for _ in range(2):
            try:
                lowlevel.park("lock", cancellable=False)
            except weft.Deadlock as why:
                print(why)
    """)
    assert out == "stage 1\nstage 1\n"


def test_nothing_is_raised_in_a_main_task_that_was_woken_meanwhile(program) -> None:
    out = program("""
        import weft
        from weft import lowlevel
        from weft._core import _doubt

        main = weft.current()

        def asked(stage):
            lowlevel.unpark(main, "woken")
            _doubt.raise_in_main(weft.Deadlock("there is none"))

        _doubt.on_doubt(asked)
        print(lowlevel.park("test"))
        weft.sleep(0.001)
    """)
    assert out == "woken\n"


def test_the_deadlock_of_another_thread_is_told_in_the_main_task(program) -> None:
    out = program("""
        import _thread
        import weft
        from weft import lowlevel
        from weft._core import _doubt

        def asked(stage):
            if _doubt.all_hubs_idle():
                _doubt.raise_in_main(weft.Deadlock("all"))

        _doubt.on_doubt(asked)
        _thread.start_new_thread(lowlevel.park, ("test",))
        try:
            lowlevel.park("test")
        except weft.Deadlock as why:
            print(why, flush=True)
    """)
    assert out == "all\n"
