"""Ctrl-C in chapters that want more than weft, at moments that once gave a traceback."""

import time
from pathlib import Path

from running import children, interrupt, wait_until


def test_ctrl_c_before_the_hosts_of_chapter_15_are_there_leaves_nothing(lesson_started) -> None:
    child = lesson_started("15")
    child.stdout.readline()  # it starts them now
    (host,) = wait_until(lambda: children(child.pid))
    interrupt(child)
    wait_until(lambda: not Path(f"/proc/{host}").exists())


def test_ctrl_c_while_twisted_waits_for_pages_ends_it_with_a_line(lesson_started) -> None:
    child = lesson_started("16")
    assert "-- a blocking server, clients of both kinds\n" in child.stdout
    time.sleep(0.15)  # half of what a page takes
    interrupt(child)
