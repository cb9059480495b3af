"""What a green thread's start and failure are known by."""

import _thread
import sys
import threading

import weft
from weft._core._thread import spawned_by, thread_failed


def test_the_hook_is_told_what_the_stdlib_tells(monkeypatch) -> None:
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    ended = threading.Lock()

    def work() -> None:
        ended.acquire()
        raise ArithmeticError

    _thread.start_new_thread(work, ())
    while not told:
        pass
    try:
        work_without_lock()
    except ArithmeticError as error:
        thread_failed(error, work)
    theirs, ours = told
    assert ours.err_msg == theirs.err_msg
    assert ours.object is theirs.object
    assert ours.exc_type is theirs.exc_type is ArithmeticError
    assert (
        ours.exc_traceback.tb_frame.f_code.co_name == "test_the_hook_is_told_what_the_stdlib_tells"
    )


def work_without_lock() -> None:
    raise ArithmeticError


def test_a_task_is_spawned_where_one_says() -> None:
    task = weft.spawn(int)
    spawned_by(task, sys._getframe())
    assert task.spawn_place.endswith(" in test_a_task_is_spawned_where_one_says")
    task.join()
